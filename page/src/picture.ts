// One picture: a drawing over runs, its values in words, the same as a table, and as CSV.

import uPlot from "uplot";
import { download, h, link } from "./dom";
import { type Cell, csv, Dates } from "./format";
import type { Run } from "./history";
import { forget, paintNow, paintSoon, watch } from "./painting";
import type { Colours } from "./theme";

/** A row of values, one for each run. */
export interface Row {
  label: string;
  colour: string;
  values: (number | null)[];
  /** Where they are drawn, if not at their value: below zero, or on top of others. */
  drawn?: (number | null)[];
  as: "line" | "bar" | "point" | "step";
  dash?: number[];
  /** A button beside its value, such as one that takes the line away. */
  button?: { label: string; press: () => void };
}

export interface Shown {
  runs: Run[];
  rows: Row[];
  format: (value: number | null) => string;
  axis: (value: number) => string;
  isLog?: boolean;
  isAboutZero?: boolean;
  hasEndLabels?: boolean;
  empty: string;
}

export interface Frame {
  name: string;
  title: string;
  question: string;
  colours: () => Colours;
  address: (run: Run) => string | null;
  /** Pictures of one name move their cursors together. */
  sync: string;
  /** In pixels. */
  height: number;
}

const TABLE_ROWS = 60;
const LABEL_ROOM = 150;
const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

const stamp = (date: number): string => new Date(date).toISOString().slice(0, 19) + "Z";
const shortened = (text: string): string => (text.length > 21 ? `${text.slice(0, 20)}…` : text);

export class Picture {
  readonly element: HTMLElement;
  /** Place for what a picture has of its own: choices beside its buttons, and words below it. */
  readonly choices = h("div", { class: "choices" });
  readonly below = h("div", { class: "below" });
  private readonly drawing: HTMLElement;
  private readonly readout = h("div", { class: "readout" });
  private readonly table = h("div", { class: "table", hidden: true });
  private readonly toggle: HTMLButtonElement;
  private readonly resized: ResizeObserver;
  private shown: Shown | null = null;
  private plot: uPlot | null = null;
  private at: number | null = null;
  private tableRows = TABLE_ROWS;

  constructor(private readonly frame: Frame) {
    this.drawing = h("div", {
      class: "drawing",
      tabindex: 0,
      role: "group",
      "aria-roledescription": "chart",
      "aria-label": `${frame.title}. Arrow keys walk through the runs; the same is there as a table.`,
      keydown: (event) => this.walk(event as KeyboardEvent),
      blur: () => this.moveTo(null),
    });
    this.toggle = h("button", { type: "button", "aria-pressed": "false", click: () => this.turn() }, "Table");
    const keep = h(
      "button",
      { type: "button", click: () => this.keep(), "aria-label": `CSV of ${frame.title}` },
      "CSV",
    );
    this.element = h(
      "section",
      { class: "card", "data-picture": frame.name, "aria-label": frame.title },
      h(
        "header",
        {},
        h("div", { class: "heading" }, h("h2", {}, frame.title), h("p", {}, frame.question)),
        h("div", { class: "actions" }, this.choices, this.toggle, keep),
      ),
      this.readout,
      this.drawing,
      this.table,
      this.below,
    );
    this.resized = new ResizeObserver(() => this.fit());
    this.resized.observe(this.drawing);
    watch(this.drawing);
  }

  /** Show other numbers: at once in words and in the table, in the drawing as soon as it is its turn. */
  show(shown: Shown): void {
    if (this.shown?.runs.length !== shown.runs.length) this.at = null; // whoever looks at a run goes on with it
    this.shown = shown;
    this.tell();
    if (!this.table.hidden) this.fillTable();
    paintSoon(this.drawing, () => this.paint());
  }

  private paint(): void {
    const shown = this.shown;
    if (shown === null) return;
    this.plot?.destroy();
    this.plot = null;
    this.drawing.replaceChildren();
    const isEmpty = shown.rows.every((row) => row.values.every((value) => value === null));
    if (isEmpty) this.drawing.append(h("p", { class: "empty" }, shown.empty));
    else this.draw(shown);
  }

  destroy(): void {
    this.resized.disconnect();
    forget(this.drawing);
    this.plot?.destroy();
  }

  private get width(): number {
    return Math.max(this.drawing.clientWidth, 200);
  }

  private fit(): void {
    if (this.plot !== null && this.drawing.clientWidth > 0 && this.plot.width !== this.width) {
      this.plot.setSize({ width: this.width, height: this.frame.height });
    }
  }

  private draw(shown: Shown): void {
    const xs = shown.runs.map((_, at) => at);
    const data = [xs, ...shown.rows.map((row) => row.drawn ?? row.values)] as uPlot.AlignedData;
    this.plot = new uPlot(this.options(shown), data, this.drawing);
  }

