// The last run in a few numbers, each with its way there.

import { h, sparkline } from "./dom";
import { count, percent, short, signed } from "./format";
import { type History, numberOf, type Run } from "./history";
import { enteredDrawn, given } from "./pictures";

const SPARK_RUNS = 60;

/** Return what a task that pulls has to tell. */
export function pullTiles(history: History): HTMLElement[] {
  const runs = history.ordered();
  const last = history.lastTold();
  if (last === undefined) return [];
  const before = history.toldBefore(last);
  const of = (name: string): (number | null)[] => runs.map((run) => numberOf(run, name));
  const since = (name: string): string => {
    const [now, then] = [numberOf(last, name), numberOf(before, name)];
    return now === null || then === null ? "first run" : `${signed(now - then)} since the run before`;
  };
  const tiles = [
    tile("Customers asked about", count(numberOf(last, "customers")), since("customers"), of("customers")),
    tile("Memberships", count(numberOf(last, "memberships")), since("memberships"), of("memberships")),
  ];
  if (history.tellsMoves) {
    const moved = `+${count(numberOf(last, "entered"))}  \u2212${count(numberOf(last, "left"))}`;
    tiles.push(tile("Entered, left", moved, "in the last run", enteredDrawn(runs)));
  }
  tiles.push(tile("Calls", count(numberOf(last, "calls")), fewer(last), of("calls")));
  return tiles;
}

/** Return what tasks that publish have to tell. */
export function vouchersTile(history: History): HTMLElement {
  const runs = history.ordered();
  const all = runs.reduce((sum, run) => sum + (given(run) ?? 0), 0);
  const last = history.lastTold();
  return tile(
    "Vouchers given",
    count(all),
    last ? `${count(given(last))} in the last run` : "none yet",
    runs.map(given),
  );
}

/** Say how many times fewer calls a run took than one by one. */
function fewer(run: Run): string {
  const [took, customers] = [numberOf(run, "calls") ?? 0, numberOf(run, "customers") ?? 0];
  if (took === 0) return "held from an earlier try";
  if (customers <= took) return "asked one by one";
  const times = customers / took;
  return `${times >= 2 ? `${short(Math.round(times))} times` : percent(customers - took, customers)} fewer than one by one`;
}

function tile(label: string, value: string, note: string, values: (number | null)[]): HTMLElement {
  return h(
    "div",
    { class: "tile" },
    h("p", { class: "label" }, label),
    h("p", { class: "number" }, value),
    h("p", { class: "note" }, note),
    values.filter((one) => one !== null).length > 1 && sparkline(values.slice(-SPARK_RUNS), 120, 34),
  );
}
