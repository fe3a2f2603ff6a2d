"""When an attack strikes: before an event of a phase, told by number, so that a seed strikes at the same one again."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

Phase: TypeAlias = Literal["asking", "storing", "publishing", "other"]

PHASES: tuple[Phase, ...] = ("asking", "storing", "publishing", "other")
Events: TypeAlias = Mapping[Phase, int]
#: How many events of each phase most jobs of a few hundred customers come to.
OF_TABLES: Events = MappingProxyType({"asking": 32, "storing": 6, "publishing": 22, "other": 45})
OF_FILES: Events = MappingProxyType({"asking": 36, "storing": 4, "publishing": 3})
OF_CODES: Events = MappingProxyType({"asking": 36, "storing": 5, "other": 15})
_LATEST_AFTER = 0.03
_WRITES = re.compile(r"\s*(ALTER|ANALYZE|COPY|CREATE|DELETE|DROP|INSERT|LOCK|UPDATE)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Moment:
    """When an attack strikes.

    :param phase: what the try is about to do: ``asking`` sends a call, ``storing`` writes to its ledger, ``publishing``
        makes the run visible, ``other`` is what comes before and after.
    :param number: the event of the phase before which it strikes, 1 for the first.
    :param is_held: whether the try waits while it strikes; else it goes on, so that what was begun is struck.
    :param delay: seconds from the event to the strike, where the try goes on.
    """

    phase: Phase
    number: int
    is_held: bool
    delay: float


def draw_moment(rng: random.Random, phase: Phase, events: Events, *, may_be_held: bool, must_be_held: bool) -> Moment:
    """Draw a moment of a phase.

    :param events: how many there are of each phase.
    """
    number = rng.randint(1, events[phase])
    is_held = must_be_held or (may_be_held and rng.random() < 0.5)
    return Moment(phase, number, is_held, rng.random() * _LATEST_AFTER)


class Phases:
    """Tells what a try is doing from its calls, statements and files, and counts.

    :param table: the table it writes to, if it does.
    :param publishes_codes: whether the table is one of outcomes, which is its own ledger.
    :param on_event: told each event.
    """

    def __init__(self, table: str | None, on_event: Callable[[Phase, int], None], *, publishes_codes: bool) -> None:
        self._table = table
        self._publishes_codes = publishes_codes
        self._on_event = on_event
        self._counts = dict.fromkeys(PHASES, 0)
        self._makes_visible = False

    def call(self) -> None:
        """Note that a call is about to be sent."""
        self._note("asking")

    def statement(self, text: str) -> None:
        """Note that a statement is about to be executed."""
        phase = self._of_statement(text)
        self._makes_visible = self._makes_visible or phase == "publishing"
        self._note("publishing" if self._makes_visible else phase)

    def commit(self) -> None:
        """Note that a transaction is about to be committed."""
        self._note("publishing" if self._makes_visible else "other")
        self._makes_visible = False

    def rename(self, path: str) -> None:
        """Note that a file is about to have its name."""
        self._note("storing" if "/_ledger/" in path else "publishing")

    def _of_statement(self, text: str) -> Phase:
        if self._table is None or not _WRITES.match(text):
            return "other"
        if f"{self._table}__run_" in text:
            return "storing"
        if re.search(rf'"?{re.escape(self._table)}(__\w+)?"?(?!\w)', text) is None:
            return "other"
        return "storing" if self._publishes_codes else "publishing"

    def _note(self, phase: Phase) -> None:
        self._counts[phase] += 1
        self._on_event(phase, self._counts[phase])
