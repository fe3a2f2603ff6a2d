// Reads Airflow's REST API with the session of whoever looks at the page.

import { type Entry, type Task, readSummary } from "./history";
import { addressOfRun, Refused, type Source } from "./source";

const AT_ONCE = 6;
const PAGE = 100;
/** A page without a Dag looks at so many of the latest task instances for tasks of ours. */
const LOOKED_AT = 500;
/** Of a task that is mapped a thousand times no more task instances than these are read. */
const MOST_INSTANCES = 2_000;
const KINDS: Record<string, Task["kind"]> = { CustomerSegmentsOperator: "pull", PublishVouchersOperator: "publish" };
const MODULES: Record<string, Task["kind"]> = {
  "airflow_provider_voucherify.operators.customer_segments": "pull",
  "airflow_provider_voucherify.operators.publish_vouchers": "publish",
};

type Json = Record<string, unknown>;

interface Place {
  dagId?: string;
  taskId?: string;
}

function list(answer: Json, name: string): Json[] {
  const items = answer[name];
  return Array.isArray(items) ? (items as Json[]) : [];
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** Return what an XCom holds: Airflow 3.3 answers with its JSON; a backend of XComs may answer with a place. */
function decoded(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return null;
  }
}

function dateOf(instance: Json): number {
  return Date.parse(text(instance.logical_date) || text(instance.run_after) || text(instance.start_date)) || 0;
}

const taskPath = (dagId: string, runId: string, taskId: string): string =>
  `dags/${encodeURIComponent(dagId)}/dagRuns/${encodeURIComponent(runId)}/taskInstances/${encodeURIComponent(taskId)}`;

/** What a page in Airflow's UI shows. */
export class AirflowSource implements Source {
  /** Read once, shown again when other runs are asked for. */
  private readonly summaries = new Map<string, Promise<unknown>>();

  constructor(private readonly place: Place) {}

  async tasks(): Promise<Task[]> {
    const { dagId, taskId } = this.place;
    if (dagId === undefined) return this.tasksOfAll();
    const answer = await this.get(`dags/${encodeURIComponent(dagId)}/tasks`, `the tasks of ${dagId}`);
    const found: Task[] = [];
    for (const task of list(answer, "tasks")) {
      const module = text((task.class_ref as Json | null)?.module_path);
      const kind = KINDS[text(task.operator_name)] ?? MODULES[module];
      if (kind !== undefined && (taskId === undefined || taskId === task.task_id)) {
        found.push({ dagId, taskId: text(task.task_id), kind });
      }
    }
    return found;
  }

