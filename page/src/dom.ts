// Elements, made without a word of HTML: what is shown is set as text.

type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | number | boolean | null | undefined | ((event: Event) => void)>;

function fill(element: Element, attributes: Attributes, children: Child[]): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child !== null && child !== undefined && child !== false) element.append(child);
}

/** Make an element; texts among the children stay texts, functions among the attributes listen. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  fill(element, attributes, children);
  return element;
}

/** Make an element of a drawing. */
export function svg(tag: string, attributes: Attributes = {}, ...children: Child[]): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  fill(element, attributes, children);
  return element;
}

/** Return a link to a page of this Airflow, or its text where there is no such page. */
export function link(text: string, address: string | null, label?: string): Node {
  if (address === null || !/^https?:/.test(address)) return document.createTextNode(text);
  return h("a", { href: address, "aria-label": label }, text);
}

/** Return buttons of which one is pressed: each with its value, its text and, if that is not enough, what is read out. */
export function segmented<Value>(
  label: string,
  choices: [value: Value, text: string, readOut?: string][],
  pressed: Value,
  press: (value: Value) => void,
): HTMLElement {
  const buttons = choices.map(([value, text, readOut]) => {
    const click = (): void => {
      for (const button of buttons) button.setAttribute("aria-pressed", String(button === made));
      press(value);
    };
    const made = h("button", {
      type: "button",
      "aria-pressed": String(value === pressed),
      "aria-label": readOut,
      click,
    });
    made.textContent = text;
    return made;
  });
  return h("div", { class: "segmented", role: "group", "aria-label": label }, ...buttons);
}

/** Return a line through values from 0 to 1's height, gaps left out. */
export function sparkline(values: (number | null)[], width: number, height: number): SVGElement {
  const told = values.filter((value) => value !== null);
  const low = Math.min(...told);
  const range = Math.max(...told) - low;
  const step = width / Math.max(values.length - 1, 1);
  let path = "";
  let isOpen = false;
  values.forEach((value, at) => {
    if (value === null) isOpen = false;
    else {
      const y = range === 0 ? height / 2 : height - 1.5 - ((value - low) / range) * (height - 3);
      path += `${isOpen ? "L" : "M"}${(at * step).toFixed(1)} ${y.toFixed(1)}`;
      isOpen = true;
    }
  });
  const size = { width, height, viewBox: `0 0 ${width} ${height}` };
  return svg(
    "svg",
    { ...size, class: "spark", "aria-hidden": "true", preserveAspectRatio: "none" },
    svg("path", { d: path }),
  );
}

/** Hand a text to the browser as a file to be kept. */
export function download(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const anchor = h("a", { href: address, download: name });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
