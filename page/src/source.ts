// Where the page's numbers come from.

import type { Entry, Task } from "./history";

export interface Source {
  /** Return the tasks there are to look at. */
  tasks(): Promise<Task[]>;
  /** Hand over the task instances of a task's latest runs, first without, then with their summaries. */
  history(task: Task, most: number, take: (entry: Entry) => void, signal: AbortSignal): Promise<void>;
  /** Return the address of a run in Airflow's UI, `null` where it is not known. */
  runAddress(task: Task, runId: string): string | null;
}

/** Return the address of a run in the UI of an Airflow, whose own address ends in a slash. */
export function addressOfRun(airflow: string, task: Task, runId: string): string {
  const [dagId, run, taskId] = [task.dagId, runId, task.taskId].map(encodeURIComponent);
  return new URL(`dags/${dagId}/runs/${run}/tasks/${taskId}`, airflow).href;
}

/** Airflow did not tell. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly what: string,
  ) {
    super(`${what}: ${status}`);
  }

  /** Return what happened and what to do. */
  get words(): [title: string, text: string] {
    switch (this.status) {
      case 0:
        return ["Airflow cannot be reached", "The network or the API server is down. Try again in a moment."];
      case 401:
        return ["You are not logged in any more", "Log in to Airflow again, then reload this page."];
      case 403:
        return [
          "You may not see this",
          `Airflow does not let you read ${this.what}, and this page shows nothing that you may not read. Ask whoever runs this Airflow for the right to read it.`,
        ];
      case 404:
        return ["It is not there", `Airflow does not know ${this.what}: it may have been deleted.`];
      default:
        return ["Airflow has a problem", `Asked for ${this.what}, it answered ${this.status}. Try again in a moment.`];
    }
  }
}
