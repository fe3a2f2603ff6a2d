// The page: which task and runs are looked at, and the pictures of them.

import { h, sparkline } from "./dom";
import { count, percent, short, signed } from "./format";
import { type Entry, History, numberOf, type Run, type Task } from "./history";
import { Month } from "./month";
import { Picture, type Shown } from "./picture";
import { begins, type Chosen, calls, given, moves, movesDrawn, publications, sizes, time, WAYS } from "./pictures";
import { Segments } from "./segments";
import { Refused, type Source } from "./source";
import { type Colours, coloursOf, MOST_LINES, themeOf, watchTheme } from "./theme";

const CHOSEN_AT_FIRST = 6;
const RANGES = [30, 90, 365];
/** While runs arrive, the pictures are drawn anew so often, in milliseconds. */
const REDRAWN_EVERY = 400;
const SPARK_RUNS = 60;

export interface PageOptions {
  title: string;
  note: string;
  follows: "host" | "system";
  /** How many runs are looked at to begin with. */
  runs: number;
}

export class Page {
  private tasks: Task[] = [];
  private task: Task | null = null;
  private entries: Entry[] = [];
  private pulled = new History();
  private published = new History();
  private publishing: Task | null = null;
  private most: number;
  private mapIndex: number | null = null;
  private chosen: Chosen[] = [];
  private wasChosen = false;
  private scope: "all" | "chosen" = "all";
  private stopReading = new AbortController();
  private drawnAt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private colours: Colours;
  private readonly unwatch: () => void;
  private readonly status = h("p", { class: "status", role: "status" });
  private readonly bar = h("i");
  private readonly note = h("p");
  private readonly message = h("div", { class: "message", role: "alert", hidden: true });
  private readonly taskChoice = h("select", { "aria-label": "Task", change: () => this.choose(Number(this.taskChoice.value)) });
  private readonly mapChoice = h("select", { "aria-label": "Mapped task", hidden: true, change: () => this.chooseMap() });
  private readonly ranges = h("div", { class: "segmented", role: "group", "aria-label": "Runs" });
  private readonly tiles = h("div", { class: "tiles" });
  private readonly pictures = h("div", { class: "pictures" });
  private readonly segments: Segments;
  private readonly month = new Month();
  private readonly shown: Record<"sizes" | "moves" | "calls" | "time" | "publications", Picture>;

  constructor(
    private readonly root: HTMLElement,
    private readonly source: Source,
    private readonly options: PageOptions,
  ) {
    this.most = options.runs;
    this.colours = this.themed();
    this.unwatch = watchTheme(options.follows, () => this.changeTheme());
    this.segments = new Segments({
      colourOf: (segment) => this.colourOf(segment),
      press: (segment) => this.toggle(segment),
      address: (run) => this.address(run),
    });
    this.shown = {
      sizes: this.picture("sizes", "Sizes of segments", "Customers in each chosen segment, run by run", "pull"),
      moves: this.picture("moves", "Who entered and left", "Customers who came into a segment and who went out of it", "pull"),
      calls: this.picture("calls", "Calls to Voucherify", "What each run took, and what asking one by one takes (each step is ten times as many)", "pull"),
      time: this.picture("time", "Duration and waits", "Time at work, without deferred time", "pull"),
      publications: this.picture("publications", "Vouchers given and refused", "Codes published, and customers who got none", "publish"),
    };
    this.shown.calls.below.append(this.month.element);
    this.note.textContent = options.note;
    this.lay();
  }

  /** Read and draw. */
  async begin(): Promise<void> {
    this.tell("Looking for tasks …");
    try {
      this.tasks = await this.source.tasks();
    } catch (error) {
      this.fail(error);
      return;
    }
    const offered = this.offered;
    this.taskChoice.replaceChildren(...offered.map((task, at) => h("option", { value: at }, `${task.dagId} › ${task.taskId}`)));
    this.taskChoice.hidden = offered.length < 2;
    const [only] = offered;
    if (only !== undefined && offered.length === 1) this.note.textContent = [`${only.dagId} › ${only.taskId}`, this.options.note].filter(Boolean).join(" · ");
    this.ranges.hidden = offered.length === 0;
    if (offered.length === 0) {
      this.say("Nothing to show here", "No task here pulls segments or publishes vouchers: this page shows those of CustomerSegmentsOperator and PublishVouchersOperator.", false);
      this.tell("");
      return;
    }
    await this.choose(0);
  }

  destroy(): void {
    this.unwatch();
    this.stopReading.abort();
    clearTimeout(this.timer);
    for (const picture of Object.values(this.shown)) picture.destroy();
  }

