"""Looks at the built site: each link leads somewhere, and no page calls another host.

The builder sees wrong links between pages of Markdown; here are those to files, in the menu, in the API reference and
in the frame of the page as well.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: What a browser fetches by itself, by the attributes that name it.
_FETCHED = {
    ("audio", "src"),
    ("embed", "src"),
    ("iframe", "src"),
    ("img", "src"),
    ("img", "srcset"),
    ("link", "href"),
    ("object", "data"),
    ("script", "src"),
    ("source", "src"),
    ("source", "srcset"),
    ("video", "src"),
}
_IN_STYLES = re.compile(r"(?:url\(|@import)\s*[\"']?\s*((?:https?:)?//[^\"')\s]+)")


@dataclass
class Page(HTMLParser):
    """A built page.

    :param path: its file.
    """

    path: Path
    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        text = self.path.read_text(encoding="utf-8")
        self.feed(text)
        self.fetched += _IN_STYLES.findall(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take down what an element is called and what it names."""
        for name, value in attrs:
            if value is None:
                continue
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)
            elif (tag, name) == ("a", "href"):
                self.links.append(value)
            elif (tag, name) in _FETCHED:
                self.fetched.append(value)


def wrong(folder: Path) -> list[str]:
    """Return what is wrong with a built site, a line each.

    :param folder: where it was built.
    """
    pages = {path.resolve(): Page(path) for path in sorted(folder.rglob("*.html"))}
    found = []
    for page in pages.values():
        name = page.path.relative_to(folder)
        found += [f"{name} calls another host: {one}" for one in page.fetched if _is_outside(one)]
        # A page of errors is shown under any address, so that its links begin at the root of the site.
        own = [one for one in page.links + page.fetched if not _is_outside(one) and page.path.name != "404.html"]
        found += [f"{name} leads nowhere: {one}" for one in own if not _leads_somewhere(page, one, pages)]
    for path in sorted(folder.rglob("*.css")):
        outside = _IN_STYLES.findall(path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(folder)} calls another host: {one}" for one in outside]
    return found if pages else [f"there is no page in {folder}"]


def _is_outside(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme not in {"", "data"}


def _leads_somewhere(page: Page, address: str, pages: dict[Path, Page]) -> bool:
    parts = urlsplit(address)
    if parts.scheme == "data":
        return True
    goal = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path.resolve()
    if goal.is_dir():
        goal /= "index.html"
    anchor = unquote(parts.fragment)
    return goal.exists() and (not anchor or goal not in pages or anchor in pages[goal].anchors | {"__skip", "__top"})


if __name__ == "__main__":
    if lines := wrong(Path(sys.argv[1])):
        sys.exit("\n".join(lines))
