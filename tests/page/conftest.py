"""A real Airflow with a history, and a real Chromium that looks at it."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.airflow_site import free_port
from tests.airflow_site.processes import Component, airflow_command, services
from tests.airflow_site.waiting import until
from tests.page import ADMIN, WITHOUT_RIGHTS
from tests.page.shop import DAG_ID, PUBLISH_ID, TASK_ID

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

CHROMIUM = os.environ.get("PAGE_CHROMIUM", "")
DAYS = int(os.environ.get("PAGE_DAYS", "60"))
PASSWORD = "of-a-test"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

Json = dict[str, Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave these tests to the target that has a browser."""
    for item in items:
        if not CHROMIUM and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="needs Chromium: make test-page"))


@dataclass
class Site:
    """A running API server.

    :param url: of it.
    """

    url: str
    environment: dict[str, str] = field(repr=False)

    def token(self, user: str) -> str:
        answer = requests.post(f"{self.url}/auth/token", json={"username": user, "password": PASSWORD}, timeout=30)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def get(self, path: str) -> Json:
        headers = {"Authorization": f"Bearer {self.token(ADMIN)}"}
        answer = requests.get(f"{self.url}/api/v2/{path}", headers=headers, timeout=30)
        answer.raise_for_status()
        found: Json = answer.json()
        return found

    def summaries(self, task_id: str) -> dict[str, Json]:
        """Return what each run's XCom says, by the run's day, read apart from the page."""
        runs = self.get(f"dags/{DAG_ID}/dagRuns?limit=100&order_by=run_after")["dag_runs"]
        found: dict[str, Json] = {}
        for run in runs:
            path = f"dags/{DAG_ID}/dagRuns/{run['dag_run_id']}/taskInstances/{task_id}/xcomEntries?limit=100"
            if any(entry["key"] == "return_value" for entry in self.get(path)["xcom_entries"]):
                value = self.get(path.replace("xcomEntries", "xcomEntries/return_value"))["value"]
                found[run["logical_date"][:10]] = json.loads(value) if isinstance(value, str) else value
        return dict(sorted(found.items()))

    @cached_property
    def pulls(self) -> dict[str, Json]:
        return self.summaries(TASK_ID)

    @cached_property
    def publications(self) -> dict[str, Json]:
        return self.summaries(PUBLISH_ID)

    @property
    def last(self) -> Json:
        return self.pulls[max(self.pulls)]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An Airflow whose Dag ran once a day, by the real operators on the emulator."""
    home, port = tmp_path_factory.mktemp("airflow-home"), free_port()
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps({ADMIN: PASSWORD, WITHOUT_RIGHTS: PASSWORD}))
    options = {
        "API__BASE_URL": f"http://127.0.0.1:{port}",
        "API__WORKERS": "1",
        "API_AUTH__JWT_SECRET": "a-secret-of-a-test-that-is-long-enough-for-hashing-with-sha512-and-more",
        "CORE__AUTH_MANAGER": "tests.page.auth.StricterAuthManager",
        "CORE__DAGS_FOLDER": str(Path(__file__).parent / "dags"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin,{WITHOUT_RIGHTS}:viewer",
        "DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "LOGGING__LOGGING_LEVEL": "WARNING",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    environment |= {"AIRFLOW_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])}
    environment |= {f"AIRFLOW__{name}": value for name, value in options.items()}
    airflow_command("db", "migrate", environment=environment)
    command = [sys.executable, "-m", "tests.page.shop", str(DAYS), str(home / "warehouse.db")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    url = f"http://127.0.0.1:{port}"
    with services({"api-server": ("--host", "127.0.0.1", "--port", str(port))}, environment, home) as (server,):
        until(lambda: _answers(url, server), "an API server", 180.0)
        yield Site(url, environment)


def _answers(url: str, server: Component) -> bool:
    server.check()
    try:
        return requests.get(f"{url}/api/v2/monitor/health", timeout=5).ok
    except requests.RequestException:
        return False


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a screen, with a profile of its own."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class Look:
    """A page that is looked at.

    :param asked: addresses the browser asked for.
    :param complaints: errors on its console.
    """

    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console", lambda message: self.complaints.append(message.text) if message.type == "error" else None
        )

    def open(self, address: str) -> Look:
        """Open an address and wait until all runs are read."""
        self.page.goto(address)
        self.page.locator(".page[data-read=all]").wait_for(timeout=60_000)
        return self

    def painted(self, name: str) -> Locator:
        """Return the drawing of a picture, which is painted once it is in sight."""
        drawing = self.picture(name).locator(".u-over")
        self.picture(name).scroll_into_view_if_needed()
        drawing.wait_for()
        return drawing

    def picture(self, name: str) -> Locator:
        return self.page.locator(f"[data-picture={name}]")

    def csv(self, name: str) -> list[list[str]]:
        """Return the rows of the file that a picture's button gives."""
        with self.page.expect_download() as waiting:
            self.picture(name).get_by_role("button", name=re.compile("^CSV")).click()
        return list(csv.reader(Path(waiting.value.path()).read_text(encoding="utf-8").splitlines()))

    def table(self, name: str) -> list[list[str]]:
        """Return a picture's table, all of it, the latest run first."""
        picture = self.picture(name)
        picture.get_by_role("button", name="Table", exact=True).click()
        while picture.get_by_role("button", name="Show more runs").count():
            picture.get_by_role("button", name="Show more runs").click()
        rows: list[list[str]] = picture.locator("tbody tr").evaluate_all(
            "rows => rows.map(row => [...row.children].map(cell => cell.textContent))"
        )
        picture.get_by_role("button", name="Picture", exact=True).click()
        return rows

    def readout(self, name: str) -> tuple[str, dict[str, str]]:
        """Return the date a picture tells values of, and the values."""
        values = self.picture(name).locator(".readout .value")
        found = values.evaluate_all(
            "all => all.map(one => [one.querySelector('.name').textContent, one.querySelector('b').textContent])"
        )
        when = self.picture(name).locator(".readout .when").inner_text()
        return re.sub(r" \(.*", "", when), dict(found)


@pytest.fixture
def log_in(site: Site, chromium: Browser) -> Iterator[Callable[[str], Look]]:
    """Open a window with the session of a user."""
    contexts = []

    def window(user: str) -> Look:
        context = chromium.new_context(viewport={"width": 1480, "height": 1100}, accept_downloads=True)
        contexts.append(context)
        context.add_cookies([{"name": "_token", "value": site.token(user), "url": site.url, "httpOnly": True}])
        return Look(context.new_page())

    yield window
    for context in contexts:
        context.close()


@pytest.fixture
def look(site: Site, log_in: Callable[[str], Look]) -> Iterator[Look]:
    """The Dag's page, seen by somebody who may see all."""
    window = log_in(ADMIN).open(f"{site.url}/dags/{DAG_ID}/plugin/voucherify-dag")
    yield window
    assert window.complaints == []
    assert {urlsplit(address).netloc for address in window.asked} - {""} == {urlsplit(site.url).netloc}