  /** Tasks that pull; those that publish where a Dag, or the page, has no other. */
  private get offered(): Task[] {
    const pulls = this.tasks.filter((task) => task.kind === "pull");
    const withPulls = new Set(pulls.map((task) => task.dagId));
    return [...pulls, ...this.tasks.filter((task) => task.kind === "publish" && !withPulls.has(task.dagId))];
  }

  private picture(name: string, title: string, question: string, sync: string): Picture {
    const address = (run: Run): string | null => this.address(run, name === "publications");
    const height = name === "sizes" ? 470 : 236;
    return new Picture({ name, title, question, height, sync: `voucherify-${sync}`, colours: () => this.colours, address });
  }

  private lay(): void {
    const scopes = (["all", "chosen"] as const).map((scope) => {
      const press = (): void => {
        this.scope = scope;
        for (const button of scopes) button.setAttribute("aria-pressed", String(button.dataset.scope === scope));
        this.draw();
      };
      const label = scope === "all" ? "All segments" : "Chosen ones";
      return h("button", { type: "button", "data-scope": scope, "aria-pressed": String(scope === this.scope), click: press }, label);
    });
    this.shown.moves.choices.append(h("div", { class: "segmented", role: "group", "aria-label": "Segments counted" }, ...scopes));
    for (const runs of RANGES) {
      const pressed = String(runs === this.most);
      const label = runs === 365 ? "365 runs" : String(runs);
      this.ranges.append(h("button", { type: "button", "data-runs": runs, "aria-pressed": pressed, "aria-label": `Last ${runs} runs`, click: () => this.chooseRange(runs) }, label));
    }
    const heading = h("div", { class: "title" }, h("h1", {}, this.options.title), this.note);
    this.root.append(
      h("header", { class: "top" }, heading, h("div", { class: "controls" }, this.taskChoice, this.mapChoice, this.ranges)),
      h("div", { class: "progress", "aria-hidden": "true" }, this.bar),
      this.status,
      this.message,
      this.tiles,
      this.pictures,
    );
    this.tiles.hidden = this.pictures.hidden = true;
    const { sizes: first, moves: second, calls: third, time: fourth, publications: fifth } = this.shown;
    this.pictures.append(first.element, this.segments.element, second.element, third.element, fourth.element, fifth.element);
  }

  private async choose(at: number): Promise<void> {
    const task = this.offered[at];
    if (task === undefined) return;
    this.task = task;
    this.publishing = task.kind === "publish" ? task : (this.tasks.find((one) => one.kind === "publish" && one.dagId === task.dagId) ?? null);
    this.mapIndex = null;
    this.wasChosen = false;
    this.chosen = [];
    await this.read();
  }

