// Reads what a report has inside itself: a line of JSON for the tasks and segments, then one for each task instance.

import { type Entry, type Task, readSummary } from "./history";
import { addressOfRun, type Source } from "./source";

/** How many lines are read before the browser may draw. */
const AT_A_TIME = 8;

interface Head {
  title: string;
  made_at: string;
  url: string | null;
  tasks: { dag_id: string; task_id: string; kind: Task["kind"] }[];
  segments: [string, string][];
}

interface Line {
  task: number;
  run_id: string;
  map_index: number;
  map_label: string;
  date: string;
  state: string;
  summary: unknown;
}

export class ReportSource implements Source {
  readonly head: Head;
  private readonly lines: string[];
  private readonly known: Task[];

  constructor(text: string) {
    const [head, ...lines] = text.trim().split("\n");
    this.head = JSON.parse(head ?? "{}") as Head;
    this.lines = lines;
    this.known = this.head.tasks.map((task) => ({ dagId: task.dag_id, taskId: task.task_id, kind: task.kind }));
  }

  async tasks(): Promise<Task[]> {
    return this.known;
  }

  async history(task: Task, most: number, take: (entry: Entry) => void, signal: AbortSignal): Promise<void> {
    const wanted = this.known.findIndex((one) => one.dagId === task.dagId && one.taskId === task.taskId);
    const prefix = `{"task":${wanted},`; // others are not even parsed
    const runs = new Set<string>();
    let read = 0;
    for (const text of this.lines) {
      if (!text.startsWith(prefix)) continue;
      const line = JSON.parse(text) as Line;
      runs.add(line.run_id);
      if (runs.size > most) return; // the newest come first
      const entry: Entry = {
        runId: line.run_id,
        mapIndex: line.map_index,
        mapLabel: line.map_label,
        date: Date.parse(line.date) || 0,
        state: line.state,
        summary: null,
      };
      take(entry);
      const summary = readSummary(line.summary, this.head.segments);
      if (summary !== null) take({ ...entry, summary });
      if (++read % AT_A_TIME === 0) await new Promise((resolve) => setTimeout(resolve));
      signal.throwIfAborted();
    }
  }

  runAddress(task: Task, runId: string): string | null {
    if (this.head.url === null) return null;
    return addressOfRun(`${this.head.url.replace(/\/$/, "")}/`, task, runId);
  }
}
