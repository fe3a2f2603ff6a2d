"""What a report is made from: tasks, their runs, and of each summary the numbers that have a picture."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from airflow_provider_voucherify.api.models import Json, JsonObject

Kind: TypeAlias = Literal["pull", "publish"]

#: By the name of the operator's class.
KINDS: dict[str, Kind] = {"CustomerSegmentsOperator": "pull", "PublishVouchersOperator": "publish"}

#: Ids of customers, which a summary may name a few of, are not among them: a report is handed around.
_NUMBERS = (
    *("customers", "found", "no_segment", "unknown", "failed", "memberships", "entered", "left", "planned_calls"),
    *("calls", "rejected", "retried", "deferrals", "waits", "waited_seconds", "duration_seconds"),
    *("published", "published_before", "no_voucher"),
)


@dataclass(frozen=True, slots=True)
class ReportTask:
    """A task that pulls segments or publishes vouchers."""

    dag_id: str
    task_id: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class TaskRun:
    """A task instance.

    :param date: the run's logical date, or when it was due (UTC).
    :param summary: ``None`` if it told none.
    """

    task: ReportTask
    run_id: str
    date: datetime
    state: str
    map_index: int = -1
    map_label: str = ""
    summary: JsonObject | None = None


@dataclass(slots=True)
class _Segments:
    """Segments by number, so that a year of runs names each of them once."""

    numbers: dict[str, int] = field(default_factory=dict)
    names: list[Json] = field(default_factory=list)

    def number(self, segment_id: str, name: str) -> int:
        if segment_id not in self.numbers:
            self.numbers[segment_id] = len(self.names)
            self.names.append([segment_id, name or segment_id])
        return self.numbers[segment_id]


def lines_of(title: str, made_at: datetime, url: str | None, runs: Sequence[TaskRun]) -> Iterator[str]:
    """Return a report's lines of JSON: its tasks and segments, then its task instances, the latest first.

    :param made_at: UTC.
    :param url: of the Airflow whose runs they are, so that pictures lead to them.
    """
    tasks = list(dict.fromkeys(run.task for run in runs))
    segments = _Segments()
    latest_first = sorted(runs, key=lambda run: (run.date, run.run_id, -run.map_index), reverse=True)
    lines = [_line(tasks.index(run.task), run, segments) for run in latest_first]
    yield _json(
        {
            "title": title,
            "made_at": f"{made_at:%-d %b %Y, %H:%M} UTC",
            "url": url,
            "tasks": [{"dag_id": task.dag_id, "task_id": task.task_id, "kind": task.kind} for task in tasks],
            "segments": segments.names,
        }
    )
    yield from lines


def _line(task: int, run: TaskRun, segments: _Segments) -> str:
    return _json(
        {
            "task": task,  # first: the page picks lines by how they begin
            "run_id": run.run_id,
            "map_index": run.map_index,
            "map_label": run.map_label,
            "date": run.date.isoformat(),
            "state": run.state,
            "summary": None if run.summary is None else _numbers_of(run.summary, segments),
        }
    )


def _numbers_of(summary: JsonObject, segments: _Segments) -> JsonObject:
    numbers: JsonObject = {name: summary[name] for name in _NUMBERS if isinstance(summary.get(name), int | float)}
    per_segment = summary.get("per_segment")
    numbers["strategy"] = summary.get("strategy")
    if isinstance(per_segment, list):
        numbers["per_segment"] = [_segment(one, segments) for one in per_segment if isinstance(one, dict)]
    return numbers


def _segment(one: JsonObject, segments: _Segments) -> list[Json]:
    number = segments.number(str(one.get("segment_id")), str(one.get("segment_name") or ""))
    moves = [one["entered"], one["left"]] if "entered" in one and "left" in one else []
    return [number, one.get("customers"), *moves]


def _json(value: JsonObject) -> str:
    """Return JSON that may stand inside a script element, whatever names say."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
