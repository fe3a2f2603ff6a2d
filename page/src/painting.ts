// Who is painted when: one picture a frame, and only what is in sight, so that no frame has to wait for many.

type Paint = () => void;

const waiting = new Map<Element, Paint>();
const inSight = new WeakSet<Element>();
let isAsked = false;

const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) inSight.add(target);
    else inSight.delete(target);
  }
  ask();
});

function ask(): void {
  if (isAsked || ![...waiting.keys()].some((element) => inSight.has(element))) return;
  isAsked = true;
  requestAnimationFrame(() => {
    isAsked = false;
    const next = [...waiting].find(([element]) => inSight.has(element));
    if (next !== undefined) {
      waiting.delete(next[0]);
      next[1]();
    }
    ask();
  });
}

/** Watch whether an element is in sight. */
export const watch = (element: Element): void => observer.observe(element);

/** Paint an element once it is in sight and its turn has come; a later call takes the place of an earlier one. */
export function paintSoon(element: Element, paint: Paint): void {
  waiting.set(element, paint);
  ask();
}

/** Paint an element that waits without waiting any longer. */
export function paintNow(element: Element): void {
  const paint = waiting.get(element);
  waiting.delete(element);
  paint?.();
}

/** Forget an element. */
export function forget(element: Element): void {
  observer.unobserve(element);
  waiting.delete(element);
}
