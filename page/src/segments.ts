// The last run as a sorted list of bars; whoever is pressed has a line in the picture of sizes.

import { download, h, link, sparkline } from "./dom";
import { type Cell, count, csv, Dates, signed } from "./format";
import { type History, type Run, sizeOf } from "./history";

const AT_FIRST = 12;
const MORE = 60;
const SPARK_RUNS = 60;

type Order = "size" | "change" | "name";

interface Line {
  at: number;
  id: string;
  name: string;
  size: number;
  change: number | null;
}

export interface SegmentsFrame {
  /** Return the colour of the segment's line, `null` if it has none. */
  colourOf: (segment: number) => string | null;
  press: (segment: number) => void;
  address: (run: Run) => string | null;
}

const ORDERS: Record<Order, [string, (a: Line, b: Line) => number]> = {
  size: ["Largest first", (a, b) => b.size - a.size],
  change: ["Changed most", (a, b) => Math.abs(b.change ?? 0) - Math.abs(a.change ?? 0)],
  name: ["By name", (a, b) => a.name.localeCompare(b.name)],
};

export class Segments {
  readonly element: HTMLElement;
  private readonly when = h("p");
  private readonly list = h("ol", { class: "bars" });
  private readonly status = h("p", { class: "hint", role: "status" });
  private readonly more = h("button", { type: "button", class: "more", click: () => this.showMore() });
  private readonly search = h("input", {
    type: "search",
    placeholder: "Search segments",
    "aria-label": "Search segments",
    input: () => this.begin(),
  });
  private readonly order = h(
    "select",
    { "aria-label": "Order of segments", change: () => this.begin() },
    ...Object.entries(ORDERS).map(([value, [label]]) => h("option", { value }, label)),
  );
  private history: History | null = null;
  private lines: Line[] = [];
  private limit = AT_FIRST;

  constructor(private readonly frame: SegmentsFrame) {
    const keep = h("button", { type: "button", click: () => this.keep(), "aria-label": "CSV of the last run" }, "CSV");
    this.element = h(
      "section",
      { class: "card segments", "data-picture": "last_run", "aria-label": "The last run" },
      h(
        "header",
        {},
        h("div", { class: "heading" }, h("h2", {}, "The last run"), this.when),
        h("div", { class: "actions" }, keep),
      ),
      h("div", { class: "finding" }, this.search, this.order),
      this.list,
      this.more,
      this.status,
    );
  }

  /** Take up a history that grew, or another one. */
  show(history: History): void {
    this.history = history;
    const run = history.lastTold();
    const before = run && history.toldBefore(run);
    this.lines = history.segments
      .map(({ id, name }, at): Line => {
        const size = sizeOf(run, at) ?? 0;
        const earlier = sizeOf(before, at);
        return { at, id, name, size, change: earlier === null ? null : size - earlier };
      })
      .filter((line) => line.size > 0 || (line.change ?? 0) !== 0);
    const dates = new Dates(history.runs.map((one) => one.date));
    this.when.replaceChildren(
      ...(run
        ? [link(dates.full(run.date), this.frame.address(run)), ": customers in each segment"]
        : ["No run told anything yet"]),
    );
    this.draw();
  }

  private get found(): Line[] {
    const wanted = this.search.value.trim().toLowerCase();
    const found =
      wanted === "" ? [...this.lines] : this.lines.filter((line) => line.name.toLowerCase().includes(wanted));
    return found.sort(
      (a, b) => ORDERS[this.order.value as Order][1](a, b) || b.size - a.size || (a.id < b.id ? -1 : 1),
    );
  }

  private begin(): void {
    this.limit = AT_FIRST;
    this.draw();
  }

  private showMore(): void {
    this.limit += MORE;
    this.draw();
  }

  private draw(): void {
    const found = this.found;
    const largest = this.lines.reduce((most, line) => Math.max(most, line.size), 1);
    this.list.replaceChildren(...found.slice(0, this.limit).map((line) => this.bar(line, largest)));
    const rest = found.length - this.limit;
    this.more.hidden = rest <= 0;
    this.more.textContent = `Show ${Math.min(rest, MORE)} more`;
    const shown = Math.min(found.length, this.limit);
    const isSearched = this.search.value.trim() !== "";
    const of = `${count(shown)} of ${count(found.length)}${isSearched ? ` found among ${count(this.lines.length)}` : " segments"}`;
    this.status.textContent = found.length === 0 ? "No segment has that in its name" : of;
  }

  private bar(line: Line, largest: number): HTMLElement {
    const colour = this.frame.colourOf(line.at);
    const runs = this.history?.ordered().slice(-SPARK_RUNS) ?? [];
    const filled = h("i");
    filled.style.width = `${(100 * line.size) / largest}%`;
    const change = line.change === null ? "" : `, ${signed(line.change)} since the run before`;
    const button = h(
      "button",
      {
        type: "button",
        "aria-pressed": String(colour !== null),
        "aria-label": `${line.name}: ${count(line.size)} customers${change}`,
        title: line.name,
        click: () => this.frame.press(line.at),
      },
      h("span", { class: "dot" }),
      h("span", { class: "name" }, h("span", {}, line.name), h("span", { class: "track" }, filled)),
      sparkline(
        runs.map((run) => sizeOf(run, line.at)),
        64,
        24,
      ),
      h("span", { class: "size" }, count(line.size)),
      h(
        "span",
        { class: `change ${(line.change ?? 0) > 0 ? "up" : (line.change ?? 0) < 0 ? "down" : ""}` },
        line.change === null ? "" : signed(line.change),
      ),
    );
    if (colour !== null) button.style.setProperty("--colour", colour);
    return h("li", { "data-segment": line.id }, button);
  }

  private keep(): void {
    const rows: Cell[][] = [["segment_id", "segment_name", "customers", "change"]];
    rows.push(...this.found.map((line): Cell[] => [line.id, line.name, line.size, line.change]));
    download("voucherify_last_run.csv", csv(rows));
  }
}
