"""The site of `make docs`: which pages it has, where their links lead, and what is found wrong with a built one."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from docs_site.built import wrong
from docs_site.pages import HERE, SOURCE, dag_page, gather, linked
from tests.docs.reading import PAGES, ROOT

_IN_MENU = re.compile(r"^ +- .*: (\S+\.md)$", re.MULTILINE)
_DOCUMENTED = re.compile(r"^::: ([\w.]+)$", re.MULTILINE)

SETTINGS = (HERE / "mkdocs.yml").read_text()
DAGS = sorted((ROOT / "dags").glob("*.py"))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all pages."""
    folder = tmp_path_factory.mktemp("site")
    gather(folder)
    return folder / "pages"


def test_each_page_has_its_place_in_the_menu(pages: Path) -> None:
    in_menu = _IN_MENU.findall(SETTINGS)
    assert len(in_menu) == len(set(in_menu))
    assert set(in_menu) == {path.relative_to(pages).as_posix() for path in pages.rglob("*.md")}


@pytest.mark.parametrize(
    ("folder", "link", "on_the_site"),
    [
        ("docs", "history.md#the-change-feed", "history.md#the-change-feed"),
        ("docs", "#the-test", "#the-test"),
        ("docs", "images/failed_log.png", "images/failed_log.png"),
        ("docs", "../README.md#install", "index.md#install"),
        ("docs", "../dags", "pipelines.md"),
        ("docs", "../dags/", "pipelines.md"),
        ("docs", "../dags/win_back.py", "dags/win_back.md"),
        ("docs", "../CONTRIBUTING.md", "CONTRIBUTING.md"),
        ("docs", "../tests/dags", f"{SOURCE}/blob/main/tests/dags"),
        ("docs", "https://docs.voucherify.io", "https://docs.voucherify.io"),
        ("", "docs/emulator.md", "emulator.md"),
        ("", f"{SOURCE}/blob/main/docs/quota.md#the-share", "quota.md#the-share"),
        ("", f"{SOURCE}/raw/main/docs/images/first_run_log.png", "images/first_run_log.png"),
        ("", f"{SOURCE}/tree/main/dags", "pipelines.md"),
        ("", f"{SOURCE}/issues", f"{SOURCE}/issues"),
    ],
)
def test_links_are_turned_to_where_things_are_on_the_site(folder: str, link: str, on_the_site: str) -> None:
    assert linked(f"See [this]({link}).", folder) == f"See [this]({on_the_site})."
    assert linked(f"See [this][that].\n\n[that]: {link}", folder) == f"See [this][that].\n\n[that]: {on_the_site}"


def test_a_page_is_named_by_its_title() -> None:
    assert linked("See [quota.md](quota.md#the-share).", "docs") == "See [Quota](quota.md#the-share)."
    assert linked("See [docs/files.md][files].", "") == "See [Files][files]."


def test_code_stays_as_it_is() -> None:
    text = "```python\nrows[0](../dags)\n```\n\n- as `x`:\n\n  ```\n  [a]: ../README.md\n  ```\n"
    assert linked(text, "docs") == text


def test_each_dag_is_shown_with_its_graph(pages: Path) -> None:
    pictures = {path.stem for path in (pages / "images" / "dags").iterdir()}
    assert pictures == {path.stem for path in DAGS}
    for path in DAGS:
        page = dag_page(path)
        assert f"images/dags/{path.stem}.png" in page
        assert "with DAG(" in page
        assert '"""Customers' not in page


def test_pictures_are_shown(pages: Path) -> None:
    shown = "".join(path.read_text() for path in pages.rglob("*.md"))
    pictures = [path.relative_to(pages).as_posix() for path in (pages / "images").rglob("*.*")]
    assert [picture for picture in pictures if picture not in shown] == []


def in_reference() -> set[str]:
    """Return the last part of each name the API reference shows."""
    pages = [page.read_text() for page in HERE.glob("api/*.md")]
    return {path.rpartition(".")[2] for page in pages for path in _DOCUMENTED.findall(page)}


def test_the_reference_shows_what_dag_authors_import() -> None:
    modules = [f"operators.{name}" for name in ("customer_segments", "publish_vouchers", "update_customers_metadata")]
    for name in (*modules, "operators.export", "emulator"):
        exported = set(import_module(f"airflow_provider_voucherify.{name}").__all__)
        assert exported - in_reference() == set(), name
    assert in_reference() >= {"voucherify_connection", "voucherify_emulator", "errors"}


def test_the_reference_shows_what_the_readme_says_can_be_imported() -> None:
    (table,) = re.findall(r"## What there is\n(.+?)\n## ", PAGES[0].read_text(), re.DOTALL)
    named = [name for row in table.splitlines()[4:] for name in re.findall(r"`([A-Za-z_]\w+)`", row.split("|")[2])]
    assert len(named) > 10
    assert set(named) - in_reference() == set()


def built(folder: Path, body: str, *, head: str = "") -> list[str]:
    """Return what is found wrong with a site of two pages."""
    (folder / "index.html").write_text(f"<html><head>{head}</head><body>{body}</body></html>")
    (folder / "other.html").write_text('<html><h1 id="top">Other</h1></html>')
    return wrong(folder)


@pytest.mark.parametrize(
    "body",
    [
        '<a href="other.html#top">other</a>',
        '<a href="#here">here</a><p id="here">',
        '<a href="https://www.voucherify.io">a reader may go there</a>',
        '<img src="data:image/png;base64,AAAA">',
        '<a href=".">home</a>',
    ],
)
def test_a_sound_page_is_found_so(tmp_path: Path, body: str) -> None:
    assert built(tmp_path, body) == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('<a href="none.html">', "index.html leads nowhere: none.html"),
        ('<a href="other.html#none">', "index.html leads nowhere: other.html#none"),
        ('<a href="#none">', "index.html leads nowhere: #none"),
        ('<img src="none.png">', "index.html leads nowhere: none.png"),
        ('<script src="https://cdn.test/x.js">', "index.html calls another host: https://cdn.test/x.js"),
        ('<img src="//cdn.test/x.png">', "index.html calls another host: //cdn.test/x.png"),
        ("<style>@import 'https://a.test/x.css'</style>", "index.html calls another host: https://a.test/x.css"),
    ],
)
def test_what_is_wrong_is_found(tmp_path: Path, body: str, told: str) -> None:
    assert built(tmp_path, body) == [told]


@pytest.mark.parametrize("relation", ["stylesheet", "preconnect", "icon"])
def test_what_a_head_fetches_from_another_host_is_found(tmp_path: Path, relation: str) -> None:
    head = f'<link rel="{relation}" href="https://fonts.test/x">'
    assert built(tmp_path, "", head=head) == ["index.html calls another host: https://fonts.test/x"]


def test_styles_that_fetch_from_another_host_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("@font-face { src: url(https://fonts.test/x.woff2) }")
    assert built(tmp_path, "") == ["a.css calls another host: https://fonts.test/x.woff2"]


def test_a_site_without_pages_is_no_success(tmp_path: Path) -> None:
    assert wrong(tmp_path) != []
