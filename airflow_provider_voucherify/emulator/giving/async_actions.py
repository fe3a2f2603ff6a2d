"""Bulk updates that are carried out later: one behind the other, row by row as time goes by."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.http.problems import ApiProblem
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject
from airflow_provider_voucherify.emulator.shop.population import Population
from airflow_provider_voucherify.emulator.shop.upserts import upsert
from airflow_provider_voucherify.emulator.times import MICROS_PER_DAY, MICROS_PER_MILLI, show_instant

ActionType: TypeAlias = Literal["CUSTOMERS.BULK_UPDATE", "CUSTOMERS.METADATA_UPDATE"]
_REPORT_DAYS = 30


@dataclass(frozen=True, slots=True)
class Pace:
    """How an action will go.

    :param wait_micros: microseconds it waits before its first row, also in an empty queue.
    :param row_micros: microseconds each row takes.
    :param fails: True ends it with ``FAILED`` after half of its rows, which stay updated.
    """

    wait_micros: int
    row_micros: int
    fails: bool


@dataclass(slots=True, eq=False)
class AsyncAction:
    """One bulk update; all instants are microseconds since 1970, UTC.

    :param rows: bodies of customers, each with its ``source_id``.
    :param handled: how many rows were updated or refused so far.
    :param seen_at: the instant up to which it was carried out.
    :param looks: how often it was looked at.
    """

    id: str
    type: ActionType
    request_id: str
    created_at: int
    starts_at: int
    rows: Sequence[JsonObject]
    pace: Pace
    handled: int = 0
    seen_at: int = 0
    looks: int = 0
    errors: list[Json] = field(default_factory=list)

    @property
    def ends_at(self) -> int:
        """When it ends, in one way or the other."""
        return self.starts_at + self._reached * self.pace.row_micros

    @property
    def status(self) -> str:
        """``ENQUEUED``, ``IN_PROGRESS``, ``DONE`` or ``FAILED``."""
        if self.seen_at < self.starts_at:
            return "ENQUEUED"
        if self.seen_at < self.ends_at:
            return "IN_PROGRESS"
        return "FAILED" if self.pace.fails else "DONE"

    @property
    def is_over(self) -> bool:
        """Whether nothing will happen any more."""
        return self.seen_at >= self.ends_at

    def advance(self, population: Population, refused: Mapping[str, str], now: int) -> None:
        """Update the customers whose turn has come.

        :param refused: key of the error of each source id that cannot be updated.
        :param now: microseconds since 1970, UTC.
        """
        self.seen_at = now
        while self.handled < self._reached:
            due = self.starts_at + (self.handled + 1) * self.pace.row_micros
            if due > now:
                return
            self._handle(self.rows[self.handled], population, refused, due)
            self.handled += 1

    def to_json(self, *, operation_status: bool) -> JsonObject:
        """Show the action as the listing does.

        :param operation_status: whether to say how it went, once it is over.
        :returns: the action without its result.
        """
        started = max(0, min(self.seen_at, self.ends_at) - self.starts_at)
        shown: JsonObject = {
            "id": self.id,
            "type": self.type,
            "status": self.status,
            "created_at": show_instant(self.created_at),
            "updated_at": None if self.status == "ENQUEUED" else show_instant(self.starts_at + started),
            "request_id": self.request_id,
            "processing_time": started // MICROS_PER_MILLI,
            "progress": self._progress,
            "object": "async_action",
        }
        return shown | ({"operation_status": self._operation_status} if operation_status and self.is_over else {})

    def result(self, base_url: str) -> JsonObject | None:
        """Tell what came of it.

        :param base_url: where the link to the report points to; the emulator serves none.
        :returns: counts and errors; None before it is over.
        """
        if not self.is_over:
            return None
        reports: list[Json] = [f"{base_url}/_reports/{self.id}.csv"]
        return {
            "done_count": self.handled - len(self.errors),
            "failed_count": len(self.errors),
            "reports": reports,
            "reports_available_till": show_instant(self.ends_at + _REPORT_DAYS * MICROS_PER_DAY),
            "errors": self.errors,
        }

    @property
    def _reached(self) -> int:
        return len(self.rows) // 2 if self.pace.fails else len(self.rows)

    @property
    def _progress(self) -> int:
        if self.status == "DONE":
            return 100
        return 100 * self.handled // max(1, len(self.rows))

    @property
    def _operation_status(self) -> str:
        none_done = bool(self.errors) and len(self.errors) == self.handled
        return "FAILED" if self.pace.fails or none_done else "SUCCESS"

    def _handle(self, row: JsonObject, population: Population, refused: Mapping[str, str], due: int) -> None:
        source_id = row.get("source_id")
        try:
            if not isinstance(source_id, str) or not source_id:
                raise problems.invalid_payload("Property .source_id must be string")
            if source_id in refused:
                raise problems.application(400, refused[source_id], "Customer cannot be updated", "refused by a test")
            upsert(population, {name: value for name, value in row.items() if name != "id"}, due)
        except ApiProblem as problem:
            body = problem.body
            why: JsonObject = {name: body.get(name) for name in ("message", "details", "key")}
            self.errors.append(why | {"source_id": source_id})


class AsyncActions:
    """The bulk updates of one project."""

    def __init__(self, owner: str) -> None:
        """Start with an empty queue.

        :param owner: the project's id: two projects have no action id in common.
        """
        self._owner = owner
        self._by_id: dict[str, AsyncAction] = {}
        self._queue: deque[AsyncAction] = deque()

    def enqueue(self, kind: ActionType, rows: Sequence[JsonObject], pace: Pace, now: int) -> AsyncAction:
        """Put a bulk update behind the others.

        :param rows: bodies of customers, each with its ``source_id``.
        :param now: microseconds since 1970, UTC.
        :returns: the action, which has not begun.
        """
        starts_at = now + pace.wait_micros
        if self._queue:
            starts_at = max(starts_at, self._queue[-1].ends_at)
        rng = random.Random(f"{self._owner}/action/{len(self._by_id)}")
        new_id = f"aa_{rng.getrandbits(72):018x}"
        action = AsyncAction(new_id, kind, problems.request_id(), now, starts_at, rows, pace)
        self._by_id[new_id] = action
        self._queue.append(action)
        return action

    def settle(self, population: Population, refused: Mapping[str, str], now: int) -> None:
        """Carry out what is due.

        :param refused: key of the error of each source id that cannot be updated.
        :param now: the instant of the request that is about to look.
        """
        while self._queue and self._queue[0].starts_at <= now:
            first = self._queue[0]
            first.advance(population, refused, now)
            if not first.is_over:
                return
            self._queue.popleft()

    def find(self, action_id: str) -> AsyncAction | None:
        """Find an action.

        :returns: the action, or None.
        """
        return self._by_id.get(action_id)

    def newest_first(self) -> list[AsyncAction]:
        """List the actions."""
        return list(self._by_id.values())[::-1]
