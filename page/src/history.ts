// What the runs of a task told, put into columns: numbers a run, and one array a run for the sizes of segments.

/** A task that pulls segments or publishes vouchers. */
export interface Task {
  dagId: string;
  taskId: string;
  kind: "pull" | "publish";
}

/** A size, and who entered and left where a history tells; `null` where none does. */
export type SegmentNumbers = [id: string, name: string, customers: number, entered: number | null, left: number | null];

/** The numbers of a summary the page has a use for; ids of customers are none of them. */
export interface Summary {
  strategy: string | null;
  numbers: Record<string, number>;
  perSegment: SegmentNumbers[];
}

/** A task instance, with its summary once that was read. */
export interface Entry {
  runId: string;
  mapIndex: number;
  mapLabel: string;
  date: number;
  state: string;
  summary: Summary | null;
}

export interface Segment {
  id: string;
  name: string;
}

export interface Run {
  id: string;
  /** The run's logical date, or when it was due: milliseconds since 1970. */
  date: number;
  states: string[];
  strategies: string[];
  /** Sums over what its task instances told, `null` while nothing was. */
  numbers: Record<string, number> | null;
  sizes: Int32Array;
  entered: Int32Array;
  left: Int32Array;
}

const NOTHING = new Int32Array(0);

function add(into: Int32Array, at: number, value: number, room: number): Int32Array {
  let array = into;
  if (at >= array.length) {
    array = new Int32Array(Math.max(room, at + 1));
    array.set(into);
  }
  array[at] = (array[at] ?? 0) + value;
  return array;
}

/** The runs of one task, or of several that count as one. */
export class History {
  readonly segments: Segment[] = [];
  readonly runs: Run[] = [];
  private readonly numberOfSegment = new Map<string, number>();
  private readonly byId = new Map<string, Run>();
  private isSorted = true;

  /** Take up a task instance: first without a summary, or with it. */
  add(entry: Entry): void {
    let run = this.byId.get(entry.runId);
    if (run === undefined) {
      run = {
        id: entry.runId,
        date: entry.date,
        states: [],
        strategies: [],
        numbers: null,
        sizes: NOTHING,
        entered: NOTHING,
        left: NOTHING,
      };
      this.byId.set(entry.runId, run);
      this.runs.push(run);
      this.isSorted = false;
    }
    if (entry.summary === null) run.states.push(entry.state);
    else this.addSummary(run, entry.summary);
  }

  /** Return the runs, the oldest first. */
  ordered(): Run[] {
    if (!this.isSorted) this.runs.sort((a, b) => a.date - b.date || (a.id < b.id ? -1 : 1));
    this.isSorted = true;
    return this.runs;
  }

  /** Return the last run that told something. */
  lastTold(): Run | undefined {
    return this.ordered().findLast((run) => run.numbers !== null);
  }

  /** Return the told run before another. */
  toldBefore(run: Run): Run | undefined {
    const runs = this.ordered();
    for (let at = runs.indexOf(run) - 1; at >= 0; at--) if (runs[at]?.numbers) return runs[at];
    return undefined;
  }

  /** Whether some run told who entered and left. */
  get tellsMoves(): boolean {
    return this.runs.some((run) => run.numbers !== null && "entered" in run.numbers);
  }

  private addSummary(run: Run, summary: Summary): void {
    const numbers = (run.numbers ??= {});
    for (const [name, value] of Object.entries(summary.numbers)) numbers[name] = (numbers[name] ?? 0) + value;
    if (summary.strategy !== null && !run.strategies.includes(summary.strategy)) run.strategies.push(summary.strategy);
    const room = Math.max(this.segments.length, summary.perSegment.length);
    for (const [id, name, customers, entered, left] of summary.perSegment) {
      const at = this.number(id, name);
      run.sizes = add(run.sizes, at, customers, room);
      if (entered !== null) run.entered = add(run.entered, at, entered, room);
      if (left !== null) run.left = add(run.left, at, left, room);
    }
  }

  /** Return the number of a segment, `undefined` if no run told of it. */
  find(id: string): number | undefined {
    return this.numberOfSegment.get(id);
  }

  private number(id: string, name: string): number {
    let at = this.find(id);
    if (at === undefined) {
      at = this.segments.length;
      this.numberOfSegment.set(id, at);
      this.segments.push({ id, name });
    }
    return at;
  }
}

/** Return a segment's size in a run, `null` where the run told nothing. */
export function sizeOf(run: Run | undefined, segment: number): number | null {
  return run?.numbers ? (run.sizes[segment] ?? 0) : null;
}

/** Return a number of a run, `null` where it was not told. */
export function numberOf(run: Run | undefined, name: string): number | null {
  return run?.numbers?.[name] ?? null;
}

const NUMBERS = [
  ...["customers", "found", "no_segment", "unknown", "failed", "memberships", "entered", "left", "planned_calls"],
  ...["calls", "rejected", "retried", "deferrals", "waits", "waited_seconds", "duration_seconds"],
  ...["published", "published_before", "no_voucher"],
];

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function numberOrNull(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/**
 * Read a summary as the operators return it, or as a report has it, where a segment is a number into a list of them.
 *
 * Returns `null` for what is no summary, such as rows.
 */
export function readSummary(value: unknown, segments: [string, string][] | null = null): Summary | null {
  if (!isObject(value) || !("calls" in value)) return null;
  const numbers: Record<string, number> = {};
  for (const name of NUMBERS) {
    const number = numberOrNull(value[name]);
    if (number !== null) numbers[name] = number;
  }
  const perSegment: SegmentNumbers[] = [];
  if (Array.isArray(value.per_segment)) {
    for (const one of value.per_segment) {
      const read = segments === null ? readSegment(one) : readNumbered(one, segments);
      if (read !== null) perSegment.push(read);
    }
  }
  return { strategy: typeof value.strategy === "string" ? value.strategy : null, numbers, perSegment };
}

function readSegment(one: unknown): SegmentNumbers | null {
  if (!isObject(one) || typeof one.segment_id !== "string") return null;
  const name = typeof one.segment_name === "string" && one.segment_name !== "" ? one.segment_name : one.segment_id;
  return [one.segment_id, name, numberOrNull(one.customers) ?? 0, numberOrNull(one.entered), numberOrNull(one.left)];
}

function readNumbered(one: unknown, segments: [string, string][]): SegmentNumbers | null {
  if (!Array.isArray(one)) return null;
  const segment = segments[one[0]];
  if (segment === undefined) return null;
  return [segment[0], segment[1], numberOrNull(one[1]) ?? 0, numberOrNull(one[2]), numberOrNull(one[3])];
}
