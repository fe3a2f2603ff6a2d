"""What a benchmark found: printed as tables, written as JSON, and turned into docs/benchmarks.md from there."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias, cast

RESULTS = Path(__file__).parent / "results"

Cell: TypeAlias = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """Some figures.

    :param title: what they are about, in a few words.
    :param columns: heads, with the unit where there is one: ``"calls/s"``.
    :param rows: a cell for each column; ``None`` where nothing was measured.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Target:
    """What was aimed at, and what came of it.

    :param what: the figure, in words.
    :param wanted: what it should be, such as ``"at most 1.02"``.
    :param measured: what it is.
    :param reason: why it is missed, where it is: a few words, or nothing where that is not known.
    """

    what: str
    wanted: str
    measured: str
    is_met: bool
    reason: str = ""

    @property
    def verdict(self) -> str:
        """Return whether it is met, and else why not."""
        if self.is_met:
            return "yes"
        return f"**no**: {self.reason}" if self.reason else "**no**"


@dataclass(frozen=True, slots=True)
class Report:
    """All that one benchmark found in one run on one machine.

    :param name: of the JSON file and the make target: ``peers`` for ``make bench-peers``.
    :param title: a headline for the docs.
    :param question: what is asked and how it is measured: a paragraph or a few.
    :param reading: what the figures say, made from the figures.
    :param charts: pictures, as paths relative to ``docs/``.
    :param packages: whose versions matter here.
    """

    name: str
    title: str
    question: str
    tables: Sequence[Table]
    reading: Sequence[str] = ()
    targets: Sequence[Target] = ()
    charts: Sequence[str] = ()
    packages: Sequence[str] = ()
    measured_on: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y-%m-%d}")

    def publish(self) -> None:
        """Print the tables and write the JSON."""
        print(f"\n{self.title}\n{machine(self.packages)}")
        for table in self.tables:
            print(f"\n{table.title}\n{as_text(table)}")
        for target in self.targets:
            verdict = "met" if target.is_met else "MISSED"
            why = f": {target.reason}" if target.reason and not target.is_met else ""
            print(f"{verdict}: {target.what}: {target.measured} (wanted: {target.wanted}){why}")
        RESULTS.mkdir(exist_ok=True)
        found = asdict(self) | {"machine": machine(self.packages)}
        (RESULTS / f"{self.name}.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def machine(packages: Sequence[str]) -> str:
    """Return the machine and the versions in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = [f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB", f"{platform.system()} {platform.machine()}"]
    parts.append(f"Python {platform.python_version()}")
    parts += [f"{name} {version(name)}" for name in packages]
    return ", ".join(parts)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def shown(cell: Cell) -> str:
    """Return a cell as text: numbers with separators and as many decimals as they need."""
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.1f}" if abs(cell) >= 10 else f"{cell:.2f}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def as_text(table: Table) -> str:
    """Return a table for a terminal: the first column to the left, the others to the right."""
    lines = [list(table.columns), *([shown(cell) for cell in row] for row in table.rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(table.columns))]
    return "\n".join(
        "  ".join(text.rjust(width) if place else text.ljust(width) for place, (text, width) in enumerate(pairs))
        for pairs in (list(zip(line, widths, strict=True)) for line in lines)
    )


def as_markdown(table: Table) -> str:
    """Return a table for the docs."""
    heads = "| " + " | ".join(table.columns) + " |"
    rule = "|" + "|".join(" --- " if place == 0 else " ---: " for place in range(len(table.columns))) + "|"
    return "\n".join([heads, rule, *("| " + " | ".join(shown(cell) for cell in row) + " |" for row in table.rows)])


@dataclass(frozen=True, slots=True)
class Spread:
    """Several measurements of one thing."""

    values: Sequence[float]

    @property
    def median(self) -> float:
        """Return the middle one, which a single slow run does not move."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        if len(self.values) == 1:
            return shown(float(self.values[0]))
        return f"{shown(self.median)} ({shown(float(min(self.values)))} to {shown(float(max(self.values)))})"


def stored(name: str) -> dict[str, object] | None:
    """Return what a benchmark wrote last, if it ever ran here."""
    path = RESULTS / f"{name}.json"
    return cast("dict[str, object]", json.loads(path.read_text())) if path.exists() else None
