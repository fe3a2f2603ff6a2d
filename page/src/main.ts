// Where the page begins: as a component of Airflow's UI, or as a report with its numbers inside.

import uplotStyle from "uplot/dist/uPlot.min.css";
import { AirflowSource } from "./airflow";
import { h } from "./dom";
import { Page, type PageOptions } from "./page";
import { ReportSource } from "./report";
import type { Source } from "./source";
import style from "./style.css";

/** The one name under which Airflow's UI finds the component, as it is listed in the plugin. */
const NAME = "Voucherify";

interface Props {
  dagId?: string;
  taskId?: string;
}

/** What is used of the React that Airflow's UI offers to plugins. */
interface React {
  createElement(type: string, props: object): unknown;
  useEffect(effect: () => () => void, inputs: unknown[]): void;
  useRef(value: null): { current: HTMLElement | null };
}

function mount(host: HTMLElement, source: Source, options: PageOptions): Page {
  const shadow = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const root = h("div", { class: `page ${options.follows}`, role: "region", "aria-label": options.title });
  shadow.replaceChildren(h("style", {}, uplotStyle + style), root);
  const page = new Page(root, source, options);
  void page.begin();
  return page;
}

function component({ dagId, taskId }: Props): unknown {
  const react = (globalThis as unknown as { React: React }).React;
  const place = react.useRef(null);
  react.useEffect(() => {
    const host = place.current;
    if (host === null) return () => undefined;
    const options: PageOptions = { title: "Voucherify segments", note: "", follows: "host", runs: 90 };
    const page = mount(host, new AirflowSource({ dagId, taskId }), options);
    return () => page.destroy();
  }, [dagId, taskId]);
  return react.createElement("div", { ref: place, style: { height: "100%", overflow: "auto" } });
}

const report = document.getElementById("voucherify-report");
if (report === null) Object.assign(globalThis, { [NAME]: component });
else {
  const source = new ReportSource(report.textContent ?? "");
  const { title, made_at: madeAt } = source.head;
  const host = h("div", {});
  document.body.append(host);
  mount(host, source, { title, note: `Made ${madeAt}`, follows: "system", runs: 365 });
}
