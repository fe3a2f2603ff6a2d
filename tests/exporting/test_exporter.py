"""An export whose answers are lost: looked for once the server had time, never taken for one that was not asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.calls.exports import CLOCKS_DIFFER, LISTED_WITHIN, Wanted
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.models import JsonObject
from airflow_provider_voucherify.exporting.exporter import Exporter

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
WANTED = Wanted("customer", ("id",))
EXPORT: JsonObject = {
    "id": "exp_1",
    "status": "SCHEDULED",
    "exported_object": "customer",
    "created_at": "2026-01-31T12:00:00",  # without a zone it is in UTC
    "parameters": {"fields": ["id"]},
}
LOST = errors.TransportFailed("no answer")


class Server:
    """Takes exports and answers what a test says; it has what it took on its list a moment later only."""

    def __init__(self, answers: Sequence[errors.VoucherifyError], *, takes_lost: bool) -> None:
        self.posts = 0
        self.waits: list[float] = []
        self._answers = iter(answers)
        self._takes_lost = takes_lost
        self._taken: list[JsonObject] = []
        self._listed: list[JsonObject] = []

    async def send(self, request: wire.Request) -> JsonObject:
        if request.method == "GET":
            return {"object": "list", "data_ref": "exports", "exports": [*self._listed], "total": len(self._listed)}
        self.posts += 1
        error = next(self._answers, None)
        if error is None:
            return EXPORT
        if error is LOST and self._takes_lost:
            self._taken.append(EXPORT)
        raise error

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._listed += self._taken


def asked(server: Server) -> str:
    return asyncio.run(Exporter(server, WANTED, sleep=server.sleep, uniform=lambda: 1.0).ask(NOON)).id


def test_one_that_is_on_the_list_a_moment_later_is_asked_for_once() -> None:
    server = Server([LOST], takes_lost=True)
    assert (asked(server), server.posts) == ("exp_1", 1)


def test_it_is_looked_for_when_the_server_told_to() -> None:
    server = Server([errors.ServerFault("down", status=503, retry_after=20.0), LOST], takes_lost=True)
    assert (asked(server), server.waits) == ("exp_1", [20.0, 1.0])


def test_one_that_was_not_taken_is_asked_for_again() -> None:
    server = Server([LOST], takes_lost=False)
    assert (asked(server), server.posts) == ("exp_1", 2)


@pytest.mark.parametrize(
    "refusal",
    [
        errors.OtherLimitReached("used up", status=429),
        errors.RequestRefused("no", status=400),
        errors.NotAuthenticated("keys", status=401),
    ],
    ids=str,
)
def test_a_refusal_after_a_lost_answer_is_none_of_nothing_asked_for(refusal: errors.VoucherifyError) -> None:
    server = Server([LOST, refusal], takes_lost=False)
    with pytest.raises(errors.TransportFailed, match="no answer"):
        asked(server)


CLOSED = errors.WindowClosed("opens in an hour", wait=3_600.0, is_told=True)


@pytest.mark.parametrize(
    ("answers", "may_be_taken"),
    [
        ([CLOSED], False),
        ([errors.RateLimited("used up", status=429)], False),
        ([errors.NotAuthenticated("keys", status=401)], False),
        ([errors.PaymentRequired("plan", status=402)], False),
        ([errors.TlsFailed("certificate")], False),
        ([errors.AnswerTooLarge("too long")], True),
        ([LOST, LOST, LOST], True),
        ([LOST, CLOSED], True),
    ],
    ids=["closed", "limited", "keys", "plan", "certificate", "too long", "lost", "lost, then closed"],
)
def test_it_is_known_whether_an_export_may_have_come_of_it(
    answers: list[errors.VoucherifyError], may_be_taken: bool
) -> None:
    server = Server(answers, takes_lost=False)
    exporter = Exporter(server, WANTED, sleep=server.sleep, uniform=lambda: 1.0)
    with pytest.raises(type(answers[-1])):
        asyncio.run(exporter.ask(NOON))
    assert exporter.may_be_taken is may_be_taken


@pytest.mark.parametrize(
    ("asked_at", "is_found"),
    [
        (NOON, True),
        (NOON + CLOCKS_DIFFER, True),
        (NOON + CLOCKS_DIFFER + timedelta(seconds=1), False),
        (NOON - LISTED_WITHIN, True),
        (NOON - LISTED_WITHIN - timedelta(seconds=1), False),
        (NOON - timedelta(days=1), False),
    ],
    ids=["then", "clock behind", "before", "after a wait", "after it", "a day later"],
)
def test_one_of_another_time_is_not_taken_for_ours(asked_at: datetime, is_found: bool) -> None:
    server = Server([LOST], takes_lost=True)
    asked(server)
    found = asyncio.run(Exporter(server, WANTED).find(asked_at))
    assert (found is not None) is is_found
