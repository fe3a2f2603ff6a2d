// The page: which task and runs are looked at, and the pictures of them.

import { h, segmented } from "./dom";
import { count } from "./format";
import { type Entry, History, type Run, type Task } from "./history";
import { Month } from "./month";
import { Picture, type Shown } from "./picture";
import { begins, type Chosen, calls, moves, publications, sizes, time } from "./pictures";
import { Segments } from "./segments";
import { Refused, type Source } from "./source";
import { pullTiles, vouchersTile } from "./tiles";
import { type Colours, coloursOf, MOST_LINES, themeOf, watchTheme } from "./theme";

const CHOSEN_AT_FIRST = 6;
const RANGES: [number, string, string][] = [
  [30, "30", "Last 30 runs"],
  [90, "90", "Last 90 runs"],
  [365, "365 runs", "Last 365 runs"],
];
/** While runs arrive, the pictures are drawn anew so often, in milliseconds. */
const REDRAWN_EVERY = 400;

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
  /** Tasks of the Dag that publish: they count as one. */
  private publishing: Task[] = [];
  private most: number;
  private mapIndex: number | null = null;
  /** The segments with a line, by id, and the colour each of them keeps; `null` before any could be chosen. */
  private slots: Map<string, number> | null = null;
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
  private readonly taskChoice = h("select", {
    "aria-label": "Task",
    change: () => this.choose(Number(this.taskChoice.value)),
  });
  private readonly mapChoice = h("select", {
    "aria-label": "Mapped task",
    hidden: true,
    change: () => this.chooseMap(),
  });
  private readonly ranges: HTMLElement;
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
    this.ranges = segmented("Runs", RANGES, this.most, (runs) => this.chooseRange(runs));
    this.colours = this.themed();
    this.unwatch = watchTheme(options.follows, () => this.changeTheme());
    this.segments = new Segments({
      colourOf: (segment) => this.colourOf(segment),
      press: (segment) => this.toggle(segment),
      address: (run) => this.address(run),
    });
    this.shown = {
      sizes: this.picture("sizes", "Sizes of segments", "Customers in each chosen segment, run by run", "pull"),
      moves: this.picture(
        "moves",
        "Who entered and left",
        "Customers who came into a segment and who went out of it",
        "pull",
      ),
      calls: this.picture(
        "calls",
        "Calls to Voucherify",
        "What each run took, and what asking one by one takes (each step is ten times as many)",
        "pull",
      ),
      time: this.picture("time", "Duration and waits", "Time at work, without deferred time", "pull"),
      publications: this.picture(
        "publications",
        "Vouchers given and refused",
        "Codes published, and customers who got none",
        "publish",
      ),
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
    this.taskChoice.replaceChildren(
      ...offered.map((task, at) => h("option", { value: at }, `${task.dagId} › ${task.taskId}`)),
    );
    this.taskChoice.hidden = offered.length < 2;
    const [only] = offered;
    if (only !== undefined && offered.length === 1)
      this.note.textContent = [`${only.dagId} › ${only.taskId}`, this.options.note].filter(Boolean).join(" · ");
    this.ranges.hidden = offered.length === 0;
    if (offered.length === 0) {
      this.say(
        "Nothing to show here",
        "No task here pulls segments or publishes vouchers: this page shows those of CustomerSegmentsOperator and PublishVouchersOperator.",
        false,
      );
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
    return new Picture({
      name,
      title,
      question,
      height,
      sync: `voucherify-${sync}`,
      colours: () => this.colours,
      address,
    });
  }

  private lay(): void {
    const count = (scope: "all" | "chosen"): void => {
      this.scope = scope;
      this.draw();
    };
    const scopes: ["all" | "chosen", string][] = [
      ["all", "All segments"],
      ["chosen", "Chosen ones"],
    ];
    this.shown.moves.choices.append(segmented("Segments counted", scopes, this.scope, count));
    const heading = h("div", { class: "title" }, h("h1", {}, this.options.title), this.note);
    this.root.append(
      h(
        "header",
        { class: "top" },
        heading,
        h("div", { class: "controls" }, this.taskChoice, this.mapChoice, this.ranges),
      ),
      h("div", { class: "progress", "aria-hidden": "true" }, this.bar),
      this.status,
      this.message,
      this.tiles,
      this.pictures,
    );
    this.tiles.hidden = this.pictures.hidden = true;
    const { sizes, moves, calls, time, publications } = this.shown;
    for (const part of [sizes, this.segments, moves, calls, time, publications]) this.pictures.append(part.element);
  }

  private async choose(at: number): Promise<void> {
    const task = this.offered[at];
    if (task === undefined) return;
    this.task = task;
    const publishing = this.tasks.filter((one) => one.kind === "publish" && one.dagId === task.dagId);
    this.publishing = task.kind === "publish" ? [task] : publishing;
    this.mapIndex = null;
    this.slots = null;
    await this.read();
  }

  private chooseRange(runs: number): void {
    this.most = runs;
    if (this.task !== null) void this.read();
  }

  private chooseMap(): void {
    this.mapIndex = this.mapChoice.value === "" ? null : Number(this.mapChoice.value);
    this.pulled = new History();
    for (const entry of this.entries) if (this.isWanted(entry)) this.pulled.add(entry);
    this.draw();
  }

  private isWanted(entry: Entry): boolean {
    return this.mapIndex === null || entry.mapIndex === this.mapIndex;
  }

  private async read(): Promise<void> {
    this.stopReading.abort();
    const stop = (this.stopReading = new AbortController());
    this.message.hidden = true;
    delete this.root.dataset.read;
    this.entries = [];
    this.pulled = new History();
    this.published = new History();
    let told = 0;
    let expected = 0;
    const take = (entry: Entry, isPull: boolean): void => {
      if (stop.signal.aborted) return;
      if (!isPull) this.published.add(entry);
      else {
        this.entries.push(entry);
        if (this.isWanted(entry)) this.pulled.add(entry);
      }
      if (entry.summary !== null) told += 1;
      else if (entry.state === "success") expected += 1;
      this.tell(`Reading runs: ${told} of ${expected}`, told / Math.max(expected, 1));
      this.soon();
    };
    const tasks = [...(this.task?.kind === "pull" ? [this.task] : []), ...this.publishing];
    try {
      await Promise.all(
        tasks.map((task) =>
          this.source.history(task, this.most, (entry) => take(entry, task.kind === "pull"), stop.signal),
        ),
      );
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
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!(error instanceof Refused)) console.error(error);
    const [title, text] =
      error instanceof Refused
        ? error.words
        : ["Something went wrong", "The page could not make sense of what it read; the browser's console says more."];
    this.say(title, text);
    this.tell("");
    if (error instanceof Refused && (error.status === 401 || error.status === 403))
      this.tiles.hidden = this.pictures.hidden = true;
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
    const publishes = this.publishing.length > 0;
    const runs = this.pulled.ordered();
    this.tiles.hidden = this.pictures.hidden = false;
    this.tiles.replaceChildren(
      ...(pulls ? pullTiles(this.pulled) : []),
      ...(publishes ? [vouchersTile(this.published)] : []),
    );
    for (const part of [this.shown.sizes, this.segments, this.shown.moves, this.shown.calls, this.shown.time])
      part.element.hidden = !pulls;
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
    this.shown.publications.element.hidden = !publishes;
    this.shown.time.element.classList.toggle("whole", !publishes);
    this.shown.publications.element.classList.toggle("whole", !pulls);
    if (publishes) this.shown.publications.show(publications(this.published.ordered(), this.colours));
  }

  private movesShown(runs: Run[]): Shown {
    return moves(this.pulled, runs, this.scope === "all" ? null : this.chosen, this.colours);
  }

  private offerMaps(): void {
    const labels = new Map<number, string>();
    for (const entry of this.entries)
      if (entry.mapIndex >= 0) labels.set(entry.mapIndex, entry.mapLabel || String(entry.mapIndex));
    this.mapChoice.hidden = labels.size < 2;
    if (this.mapChoice.options.length === labels.size + 1) return;
    const each = [...labels].sort((a, b) => a[0] - b[0]).map(([at, label]) => h("option", { value: at }, label));
    this.mapChoice.replaceChildren(h("option", { value: "" }, `All ${labels.size} mapped`), ...each);
    this.mapChoice.value = this.mapIndex === null ? "" : String(this.mapIndex);
  }

  private chooseLargest(): void {
    const last = this.pulled.lastTold();
    if (this.slots !== null || last === undefined) return;
    const sized = this.pulled.segments.map(({ id }, at) => ({ id, size: last.sizes[at] ?? 0 }));
    sized.sort((a, b) => b.size - a.size);
    this.slots = new Map(sized.slice(0, CHOSEN_AT_FIRST).map(({ id }, slot) => [id, slot]));
  }

  /** The chosen segments that the runs looked at have. */
  private get chosen(): Chosen[] {
    return [...(this.slots ?? [])].flatMap(([id, slot]) => {
      const segment = this.pulled.find(id);
      return segment === undefined ? [] : [{ segment, slot }];
    });
  }

  private slotOf(segment: number): number | undefined {
    return this.slots?.get(this.pulled.segments[segment]?.id ?? "");
  }

  private colourOf(segment: number): string | null {
    const slot = this.slotOf(segment);
    return slot === undefined ? null : (this.colours.lines[slot] ?? null);
  }

  private toggle(segment: number): void {
    const id = this.pulled.segments[segment]?.id;
    if (this.slots === null || id === undefined) return;
    const focused = this.focused();
    const used = new Set(this.slots.values());
    if (!this.slots.delete(id)) {
      const free = [...Array(MOST_LINES).keys()].find((slot) => !used.has(slot));
      if (free === undefined) {
        this.tell(`${MOST_LINES} segments have a line, and more cannot be told apart: take one out first.`);
        return;
      }
      this.slots.set(id, free);
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
    items
      .find((item) => item.dataset.segment === segment)
      ?.querySelector("button")
      ?.focus();
  }

  private address(run: Run, isPublished = this.task?.kind === "publish"): string | null {
    const task = isPublished ? this.publishing[0] : this.task;
    return task === undefined || task === null ? null : this.source.runAddress(task, run.id);
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
}
