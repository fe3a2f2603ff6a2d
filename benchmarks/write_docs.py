"""Writes docs/benchmarks.md from what the benchmarks wrote: ``python -m benchmarks.write_docs``.

Nothing in that file is typed by hand: figures, machine and reading come from ``benchmarks/results/*.json``.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.reporting import RESULTS, Report, Table, Target, as_markdown

DOCS = Path(__file__).parent.parent / "docs" / "benchmarks.md"
#: In the order of the page.
NAMES = (
    "peers",
    "long_pulls",
    "clients",
    "quota",
    "mapped",
    "calls",
    "load",
    "load_million",
    "memory",
    "scale",
    "resume",
    "imports",
    "first_try",
    "whole_runs",
    "distributed",
    "simulate",
    "soak",
    "attack",
    "emulator",
)
_INTRODUCTION = """\
# Benchmarks

Written by `python -m benchmarks.write_docs` from what the benchmarks measured; nothing here is typed by hand. Each
part was measured in one run on one machine, so that the ratios count, not the seconds. `make bench` runs all of them
but twelve that would make it longer than 20 minutes; each has a target of its own: `make soak`, `make attack`,
`make bench-calls`, `make bench-clients`, `make bench-distributed`, `make bench-load-million`, `make bench-long-pulls`,
`make bench-mapped`, `make bench-memory`, `make bench-quota`, `make bench-resume`, `make bench-scale`.
"""


def page() -> str:
    """Return the page, from the results that are there."""
    found = [read(path) for name in NAMES if (path := RESULTS / f"{name}.json").exists()]
    targets = [target for report, _ in found for target in report.targets]
    parts = [_INTRODUCTION, "## Targets\n", as_markdown(_targets(targets)), ""]
    for report, machine in found:
        parts += section(report, machine)
    return "\n".join(parts).rstrip() + "\n"


def read(path: Path) -> tuple[Report, str]:
    """Return a report and the machine it was made on."""
    said = json.loads(path.read_text())
    machine = said.pop("machine")
    said["tables"] = [Table(**one) for one in said["tables"]]
    said["targets"] = [Target(**one) for one in said["targets"]]
    return Report(**said), machine


def _targets(targets: list[Target]) -> Table:
    rows = [[one.what, one.wanted, one.measured, one.verdict] for one in targets]
    return Table("Targets", ["what", "wanted", "measured", "met"], rows)


def section(report: Report, machine: str) -> list[str]:
    """Return the lines of one benchmark."""
    lines = [f"## {report.title}", "", report.question, ""]
    for table in report.tables:
        lines += [f"**{table.title}**", "", as_markdown(table), ""]
    lines += [f"![{report.title}]({chart})\n" for chart in report.charts]
    lines += [f"- {sentence}" for sentence in report.reading]
    has_own_name = report.name in {"attack", "soak"}
    command = f"make {report.name}" if has_own_name else f"make bench-{report.name.replace('_', '-')}"
    return [*lines, "", f"*`{command}`, {report.measured_on}: {machine}.*", ""]


if __name__ == "__main__":
    DOCS.write_text(page())
    print(f"wrote {DOCS.relative_to(DOCS.parent.parent)}")
