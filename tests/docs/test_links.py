"""Links of the pages lead somewhere, also where the README is shown alone."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.docs.reading import PAGES, ROOT

_INLINE = re.compile(r"\]\(([^)\s]+)\)")
_DEFINED = re.compile(r"^\[[^\]]+\]: (\S+)$", re.MULTILINE)
_USED = re.compile(r"\[[^\]]+\]\[([^\]]+)\]")
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)

_SOURCE = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Source"]
_OWN = re.compile(re.escape(_SOURCE) + r"/(?:blob|raw|tree)/main/(.+)")


def anchors(page: Path) -> set[str]:
    """Return the anchors GitHub gives the headings of a page."""
    titles = _HEADING.findall(_FENCED.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def targets(page: Path) -> list[str]:
    text = _FENCED.sub("", page.read_text())
    return [*_INLINE.findall(text), *_DEFINED.findall(text)]


def leads_somewhere(page: Path, target: str) -> bool:
    own = _OWN.fullmatch(target)
    if own is None and "://" in target:
        return True  # others' pages are theirs
    base, link = (ROOT, own[1]) if own else (page.parent, target)
    path, _, anchor = link.partition("#")
    goal = base / path if path else page
    return goal.exists() and (not anchor or anchor in anchors(goal))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert [target for target in targets(page) if not leads_somewhere(page, target)] == []


def test_a_link_that_leads_nowhere_is_seen() -> None:
    readme = PAGES[0]
    wrong = ("docs/none.md", "docs/history.md#none", f"{_SOURCE}/blob/main/docs/none.md", "#none")
    assert not any(leads_somewhere(readme, target) for target in wrong)


def test_links_of_the_readme_hold_where_it_is_shown_alone() -> None:
    assert [target for target in targets(PAGES[0]) if "://" not in target] == []


def test_each_reference_of_the_readme_is_defined() -> None:
    text = _FENCED.sub("", PAGES[0].read_text())
    defined = set(re.findall(r"^\[([^\]]+)\]: ", text, re.MULTILINE))
    assert set(_USED.findall(text)) == defined
