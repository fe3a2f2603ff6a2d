"""How tries of tasks end before they are done: from outside at a moment, or by their own hand while they write."""

from __future__ import annotations

import os
import random
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from benchmarks.tasks.jobs import Job

Kind: TypeAlias = Literal["none", "kill", "kill_writing", "terminate", "pause"]

#: Kinds and how often each is drawn.
_KINDS: dict[Kind, int] = {"kill": 8, "kill_writing": 6, "terminate": 3, "pause": 2}
_LATEST_MOMENT = 2.5
_MOST_WRITES = 14


@dataclass(frozen=True, slots=True)
class Ending:
    """How a try is ended.

    :param kind: ``kill`` is SIGKILL at a moment, ``kill_writing`` SIGKILL before a write, ``terminate`` SIGTERM,
        ``pause`` SIGSTOP: the next try begins meanwhile, and then the paused one goes on.
    :param moment: seconds after the start.
    :param writes: how many writes are let through first.
    :param pause: seconds of the pause.
    """

    kind: Kind = "none"
    moment: float = 0.0
    writes: int = 0
    pause: float = 0.0

    def prepare(self, job: Job) -> None:
        """Let the process of a try end by its own hand, if that is how it ends."""
        if self.kind == "kill_writing":
            die_at_write(self.writes, job.work.table)


NONE = Ending()


def draw_endings(rng: random.Random, *, may_pause: bool) -> list[Ending]:
    """Draw how the first tries of a job end; those after them come to their end."""
    kinds = [kind for kind in _KINDS if may_pause or kind != "pause"]
    drawn = rng.choices(kinds, [_KINDS[kind] for kind in kinds], k=rng.choice([0, 1, 1, 2, 2, 3]))
    return [
        # Early moments are likelier: a job of a few seconds is over before the late ones.
        Ending(
            kind, 0.05 + _LATEST_MOMENT * rng.random() ** 2, int(_MOST_WRITES * rng.random() ** 2), rng.uniform(0.2, 2)
        )
        for kind in drawn
    ]


def die_at_write(writes: int, table: str | None) -> None:
    """Let this process kill itself before a write that readers or later tries could see.

    :param writes: how many are let through first.
    :param table: writes to this table count, and from the first of them on all statements and commits of the
        process; renamed files count in any case.
    """
    left = writes

    def count_down() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_event(event: str, _: object) -> None:
        if event == "os.rename":
            count_down()

    sys.addaudithook(on_event)
    if table is not None:
        _watch_statements(table, count_down)


def _watch_statements(table: str, count_down: Callable[[], None]) -> None:
    from sqlalchemy import Engine, event

    writes_to_table = re.compile(rf'\s*(CREATE TABLE|DELETE FROM|INSERT INTO|UPDATE) "?{table}"?\b')
    began = False

    def on_statement(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal began
        began = began or writes_to_table.match(statement) is not None
        if began:
            count_down()

    def on_commit(_: object) -> None:
        if began:
            count_down()

    event.listen(Engine, "before_cursor_execute", on_statement)
    event.listen(Engine, "commit", on_commit)