  private options(shown: Shown): uPlot.Options {
    const { at } = this; // a drawing that takes the place of another begins where that was pointed at
    const colours = this.frame.colours();
    const dates = new Dates(shown.runs.map((run) => run.date));
    const last = Math.max(shown.runs.length - 1, 0);
    const hasLabels = shown.hasEndLabels === true && this.width > 560;
    return {
      width: this.width,
      height: this.frame.height,
      padding: [10, hasLabels ? LABEL_ROOM : 14, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: false, y: false },
        points: {
          size: 9,
          width: 2,
          fill: colours.panel,
          stroke: (plot, at) =>
            String(plot.series[at]?.stroke instanceof Function ? shown.rows[at - 1]?.colour : colours.text),
        },
        sync: { key: this.frame.sync, setSeries: false },
      },
      scales: {
        x: { time: false, range: [-0.6, last + 0.6] },
        y: shown.isLog
          ? { distr: 3, range: (_, low, high) => decades(low, high) }
          : { range: (_, low, high) => room(low, high, shown) },
      },
      axes: [
        {
          stroke: colours.text,
          font: FONT,
          grid: { show: false },
          ticks: { show: false },
          gap: 8,
          size: 30,
          space: 76,
          incrs: [1, 2, 3, 7, 14, 28, 56, 91, 182],
          values: (_, at) => at.map((value) => (shown.runs[value] ? dates.brief(shown.runs[value].date) : "")),
        },
        {
          stroke: colours.text,
          font: FONT,
          grid: { stroke: colours.grid, width: 1 },
          ticks: { show: false },
          gap: 6,
          size: 56,
          space: 44,
          splits: shown.isLog ? (_, __, low, high) => powersOfTen(low, high) : undefined,
          values: (_, at) => at.map((value) => (value === null ? "" : shown.axis(value))),
        },
      ],
      series: [{}, ...shown.rows.map((row) => series(row, shown.runs.length))],
      hooks: {
        ready: at === null ? [] : [() => this.moveTo(at)],
        setCursor: [(plot) => this.pointed(plot.cursor.idx ?? null)],
        draw: hasLabels ? [(plot) => endLabels(plot, shown.rows)] : [],
        drawAxes: shown.isAboutZero ? [(plot) => zeroLine(plot, colours)] : [],
      },
    };
  }

  private pointed(at: number | null): void {
    if (at === this.at) return;
    this.at = at;
    this.tell();
  }

  private walk(event: KeyboardEvent): void {
    const last = (this.shown?.runs.length ?? 0) - 1;
    const at = this.at ?? last + 1;
    const wanted = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (event.key === "Escape") this.moveTo(null);
    if (wanted === undefined || this.shown === null) return;
    event.preventDefault();
    this.readout.setAttribute("aria-live", "polite");
    this.pointed(Math.min(Math.max(wanted, 0), last));
    if (this.plot === null) paintNow(this.drawing);
    else this.moveTo(this.at);
  }

  private moveTo(at: number | null): void {
    if (this.plot === null) return;
    if (at === null) this.plot.setCursor({ left: -10, top: -10 });
    else this.plot.setCursor({ left: this.plot.valToPos(at, "x"), top: 10 });
  }

  /** Say the values of the run pointed at, or of the last one that has some. */
  private tell(): void {
    const shown = this.shown;
    if (shown === null) return;
    const told = shown.runs.findLastIndex((_, at) => shown.rows.some((row) => (row.values[at] ?? null) !== null));
    const at = this.at ?? told;
    const run = shown.runs[at];
    this.readout.replaceChildren();
    if (run === undefined) return;
    const dates = new Dates(shown.runs.map((one) => one.date));
    const isTold = shown.rows.some((row) => (row.values[at] ?? null) !== null);
    const state = isTold ? "" : ` (${[...new Set(run.states)].join(", ") || "nothing told"})`;
    const when = h(
      "span",
      { class: "when" },
      link(dates.full(run.date) + state, this.frame.address(run), `Run of ${dates.full(run.date)}`),
    );
    this.readout.append(when, ...shown.rows.map((row) => this.value(row, shown.format(row.values[at] ?? null))));
  }

  private value(row: Row, text: string): Node {
    const button = row.button;
    const remove =
      button && h("button", { type: "button", class: "drop", "aria-label": button.label, click: button.press }, "×");
    const mark = h("i", { class: `mark ${row.as}`, "aria-hidden": "true" });
    mark.style.setProperty("--colour", row.colour);
    if (row.dash?.length) mark.classList.add(row.dash[0] === 7 ? "dashed" : "dotted");
    return h("span", { class: "value" }, mark, h("span", { class: "name" }, row.label), h("b", {}, text), remove);
  }

  private turn(): void {
    this.table.hidden = !this.table.hidden;
    this.drawing.hidden = !this.table.hidden;
    this.toggle.setAttribute("aria-pressed", String(!this.table.hidden));
    this.toggle.textContent = this.table.hidden ? "Table" : "Picture";
    if (this.table.hidden) this.fit();
    else this.fillTable();
  }

  private fillTable(): void {
    const shown = this.shown;
    if (shown === null) return;
    const dates = new Dates(shown.runs.map((run) => run.date));
    const body = h("tbody");
    const runs = shown.runs.map((run, at) => ({ run, at })).reverse();
    for (const { run, at } of runs.slice(0, this.tableRows)) {
      const cells = shown.rows.map((row) => h("td", {}, shown.format(row.values[at] ?? null)));
      const when = h("th", { scope: "row" }, link(dates.full(run.date), this.frame.address(run)));
      body.append(h("tr", {}, when, h("td", { class: "state" }, [...new Set(run.states)].join(", ")), ...cells));
    }
    const names = ["Run", "State", ...shown.rows.map((row) => row.label)];
    const head = h("thead", {}, h("tr", {}, ...names.map((name) => h("th", { scope: "col" }, name))));
    const more = h("button", { type: "button", class: "more", click: () => this.moreRows() }, "Show more runs");
    const hasMore = runs.length > this.tableRows;
    this.table.replaceChildren(
      h("table", {}, h("caption", { class: "unseen" }, this.frame.title), head, body),
      ...(hasMore ? [more] : []),
    );
  }

  private moreRows(): void {
    this.tableRows += 4 * TABLE_ROWS;
    this.fillTable();
  }

  private keep(): void {
    const shown = this.shown;
    if (shown === null) return;
    const rows: Cell[][] = [["run_id", "date", "state", ...shown.rows.map((row) => row.label)]];
    shown.runs.forEach((run, at) => {
      rows.push([
        run.id,
        stamp(run.date),
        [...new Set(run.states)].join(" "),
        ...shown.rows.map((row) => row.values[at] ?? null),
      ]);
    });
    download(`voucherify_${this.frame.name}.csv`, csv(rows));
  }
}

