"""Takes the pictures of docs/images from a real Airflow in a real browser: ``make pictures``.

Airflow runs the README's first Dag, and one that fails, against the emulator; the graphs are those it draws of the
example Dags. Chromium has to be installed.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import FloatRect, Locator, Page, sync_playwright

from airflow_provider_voucherify.emulator import Emulator
from tests.airflow_site import EXAMPLE_DAGS, AirflowSite, running_airflow
from tests.docs.reading import ROOT, first_dag

IMAGES = ROOT / "docs" / "images"

_QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
_SHOW_GRAPHS = """
localStorage.setItem('default_dag_view', '"graph"');
localStorage.setItem('dependencies-' + location.pathname.split('/')[2], '"all"');
"""
_MARGIN = 12.0  # around what is shown, in pixels

#: A table without the columns of rows: what the error says of it is shown on the page about troubleshooting.
_FAILING_DAG = """
from airflow.sdk import DAG
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator, WarehouseTable

with DAG("failing", schedule=None):
    CustomerSegmentsOperator(
        task_id="pull_segments",
        customers=["customer-0000001"],
        destination=WarehouseTable("customer_segments", conn_id="warehouse", extra_columns={"brand": "coffee"}),
    )
"""


@contextmanager
def airflow(folder: Path, emulator: Emulator) -> Iterator[AirflowSite]:
    """Start an Airflow with the connections the Dags name.

    :param folder: an empty one.
    """
    database = f"/{folder / 'airflow.db'}"
    shop = folder / "shop.db"
    with sqlite3.connect(shop) as connection:
        connection.execute("CREATE TABLE customer_segments (customer_id TEXT, segment_id TEXT)")
    options = {
        "CORE__TEST_CONNECTION": "Enabled",
        "DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"sqlite+aiosqlite://{database}",
    }
    with running_airflow(f"sqlite://{database}", options) as site:
        (site.dags / "first_segments.py").write_text(first_dag())
        (site.dags / "failing.py").write_text(_FAILING_DAG)
        site.connect("voucherify_default", {**emulator.airflow_connection(), "port": 0})
        site.connect("warehouse", {"conn_type": "sqlite", "host": str(shop)})
        yield site


def take(page: Page, shown: list[Locator], name: str, margin: float = _MARGIN) -> None:
    """Take a picture of the part of the page that holds all of some elements.

    :param name: of the file, without its ending.
    """
    shown[-1].last.wait_for()
    boxes = at_rest(page, shown)
    left, top = (min(box[side] for box in boxes) - margin for side in ("x", "y"))
    right = max(box["x"] + box["width"] for box in boxes) + margin
    bottom = max(box["y"] + box["height"] for box in boxes) + margin
    clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    (IMAGES / name).parent.mkdir(exist_ok=True)
    picture = Image.open(BytesIO(page.screenshot(clip=clip)))
    picture.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)
    sys.stdout.write(f"{name}\n")


def at_rest(page: Page, shown: list[Locator]) -> list[FloatRect]:
    """Return where elements are once they have stopped moving.

    :raises TimeoutError: if they do not within 10 seconds.
    """
    boxes: list[FloatRect] = []
    for _ in range(40):
        page.wait_for_timeout(250)
        before = boxes
        boxes = [box for locator in shown for one in locator.all() if (box := one.bounding_box()) is not None]
        if boxes and boxes == before:
            return boxes
    raise TimeoutError(f"{page.url} does not come to rest")


def take_graph(page: Page, address: str, name: str) -> None:
    """Take a picture of the graph Airflow draws."""
    page.goto(address)
    page.add_style_tag(content=".react-flow__panel { display: none }")  # the map, and buttons
    take(page, [page.locator(".react-flow__node")], name)


def take_task(page: Page, address: str, name: str, last: str, click: str | None = None) -> None:
    """Take a picture of a task's page, from its head to the last element that matters.

    :param last: of the page, as Playwright selects it.
    :param click: what is to be opened before.
    """
    page.goto(address)
    if click is not None:
        page.get_by_label(click).click()
    head = [page.get_by_role("heading", name="pull_segments"), page.get_by_text("Operator", exact=True)]
    take(page, [*head, page.get_by_text("Dag Version"), page.locator(last).last], name, margin=4)


def take_connection(page: Page, site: AirflowSite) -> None:
    """Take pictures of the connection's test, and of the form for a new one."""
    page.goto(f"{site.url}/connections")
    page.locator("tr", has_text="voucherify_default").get_by_label("Test Connection").click()
    toast = page.locator("[data-scope=toast][data-part=root]")
    toast.hover()  # it stays while the mouse is over it
    take(page, [toast], "connection_test", margin=8)
    page.reload()
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.locator("input[name=connection_id]").fill("voucherify_new")
    form.get_by_role("combobox").first.fill("Voucherify")
    page.keyboard.press("Enter")
    form.get_by_role("button", name="Extra Fields", exact=True).click()
    take(page, [form], "connection_form", margin=0)


def main(folder: Path) -> None:
    """Take all pictures.

    :param folder: an empty one to work in.
    """
    with Emulator(10_000, port=8010) as emulator, airflow(folder, emulator) as site, sync_playwright() as library:
        first = f"{site.url}/dags/first_segments/runs/{quote(site.run('first_segments'))}"
        failing = site.trigger("failing")
        site.wait("failing", failing)
        browser = library.chromium.launch(executable_path=shutil.which("chromium"), args=_QUIET)
        page = browser.new_page(viewport={"width": 1850, "height": 2200})
        task = "/tasks/pull_segments"
        take_task(page, first + task, "first_run_log", "text=Post Execute")
        take_task(page, f"{site.url}/dags/failing/runs/{quote(failing)}{task}", "failed_log", "text=COLUMN brand")
        page.set_viewport_size({"width": 1280, "height": 2200})
        take_task(page, f"{first}{task}/xcom", "first_run_summary", "td >> nth=-1", click="Expand all extra json")
        take_connection(page, site)
        page = browser.new_page(viewport={"width": 1800, "height": 900})
        page.add_init_script(_SHOW_GRAPHS)
        take_graph(page, f"{first}{task}", "first_run_graph")
        for path in sorted(EXAMPLE_DAGS.glob("*.py")):
            take_graph(page, f"{site.url}/dags/{path.stem}", f"dags/{path.stem}")
        browser.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="pictures-", ignore_cleanup_errors=True) as name:
        main(Path(name))
