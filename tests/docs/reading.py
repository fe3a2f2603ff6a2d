"""What the README and the pages of docs/ print."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(r"^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code on a page.

    :param line: where its first line stands, from 1.
    """

    page: Path
    line: int
    language: str
    text: str

    @property
    def is_test(self) -> bool:
        """Return whether it is for pytest."""
        return self.language == "python" and "\ndef test_" in self.text

    @property
    def is_dag_file(self) -> bool:
        """Return whether it is a Dag file as it is."""
        return self.language == "python" and "\nwith DAG(" in self.text

    @property
    def padded(self) -> str:
        """Return the code below as many empty lines as stand above it, so that errors name the page's own lines."""
        return "\n" * (self.line - 1) + self.text


def blocks(page: Path, language: str = "python") -> list[Block]:
    """Return the blocks of a page in one language, in their order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start("text")) + 1, found["language"], textwrap.dedent(found["text"]))
        for found in _BLOCK.finditer(text)
        if found["language"] == language
    ]


def first_dag() -> str:
    """Return the Dag of the README's first run."""
    (dag, *_) = [block.text for block in blocks(PAGES[0]) if block.is_dag_file]
    return dag
