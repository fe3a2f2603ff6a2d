"""How long the page takes with 3,000 segments and 365 runs, by the browser's own trace. Run it by ``make bench-page``.

The answers are those of Airflow's API, from memory, so that what is measured is the page. It fails where the first
picture comes more than 2 s after the first run's numbers, the last more than 2 s after the last run's, or where a task
of the page's thread takes more than 200 ms.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from airflow_provider_voucherify.ui.files import PAGE
from tests.page.conftest import FLAGS

if TYPE_CHECKING:
    from playwright.sync_api import Page

SEGMENTS, RUNS = 3_000, 365
WITHIN, LONGEST_TASK = 2.0, 0.2
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)

#: What Airflow's UI offers a plugin, as far as the page uses it; and when its numbers came and its pictures were there.
HOST = """<!doctype html><html class="light"><head><base href="/"><title>bench</title></head><body style="margin:0">
<div id="place" style="height:100vh"></div>
<script>
const times = { first: 0, last: 0, picture: 0 };
const ask = window.fetch;
window.fetch = async (...all) => {
  const answer = await ask(...all);
  if (String(all[0]).includes("return_value")) {
    const read = answer.json.bind(answer);
    answer.json = async () => {
      const value = await read();
      times.last = performance.now();
      times.first ||= times.last;
      return value;
    };
  }
  return answer;
};
const look = () => {
  const shadow = document.querySelector("#place div")?.shadowRoot;
  if (!times.picture && times.first && shadow?.querySelector("canvas")) times.picture = performance.now();
  requestAnimationFrame(look);
};
look();
globalThis.React = {
  createElement: (_, { ref }) => ref,
  useRef: () => ({ current: document.getElementById("place").appendChild(document.createElement("div")) }),
  useEffect: (effect) => effect(),
};
import("/voucherify-page/page.js").then(() => globalThis.Voucherify({ dagId: "shop" }));
</script></body></html>"""


def summary_of(run: int) -> dict[str, Any]:
    """Return a run's summary, as the operator returns it."""
    rng = random.Random(run)
    per_segment = [
        {
            "segment_id": f"seg_{at:024d}",
            "segment_name": f"Customers of region {at % 60} who like brand {at}",
            "customers": 200_000 // (at + 3) + rng.randrange(40),
            "entered": rng.randrange(30),
            "left": rng.randrange(30),
        }
        for at in range(SEGMENTS)
    ]
    counts = {"customers": 100_000 + run, "memberships": 1_700_000, "entered": 43_000 + run, "left": 42_000}
    took = {"strategy": "per_segment", "calls": 17_000 + run, "waited_seconds": 40.5, "duration_seconds": 600.25 + run}
    return {**counts, **took, "per_segment": per_segment}


