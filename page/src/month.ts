// The part of a month's calls that the runs shown took: whoever looks says which plan the project has.

import { h } from "./dom";
import { count, month, percent } from "./format";
import { numberOf, type Run } from "./history";

const PLANS: Record<string, [string, number]> = {
  business: ["Business: 100,000 a month", 100_000],
  organization: ["Organization: 300,000 a month", 300_000],
};
const KEPT_AS = "voucherify-page-plan";

function kept(): string {
  try {
    return localStorage.getItem(KEPT_AS) ?? "business";
  } catch {
    return "business"; // a browser may refuse to keep anything
  }
}

function keep(value: string): void {
  try {
    localStorage.setItem(KEPT_AS, value);
  } catch {
    // then it is asked for again
  }
}

export class Month {
  readonly element: HTMLElement;
  private readonly words = h("p", {});
  private readonly filled = h("i");
  private readonly plan = h("select", { "aria-label": "Plan of the Voucherify project", change: () => this.change() });
  private readonly other = h("input", {
    type: "number",
    min: 1,
    step: 1000,
    "aria-label": "Calls a month",
    hidden: true,
    input: () => this.change(),
  });
  private runs: Run[] = [];

  constructor() {
    const own = Number(kept());
    for (const [value, [label]] of Object.entries(PLANS)) this.plan.append(h("option", { value }, label));
    this.plan.append(h("option", { value: "other" }, "Another number a month"));
    this.plan.value = own > 0 ? "other" : kept() in PLANS ? kept() : "business";
    this.other.value = String(own > 0 ? own : 1_000_000);
    this.element = h(
      "div",
      { class: "month" },
      h("div", {}, this.words, this.plan, this.other),
      h("div", { class: "track" }, this.filled),
    );
  }

  /** Count the calls in the month of the last run. */
  show(runs: Run[]): void {
    this.runs = runs;
    const last = runs.findLast((run) => run.numbers !== null);
    this.element.hidden = last === undefined;
    if (last === undefined) return;
    const name = month(last.date);
    const calls = runs.reduce((all, run) => all + (month(run.date) === name ? (numberOf(run, "calls") ?? 0) : 0), 0);
    const plan =
      this.plan.value === "other" ? Math.max(Number(this.other.value) || 0, 1) : (PLANS[this.plan.value]?.[1] ?? 1);
    this.other.hidden = this.plan.value !== "other";
    this.words.replaceChildren(
      `${name}: `,
      h("b", {}, count(calls)),
      " calls in the runs shown, ",
      h("b", {}, percent(calls, plan)),
      " of the plan",
    );
    this.filled.style.width = `${Math.min((100 * calls) / plan, 100)}%`;
  }

  private change(): void {
    keep(this.plan.value === "other" ? this.other.value : this.plan.value);
    this.show(this.runs);
  }
}
