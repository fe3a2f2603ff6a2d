"""The plugin: where the page is, which files are served, and that the built page is that of its source."""

from __future__ import annotations

import hashlib
import re
import runpy
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from airflow.providers.common.compat import sdk
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from airflow_provider_voucherify.ui.files import FOLDER, PAGE, version_of_page
from airflow_provider_voucherify.ui.plugin import ADDRESS, NAME, VoucherifyPlugin, serve
from tests.airflow_version import AIRFLOW

SOURCE = Path(__file__).parents[2] / "page"


@pytest.fixture
def browser() -> TestClient:
    """Ask the page's route, mounted as Airflow mounts it."""
    return TestClient(Starlette(routes=[Mount(f"/{ADDRESS}", serve)]), base_url=f"http://airflow/{ADDRESS}/")


def test_airflow_finds_the_plugin_by_its_entry_point() -> None:
    (found,) = entry_points(group="airflow.plugins", name="voucherify")
    assert found.load() is VoucherifyPlugin
    assert issubclass(VoucherifyPlugin, sdk.AirflowPlugin)


def test_the_page_is_in_the_menu_and_on_dags_and_tasks() -> None:
    assert [place["destination"] for place in VoucherifyPlugin.react_apps] == ["nav", "dag", "task"]
    assert len({place["url_route"] for place in VoucherifyPlugin.react_apps}) == 3
    assert {place["name"] for place in VoucherifyPlugin.react_apps} == {NAME}
    assert f'"{NAME}"' in PAGE.read_text()


def test_addresses_are_relative_and_change_with_the_page() -> None:
    up = "../../" if AIRFLOW < (3, 3) else ""
    bundle = f"{up}{ADDRESS}/page.js?v={version_of_page()}"
    assert {place["bundle_url"] for place in VoucherifyPlugin.react_apps} == {bundle}
    (app,) = VoucherifyPlugin.fastapi_apps
    assert app["url_prefix"] == f"/{ADDRESS}"


def test_an_airflow_without_react_apps_goes_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "AirflowPlugin", type("AirflowPlugin", (), {}), raising=False)
    plugin = runpy.run_path(str(FOLDER.parent / "plugin.py"))["VoucherifyPlugin"]
    assert (plugin.react_apps, plugin.fastapi_apps) == ([], [])


def test_the_files_are_served(browser: TestClient) -> None:
    answer = browser.get("page.js")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(("text/javascript", "application/javascript"))
    assert answer.text == PAGE.read_text(encoding="utf-8")
    assert "Leon Sorokin" in browser.get("uPlot-LICENSE.txt").text


@pytest.mark.parametrize("path", ["", "plugin.py", "%2e%2e/plugin.py", "..%2fplugin.py", "%2fetc%2fpasswd"])
def test_nothing_else_is_served(browser: TestClient, path: str) -> None:
    assert browser.get(path).status_code == 404


def test_nothing_is_taken(browser: TestClient) -> None:
    assert browser.post("page.js").status_code == 405


def test_there_is_nothing_else_to_serve() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {"page.js", "uPlot-LICENSE.txt"}


def test_loading_the_plugin_loads_no_web_server() -> None:
    program = (
        "import sys; from airflow.providers.common.compat.sdk import AirflowPlugin; before = set(sys.modules)\n"
        "import airflow_provider_voucherify.ui.plugin\n"
        "print(' '.join(sorted({name.split('.')[0] for name in set(sys.modules) - before})))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    third_party = set(done.stdout.splitlines()[-1].split()) - {*sys.stdlib_module_names}
    assert third_party == {"airflow_provider_voucherify"}


def test_the_built_page_is_that_of_its_source() -> None:
    named = ["build.mjs", "package-lock.json", "package.json", "tsconfig.json"]
    names = sorted([*named, *(f"src/{path.name}" for path in (SOURCE / "src").iterdir())])
    source = hashlib.sha256()
    for name in names:
        source.update(f"{name}\0".encode() + (SOURCE / name).read_bytes() + b"\0")
    assert f"source {source.hexdigest()}" in PAGE.read_text().partition("\n")[0], (
        "run `make page` and commit what it builds"
    )


def test_the_page_knows_no_other_host() -> None:
    addresses = set(re.findall(r"""["'`](?:https?:)?//[^"'`]*""", PAGE.read_text()))
    assert addresses == {'"http://www.w3.org/2000/svg'}


def test_the_page_makes_no_html_of_texts() -> None:
    sources = "".join(path.read_text() for path in (SOURCE / "src").glob("*.ts"))
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", sources) == []
    assert "</script" not in PAGE.read_text().lower()


def test_the_lock_names_no_registry_and_pins_exact_versions() -> None:
    lock = (SOURCE / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert set(re.findall(r"https?://[^/\"]+", lock)) <= {"https://github.com"}  # where prettier takes donations
    dependencies = re.findall(
        r'"(?:uplot|esbuild|prettier|typescript)": "([^"]+)"', (SOURCE / "package.json").read_text()
    )
    assert len(dependencies) == 4
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in dependencies)