  async history(task: Task, most: number, take: (entry: Entry) => void, signal: AbortSignal): Promise<void> {
    const instances = await this.instances(task, most, signal);
    const entries = instances.map((instance): Entry => ({
      runId: text(instance.dag_run_id),
      mapIndex: Number(instance.map_index ?? -1),
      mapLabel: text(instance.rendered_map_index),
      date: dateOf(instance),
      state: text(instance.state) || "none",
      summary: null,
    }));
    entries.forEach(take);
    const told = entries.filter((entry) => entry.state === "success");
    if (told.length === 0) return;
    const apart = await this.summariesApart(task, entries, signal);
    const stamps = new Map(instances.map((one) => [`${one.dag_run_id}\0${one.map_index}`, text(one.end_date)]));
    const queue = told.values(); // the newest first, as they came
    const work = async (): Promise<void> => {
      for (const entry of queue) {
        const key = `${entry.runId}\0${entry.mapIndex}`;
        const value = await this.value(
          task,
          entry,
          apart.has(key) ? "summary" : "return_value",
          stamps.get(key) ?? "",
          signal,
        );
        signal.throwIfAborted();
        const summary = readSummary(value);
        if (summary !== null) take({ ...entry, summary });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  runAddress(task: Task, runId: string): string {
    return addressOfRun(document.baseURI, task, runId);
  }

  private async tasksOfAll(): Promise<Task[]> {
    const found = new Map<string, Task>();
    for (const [operator, kind] of Object.entries(KINDS)) {
      const query = `operator=${operator}&order_by=-run_after`;
      const path = "dags/~/dagRuns/~/taskInstances";
      for await (const instance of this.paged(path, query, "task_instances", LOOKED_AT, "task instances")) {
        if (instance.operator_name !== operator && instance.operator !== operator) continue;
        const task: Task = { dagId: text(instance.dag_id), taskId: text(instance.task_id), kind };
        found.set(`${task.dagId}\0${task.taskId}`, task);
      }
    }
    return [...found.values()];
  }

  private async instances(task: Task, most: number, signal: AbortSignal): Promise<Json[]> {
    const path = taskPath(task.dagId, "~", "").replace(/\/$/, "");
    const query = `task_id=${encodeURIComponent(task.taskId)}&order_by=-run_after`;
    // By run and map index: a run that begins while pages are read moves instances onto the next page, to come again.
    const instances = new Map<string, Json>();
    const runs = new Set<unknown>();
    const what = `the task instances of ${task.dagId}`;
    for await (const instance of this.paged(path, query, "task_instances", Number.POSITIVE_INFINITY, what, signal)) {
      if (instance.task_id !== task.taskId) continue;
      runs.add(instance.dag_run_id);
      if (runs.size > most || instances.size >= MOST_INSTANCES) break;
      instances.set(`${instance.dag_run_id}\0${instance.map_index}`, instance);
    }
    return [...instances.values()];
  }

  /** Return which task instances have their summary under a key of its own, as those that return rows do. */
  private async summariesApart(task: Task, entries: Entry[], signal: AbortSignal): Promise<Set<string>> {
    const path = `${taskPath(task.dagId, "~", task.taskId)}/xcomEntries`;
    const wanted = new Set(entries.map((entry) => entry.runId));
    const apart = new Set<string>();
    const query = "xcom_key=summary&order_by=-timestamp";
    const most = Math.max(2 * entries.length, PAGE);
    for await (const one of this.paged(path, query, "xcom_entries", most, `the XComs of ${task.dagId}`, signal)) {
      if (one.key === "summary" && wanted.has(text(one.run_id))) apart.add(`${one.run_id}\0${one.map_index}`);
    }
    return apart;
  }

  private value(task: Task, entry: Entry, key: string, stamp: string, signal: AbortSignal): Promise<unknown> {
    const path = `${taskPath(task.dagId, entry.runId, task.taskId)}/xcomEntries/${key}?map_index=${entry.mapIndex}`;
    const name = `${path}\0${stamp}`;
    let value = this.summaries.get(name);
    if (value === undefined) {
      value = this.get(path, `the XComs of ${task.dagId}`, signal).then(
        (answer) => decoded(answer.value),
        (error: unknown) => {
          this.summaries.delete(name);
          if (error instanceof Refused && error.status === 404) return null; // it returned nothing, or it was cleaned up
          throw error;
        },
      );
      this.summaries.set(name, value);
    }
    return value;
  }

  private async *paged(path: string, query: string, name: string, most: number, what: string, signal?: AbortSignal) {
    for (let offset = 0; offset < most;) {
      const answer = await this.get(`${path}?${query}&limit=${PAGE}&offset=${offset}`, what, signal);
      const items = list(answer, name);
      yield* items;
      offset += items.length;
      if (items.length === 0 || offset >= Number(answer.total_entries ?? 0)) return;
    }
  }

  private async get(path: string, what: string, signal?: AbortSignal): Promise<Json> {
    let answer: Response;
    try {
      answer = await fetch(new URL(`api/v2/${path}`, document.baseURI), {
        signal,
        headers: { Accept: "application/json" },
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Refused(0, what);
    }
    if (!answer.ok) throw new Refused(answer.status, what);
    return (await answer.json()) as Json;
  }
}