class _Airflow(BaseHTTPRequestHandler):
    """The four addresses the page asks for."""

    protocol_version = "HTTP/1.1"
    summaries: ClassVar[list[bytes]] = []

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path == "/":
            return self._answer(HOST.encode(), "text/html")
        if address.path.endswith("page.js"):
            return self._answer(PAGE.read_bytes(), "text/javascript")
        if address.path.endswith("return_value"):
            return self._answer(self.summaries[int(address.path.split("/")[6])])
        offset = int(parse_qs(address.query).get("offset", ["0"])[0])
        return self._answer(json.dumps(self._listed(address.path, offset)).encode())

    def _listed(self, path: str, offset: int) -> dict[str, Any]:
        if path.endswith("/tasks"):
            return {"tasks": [{"task_id": "pull_segments", "operator_name": "CustomerSegmentsOperator"}]}
        if path.endswith("xcomEntries"):
            return {"xcom_entries": [], "total_entries": 0}
        runs = [RUNS - 1 - at for at in range(offset, min(offset + 100, RUNS))]
        instances = [
            {
                "task_id": "pull_segments",
                "dag_run_id": str(run),
                "map_index": -1,
                "logical_date": (FIRST_DAY + timedelta(days=run)).isoformat(),
                "state": "success",
            }
            for run in runs
        ]
        return {"task_instances": instances, "total_entries": RUNS}

    def _answer(self, body: bytes, kind: str = "application/json") -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    """Says nothing of questions the page gave up, as other runs were chosen."""

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def airflow() -> Iterator[str]:
    """Serve the answers; the address is handed out."""
    _Airflow.summaries = [json.dumps({"value": summary_of(run)}).encode() for run in range(RUNS)]
    server = _Server(("127.0.0.1", 0), _Airflow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


def tasks_of(events: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Return of each task of the page's main thread how long it took and how much of that it had a core, in seconds."""
    named = [event for event in events if event["name"] == "thread_name"]
    mains = {(event["pid"], event["tid"]) for event in named if event["args"]["name"] == "CrRendererMain"}
    run = [event for event in events if event["name"] == "RunTask" and (event["pid"], event["tid"]) in mains]
    return [(event.get("dur", 0) / 1_000_000, event.get("tdur", 0) / 1_000_000) for event in run]


def use(page: Page) -> None:
    """Do what people do: search, sort, choose a segment, move over a picture, see a table, go dark."""
    listed = page.locator("[data-picture=last_run]")
    listed.get_by_role("searchbox").press_sequentially("region 4", delay=40)
    listed.get_by_role("combobox").select_option("change")
    listed.locator("li button").nth(5).click()
    listed.get_by_role("searchbox").fill("")
    drawing = page.locator("[data-picture=sizes] .u-over")
    for part in range(1, 20):
        drawing.hover(position={"x": 20 * part, "y": 40})
    page.locator("[data-picture=sizes]").get_by_role("button", name="Table", exact=True).click()
    page.evaluate("document.documentElement.className = 'dark'")
    page.wait_for_timeout(500)


def main() -> int:
    """Measure, and print."""
    from playwright.sync_api import sync_playwright

    with airflow() as address, sync_playwright() as playwright:
        path = os.environ.get("PAGE_CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1480, "height": 1100})
        page.on("pageerror", lambda error: sys.stderr.write(f"{error}\n"))
        categories = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline", "__metadata"]
        browser.start_tracing(page=page, categories=categories)
        page.goto(address)
        page.get_by_role("button", name="Last 365 runs").click()
        page.locator(".page[data-read=all]").wait_for(timeout=180_000)
        done = float(page.evaluate("performance.now()"))
        times = page.evaluate("times")
        use(page)
        events = json.loads(browser.stop_tracing())["traceEvents"]
        browser.close()
    return tell(times, done, tasks_of(events))


def tell(times: dict[str, float], done: float, tasks: list[tuple[float, float]]) -> int:
    """Print what was measured.

    :returns: 0 if all of it is within its limits.
    """
    first, last = (times["picture"] - times["first"]) / 1000, (done - times["last"]) / 1000
    longest = sorted(tasks, reverse=True)[:5]
    megabytes = sum(map(len, _Airflow.summaries)) / 1e6
    lines = {
        "numbers read": f"{RUNS} runs of {SEGMENTS:,} segments, {megabytes:,.0f} MB",
        "reading them took": f"{(times['last'] - times['first']) / 1000:.1f} s",
        "first picture after the first run's numbers": f"{first:.2f} s",
        "whole picture after the last run's numbers": f"{last:.2f} s",
        "longest tasks of the page's thread": ", ".join(f"{1000 * all_:.0f} ms" for all_, _ in longest),
        "of these with a core": ", ".join(f"{1000 * core:.0f} ms" for _, core in longest),
    }
    sys.stdout.writelines(f"{name}: {value}\n" for name, value in lines.items())
    return int(not tasks or first > WITHIN or last > WITHIN or longest[0][0] > LONGEST_TASK)


if __name__ == "__main__":
    sys.exit(main())
