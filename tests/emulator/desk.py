"""A desk to ask the emulator's core at, without a network and with a clock that a test sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from multidict import CIMultiDict

from airflow_provider_voucherify.emulator import Limits, ProjectSettings, Switches
from airflow_provider_voucherify.emulator.http.core import Core, Request
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject, as_list, as_object, dump, load
from airflow_provider_voucherify.emulator.shop.population import Population
from airflow_provider_voucherify.emulator.state import APP_ID, APP_TOKEN, State

NEW_YEAR = 1_767_225_600.0
"""2026-01-01 00:00:00 UTC, when clocks of tests start."""


@dataclass
class SetClock:
    """A clock that stands still until a test moves it."""

    now: float = NEW_YEAR

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> JsonObject:
        return as_object(load(self.body))

    def rows(self, name: str = "data") -> list[JsonObject]:
        return [as_object(row) for row in as_list(self.json[name])]

    def ids(self, name: str = "data") -> list[str]:
        return [str(row["id"]) for row in self.rows(name)]


@dataclass
class Desk:
    """Asks as the emulator's first project unless told otherwise."""

    customers: int = 0
    segments: int = 0
    limits: Limits = field(default_factory=lambda: Limits(limit=None))
    switches: Switches = field(default_factory=Switches)
    clock: SetClock = field(default_factory=SetClock)

    def __post_init__(self) -> None:
        project = ProjectSettings(customers=self.customers, segments=self.segments)
        self.state = State(project, self.limits, self.switches, self.clock)
        self.core = Core(self.state)

    @property
    def population(self) -> Population:
        return self.state.first.population

    def ask(
        self, target: str, method: str = "GET", body: Json | bytes = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        sent = CIMultiDict({"X-App-Id": APP_ID, "X-App-Token": APP_TOKEN})
        content = body if isinstance(body, bytes) else b"" if body is None else dump(body)
        if content:
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        answer = self.core.answer(Request(method, target, sent, content))
        lines = [(line.partition(": ")[0], line.partition(": ")[2]) for line in answer.headers.split("\r\n") if line]
        return Reply(answer.status, dict(lines), answer.body)

    def add(self, **profile: Json) -> str:
        reply = self.ask("/v1/customers", "POST", profile)
        assert reply.status == 200, reply.body
        return str(reply.json["id"])