function powersOfTen(low: number, high: number): number[] {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  return Array.from({ length: last - first + 1 }, (_, at) => 10 ** (first + at));
}

function decades(low: number, high: number): [number, number] {
  const begin = 10 ** Math.floor(Math.log10(Math.max(low, 1)));
  return [begin, Math.max(10 ** Math.ceil(Math.log10(Math.max(high, 1)) + 1e-9), begin * 10)];
}

/** Return the heights to be seen: from zero for bars, near the values for lines that lie far above it. */
function room(low: number | null, high: number | null, shown: Shown): [number, number] {
  if (low === null || high === null) return [0, 1];
  if (shown.isAboutZero) {
    const most = Math.max(Math.abs(low), Math.abs(high), 1) * 1.08;
    return [low < 0 ? Math.min(low * 1.08, -most * 0.12) : 0, high > 0 ? Math.max(high * 1.08, most * 0.12) : 0];
  }
  const isFar = shown.rows.every((row) => row.as === "line") && low > 0.7 * high;
  const margin = (high - low) * 0.12 || high * 0.05 || 1;
  return [isFar ? low - margin : 0, high + margin];
}

function series(row: Row, runs: number): uPlot.Series {
  const common: uPlot.Series = { label: row.label, stroke: row.colour, spanGaps: row.as === "step" };
  const bars = uPlot.paths.bars?.({ size: [0.72, 26], radius: runs < 120 ? 0.12 : 0 });
  switch (row.as) {
    case "bar":
      return { ...common, fill: row.colour, width: 0, paths: bars, points: { show: false } };
    case "point":
      return {
        ...common,
        paths: () => null,
        points: { show: true, size: runs > 150 ? 4 : 7, fill: row.colour, width: 0 },
      };
    case "step":
      return { ...common, width: 1.5, dash: [5, 4], points: { show: runs < 3, size: 7, fill: row.colour } };
    default:
      return {
        ...common,
        width: 2,
        dash: row.dash?.length ? row.dash : undefined,
        points: { show: runs < 3, size: 7, fill: row.colour },
      };
  }
}

function zeroLine(plot: uPlot, colours: Colours): void {
  const y = Math.round(plot.valToPos(0, "y", true));
  plot.ctx.save();
  plot.ctx.fillStyle = colours.muted;
  plot.ctx.fillRect(plot.bbox.left, y, plot.bbox.width, Math.max(devicePixelRatio, 1));
  plot.ctx.restore();
}

/** Write each line's name behind its end, none over another. */
function endLabels(plot: uPlot, rows: Row[]): void {
  const labels: { y: number; row: Row }[] = [];
  for (const row of rows) {
    const last = row.values.findLast((value) => value !== null);
    if (last !== undefined && last !== null) labels.push({ y: plot.valToPos(last, "y", true), row });
  }
  labels.sort((a, b) => a.y - b.y);
  const ratio = devicePixelRatio;
  const step = 16 * ratio;
  const bottom = plot.bbox.top + plot.bbox.height;
  let free = plot.bbox.top - step / 2;
  labels.forEach((label) => {
    label.y = Math.max(label.y, free);
    free = label.y + step;
  });
  for (let at = labels.length - 1, limit = bottom; at >= 0; at--, limit -= step) {
    const label = labels[at];
    if (label !== undefined) label.y = Math.min(label.y, limit);
  }
  const { ctx } = plot;
  ctx.save();
  ctx.font = FONT.replace("12px", `${12 * ratio}px`);
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  for (const { y, row } of labels) {
    ctx.fillStyle = row.colour;
    ctx.fillText(shortened(row.label), plot.bbox.left + plot.bbox.width + 6 * ratio, y);
  }
  ctx.restore();
}