  private async chooseRange(runs: number): Promise<void> {
    this.most = runs;
    for (const button of this.ranges.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.runs) === runs));
    }
    if (this.task !== null) await this.read();
  }

  private chooseMap(): void {
    this.mapIndex = this.mapChoice.value === "" ? null : Number(this.mapChoice.value);
    const names = this.chosen.map(({ segment, slot }) => ({ id: this.pulled.segments[segment]?.id, slot }));
    this.pulled = new History();
    for (const entry of this.entries) if (this.isWanted(entry)) this.pulled.add(entry);
    const found = names.map(({ id, slot }) => ({ segment: this.pulled.segments.findIndex((one) => one.id === id), slot }));
    this.chosen = found.filter(({ segment }) => segment >= 0);
    this.wasChosen = this.chosen.length > 0;
    this.draw();
  }

  private isWanted(entry: Entry): boolean {
    return this.mapIndex === null || entry.mapIndex === this.mapIndex;
  }

  private async read(): Promise<void> {
    this.stopReading.abort();
    const stop = (this.stopReading = new AbortController());
    this.message.hidden = true;
    const kept = this.chosen.map(({ segment, slot }) => ({ id: this.pulled.segments[segment]?.id, slot }));
    this.entries = [];
    this.pulled = new History();
    this.published = new History();
    this.chosen = [];
    const restore = (): void => {
      if (!this.wasChosen || this.chosen.length > 0) return;
      const found = kept.map(({ id, slot }) => ({ segment: this.pulled.segments.findIndex((one) => one.id === id), slot }));
      this.chosen = found.filter(({ segment }) => segment >= 0);
    };
    let told = 0;
    let expected = 0;
    const take = (history: () => History) => (entry: Entry): void => {
      if (stop.signal.aborted) return;
      if (history() === this.pulled) this.entries.push(entry);
      if (history() !== this.pulled || this.isWanted(entry)) history().add(entry);
      if (entry.summary !== null) told += 1;
      else if (entry.state === "success") expected += 1;
      restore();
      this.tell(`Reading runs: ${told} of ${expected}`, told / Math.max(expected, 1));
      this.soon();
    };
    try {
      const { task, publishing } = this;
      const reads: Promise<void>[] = [];
      if (task?.kind === "pull") reads.push(this.source.history(task, this.most, take(() => this.pulled), stop.signal));
      if (publishing !== null) reads.push(this.source.history(publishing, this.most, take(() => this.published), stop.signal));
      await Promise.all(reads);
    } catch (error) {
      if (!stop.signal.aborted) this.fail(error);
      return;
    }
    if (stop.signal.aborted) return;
    this.draw();
    this.root.dataset.read = "all";
    this.tell(this.inWords());
  }

  private inWords(): string {
    const history = this.task?.kind === "pull" ? this.pulled : this.published;
    const runs = history.ordered();
    const told = runs.filter((run) => run.numbers !== null).length;
    if (runs.length === 0) return "This task has not run yet.";
    const silent = runs.length - told;
    return `${count(told)} ${told === 1 ? "run" : "runs"} with numbers${silent ? `, ${count(silent)} without` : ""}. Dates are in UTC.`;
  }

  private fail(error: unknown): void {
    this.stopReading.abort();
    if (!(error instanceof Refused)) console.error(error);
    const [title, text] = error instanceof Refused ? error.words : ["Something went wrong", "The page could not make sense of what it read; the browser's console says more."];
    this.say(title, text);
    this.tell("");
    if (error instanceof Refused && (error.status === 401 || error.status === 403)) this.tiles.hidden = this.pictures.hidden = true;
  }

  private say(title: string, text: string, mayChange = true): void {
    const again = mayChange && [h("button", { type: "button", click: () => this.again() }, "Try again")];
    this.message.replaceChildren(h("h2", {}, title), h("p", {}, text), ...(again || []));
    this.message.hidden = false;
  }

  private again(): void {
    this.message.hidden = true;
    if (this.task === null) void this.begin();
    else void this.read();
  }

  private tell(text: string, part = 1): void {
    this.status.textContent = text;
    this.bar.style.width = `${100 * part}%`;
    this.bar.style.opacity = part < 1 ? "1" : "0";
    if (part < 1) delete this.root.dataset.read;
  }

  private soon(): void {
    if (this.timer !== undefined) return;
    const wait = Math.max(REDRAWN_EVERY - (performance.now() - this.drawnAt), 0);
    this.timer = setTimeout(() => this.draw(), wait);
  }

  private draw(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.drawnAt = performance.now();
    this.offerMaps();
    const pulls = this.task?.kind === "pull";
    const runs = this.pulled.ordered();
    this.tiles.hidden = this.pictures.hidden = false;
    this.fillTiles();
    for (const part of [this.shown.sizes, this.segments, this.shown.moves, this.shown.calls, this.shown.time]) part.element.hidden = !pulls;
    if (pulls) {
      this.chooseLargest();
      this.segments.show(this.pulled);
      this.shown.sizes.show(sizes(this.pulled, runs, this.chosen, this.colours, (segment) => this.toggle(segment)));
      this.shown.moves.show(this.movesShown(runs));
      this.shown.moves.below.textContent = begins(runs);
      this.shown.calls.show(calls(runs, this.colours));
      this.shown.time.show(time(runs, this.colours));
      this.month.show(runs);
    }
    this.shown.publications.element.hidden = this.publishing === null;
    this.shown.time.element.classList.toggle("whole", this.publishing === null);
    this.shown.publications.element.classList.toggle("whole", !pulls);
    if (this.publishing !== null) this.shown.publications.show(publications(this.published.ordered(), this.colours));
  }

  private movesShown(runs: Run[]): Shown {
    return moves(this.pulled, runs, this.scope === "all" ? null : this.chosen, this.colours);
  }

  private offerMaps(): void {
    const labels = new Map<number, string>();
    for (const entry of this.entries) if (entry.mapIndex >= 0) labels.set(entry.mapIndex, entry.mapLabel || String(entry.mapIndex));
    this.mapChoice.hidden = labels.size < 2;
    if (this.mapChoice.options.length === labels.size + 1) return;
    const each = [...labels].sort((a, b) => a[0] - b[0]).map(([at, label]) => h("option", { value: at }, label));
    this.mapChoice.replaceChildren(h("option", { value: "" }, `All ${labels.size} mapped`), ...each);
    this.mapChoice.value = this.mapIndex === null ? "" : String(this.mapIndex);
  }

  private chooseLargest(): void {
    const last = this.pulled.lastTold();
    if (this.wasChosen || last === undefined) return;
    const sized = this.pulled.segments.map((_, segment) => ({ segment, size: last.sizes[segment] ?? 0 }));
    sized.sort((a, b) => b.size - a.size);
    this.chosen = sized.slice(0, CHOSEN_AT_FIRST).map(({ segment }, slot) => ({ segment, slot }));
    this.wasChosen = true;
  }

  private colourOf(segment: number): string | null {
    const found = this.chosen.find((one) => one.segment === segment);
    return found === undefined ? null : (this.colours.lines[found.slot] ?? null);
  }

  private toggle(segment: number): void {
    const focused = this.focused();
    if (this.chosen.some((one) => one.segment === segment)) this.chosen = this.chosen.filter((one) => one.segment !== segment);
    else if (this.chosen.length >= MOST_LINES) {
      this.tell(`${MOST_LINES} segments have a line, and more cannot be told apart: take one out first.`);
      return;
    } else {
      const used = new Set(this.chosen.map((one) => one.slot));
      this.chosen.push({ segment, slot: [...Array(MOST_LINES).keys()].find((slot) => !used.has(slot)) ?? 0 });
    }
    this.draw();
    this.refocus(focused);
  }

  /** A press draws the list anew: whoever walks by keyboard stays where they were. */
  private focused(): string | null {
    const active = (this.root.getRootNode() as ShadowRoot).activeElement;
    return active?.closest("[data-segment]")?.getAttribute("data-segment") ?? null;
  }

  private refocus(segment: string | null): void {
    if (segment === null) return;
    const items = [...this.root.querySelectorAll<HTMLElement>("[data-segment]")];
    items.find((item) => item.dataset.segment === segment)?.querySelector("button")?.focus();
  }

  private address(run: Run, isPublished = this.task?.kind === "publish"): string | null {
    const task = isPublished ? this.publishing : this.task;
    return task === null ? null : this.source.runAddress(task, run.id);
  }

  private themed(): Colours {
    const theme = themeOf(this.options.follows);
    this.root.dataset.theme = theme;
    return coloursOf(theme);
  }

  private changeTheme(): void {
    if (themeOf(this.options.follows) === this.root.dataset.theme) return;
    this.colours = this.themed();
    if (!this.pictures.hidden) this.draw();
  }

  private fillTiles(): void {
    const tiles = this.task?.kind === "pull" ? this.pullTiles() : [];
    if (this.publishing !== null) {
      const runs = this.published.ordered();
      const all = runs.reduce((sum, run) => sum + (given(run) ?? 0), 0);
      const last = this.published.lastTold();
      tiles.push(tile("Vouchers given", count(all), last ? `${count(given(last))} in the last run` : "none yet", runs.map(given)));
    }
    this.tiles.replaceChildren(...tiles);
  }

  private pullTiles(): HTMLElement[] {
    const runs = this.pulled.ordered();
    const last = this.pulled.lastTold();
    if (last === undefined) return [];
    const before = this.pulled.toldBefore(last);
    const of = (name: string): (number | null)[] => runs.map((run) => numberOf(run, name));
    const since = (name: string): string => {
      const [now, then] = [numberOf(last, name), numberOf(before, name)];
      return now === null || then === null ? "first run" : `${signed(now - then)} since the run before`;
    };
    const tiles = [
      tile("Customers asked about", count(numberOf(last, "customers")), since("customers"), of("customers")),
      tile("Memberships", count(numberOf(last, "memberships")), since("memberships"), of("memberships")),
    ];
    if (this.pulled.tellsMoves) {
      const moved = `${signed(numberOf(last, "entered"))}  ${signed(-(numberOf(last, "left") ?? 0))}`.replace("±0", "0").replace("±0", "0");
      tiles.push(tile("Entered, left", moved, "in the last run", movesDrawn(this.pulled, runs, "entered")));
    }
    tiles.push(tile("Calls", count(numberOf(last, "calls")), fewer(last), of("calls")));
    return tiles;
  }
}

/** Say how many times fewer calls a run took than one by one. */
function fewer(run: Run): string {
  const [took, customers] = [numberOf(run, "calls") ?? 0, numberOf(run, "customers") ?? 0];
  const way = WAYS[run.strategies[0] ?? ""]?.toLowerCase() ?? "held from before";
  if (took === 0 || customers <= took) return way;
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
