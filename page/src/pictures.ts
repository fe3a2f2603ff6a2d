// What each picture shows of a history.

import { count, duration, short, signed } from "./format";
import { type History, numberOf, type Run, sizeOf } from "./history";
import type { Row, Shown } from "./picture";
import { type Colours, DASHES } from "./theme";

const NOT_YET = "No run told anything yet.";

const negative = (value: number | null): number | null => (value === null ? null : -value);

/** A segment with a line, and the colour it keeps. */
export interface Chosen {
  segment: number;
  slot: number;
}

/** Sizes of the chosen segments. */
export function sizes(
  history: History,
  runs: Run[],
  chosen: Chosen[],
  colours: Colours,
  drop: (segment: number) => void,
): Shown {
  const rows = chosen.map(({ segment, slot }): Row => {
    const label = history.segments[segment]?.name ?? "";
    const button = { label: `Take ${label} out of the picture`, press: () => drop(segment) };
    const values = runs.map((run) => sizeOf(run, segment));
    return { label, colour: colours.lines[slot] ?? colours.text, values, as: "line", dash: DASHES[slot], button };
  });
  const empty = chosen.length === 0 && history.segments.length > 0 ? "Choose a segment in the list." : NOT_YET;
  return { runs, rows, format: count, axis: short, hasEndLabels: true, empty };
}

/** Who entered and left; where no history tells, by how much the sizes changed. */
export function moves(history: History, runs: Run[], chosen: Chosen[] | null, colours: Colours): Shown {
  if (!history.tellsMoves) return netChange(history, runs, chosen, colours);
  const of = (run: Run, name: "entered" | "left"): number | null => {
    if (!run.numbers || !(name in run.numbers)) return null;
    return chosen === null
      ? numberOf(run, name)
      : chosen.reduce((all, { segment }) => all + (run[name][segment] ?? 0), 0);
  };
  const entered = runs.map((run) => of(run, "entered"));
  const left = runs.map((run) => of(run, "left"));
  const drawn = entered.map((value, at) => (isBegin(runs[at]) ? null : value));
  const rows: Row[] = [
    { label: "Entered", colour: colours.up, values: entered, drawn, as: "bar" },
    { label: "Left", colour: colours.down, values: left, drawn: left.map(negative), as: "bar" },
  ];
  return { runs, rows, format: count, axis: (value) => short(Math.abs(value)), isAboutZero: true, empty: NOT_YET };
}

/** Whether a history begins with a run: it finds everybody to have entered, and no other bar would be seen beside it. */
const isBegin = (run: Run | undefined): boolean =>
  run?.numbers?.left === 0 && run.numbers.entered === run.numbers.memberships && run.numbers.entered !== 0;

/** Return how many entered, as far as that is drawn. */
export const enteredDrawn = (runs: Run[]): (number | null)[] =>
  runs.map((run) => (isBegin(run) ? null : numberOf(run, "entered")));

/** Say which run is not drawn, if one is not. */
export function begins(runs: Run[]): string {
  const first = runs.find(isBegin);
  return first
    ? `A history begins with everybody entering: ${count(numberOf(first, "entered"))} in its first run, which is not drawn.`
    : "";
}

function netChange(history: History, runs: Run[], chosen: Chosen[] | null, colours: Colours): Shown {
  const size = (run: Run): number | null =>
    chosen === null
      ? numberOf(run, "memberships")
      : run.numbers && chosen.reduce((all, { segment }) => all + (sizeOf(run, segment) ?? 0), 0);
  const changes = runs.map((run) => {
    const before = history.toldBefore(run);
    const now = size(run);
    return now === null || before === undefined ? null : now - (size(before) ?? 0);
  });
  const part = (sign: 1 | -1): (number | null)[] =>
    changes.map((change) => (change !== null && change * sign > 0 ? change : null));
  const rows: Row[] = [
    { label: "Grew by", colour: colours.up, values: part(1), as: "bar" },
    { label: "Shrank by", colour: colours.down, values: part(-1), as: "bar" },
  ];
  const empty = runs.some((run) => run.numbers) ? "It takes two runs to see a change." : NOT_YET;
  return { runs, rows, format: signed, axis: short, isAboutZero: true, empty };
}

export const WAYS: Record<string, string> = {
  per_customer: "Asked one by one",
  per_segment: "Listed by segment",
  export: "Exported",
};

/** Calls by the way taken, and what asking one by one would have taken: one call for each customer. */
export function calls(runs: Run[], colours: Colours): Shown {
  const oneByOne = runs.map((run) => (numberOf(run, "calls") === null ? null : numberOf(run, "customers") || null));
  const rows: Row[] = [{ label: "One by one it takes", colour: colours.muted, values: oneByOne, as: "step" }];
  const all = runs.map((run) => numberOf(run, "calls"));
  const ways = [...new Set(runs.flatMap((run) => run.strategies))].sort();
  for (const way of ways) {
    const values = runs.map((run, at) => (run.strategies[0] === way ? (all[at] ?? null) : null));
    const label = WAYS[way] ?? way;
    rows.push({
      label,
      colour: colours.ways[way] ?? colours.text,
      values,
      drawn: values.map((value) => value || null),
      as: "point",
    });
  }
  const untold = runs.map((run, at) => (run.strategies.length === 0 ? (all[at] ?? null) : null));
  if (untold.some((value) => value !== null)) {
    rows.push({
      label: "Held from before",
      colour: colours.text,
      values: untold,
      drawn: untold.map((value) => value || null),
      as: "point",
    });
  }
  return { runs, rows, format: count, axis: short, isLog: true, empty: NOT_YET };
}

/** Seconds at work, and those in which the rate limit made the task wait. */
export function time(runs: Run[], colours: Colours): Shown {
  const whole = runs.map((run) => numberOf(run, "duration_seconds"));
  const waited = runs.map(
    (run) => numberOf(run, "waited_seconds") ?? (numberOf(run, "duration_seconds") === null ? null : 0),
  );
  const worked = whole.map((seconds, at) => (seconds === null ? null : Math.max(seconds - (waited[at] ?? 0), 0)));
  const rows: Row[] = [
    {
      label: "Waited for the rate limit",
      colour: colours.down,
      values: waited,
      drawn: waited.map((seconds, at) => (seconds === null ? null : seconds + (worked[at] ?? 0))),
      as: "bar",
    },
    { label: "At work", colour: colours.up, values: worked, as: "bar" },
  ];
  return {
    runs,
    rows,
    format: duration,
    axis: (value) => (value === 0 ? "0" : duration(value).replace(".0 s", " s").replace(" 0 s", "")),
    empty: NOT_YET,
  };
}

/** Return how many codes a run gave. */
export function given(run: Run): number | null {
  const published = numberOf(run, "published");
  return published === null ? null : published - (numberOf(run, "published_before") ?? 0);
}

/** Codes given, and customers who got none. */
export function publications(runs: Run[], colours: Colours): Shown {
  const refused = runs.map((run) => {
    const parts = ["unknown", "failed", "no_voucher"].map((name) => numberOf(run, name));
    return parts.every((part) => part === null) ? null : parts.reduce<number>((all, part) => all + (part ?? 0), 0);
  });
  const rows: Row[] = [
    { label: "Given", colour: colours.up, values: runs.map(given), as: "bar" },
    { label: "Refused", colour: colours.down, values: refused, drawn: refused.map(negative), as: "bar" },
  ];
  return { runs, rows, format: count, axis: (value) => short(Math.abs(value)), isAboutZero: true, empty: NOT_YET };
}
