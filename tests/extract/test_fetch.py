"""From a chunk of customers to answers, or to the reason why not."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from airflow_provider_voucherify.api import errors, wire
from airflow_provider_voucherify.api.models import CustomerAnswer, JsonObject, Outcome
from airflow_provider_voucherify.extract.fetch import MOST_FAILURES_IN_A_ROW, Fetched, PerCustomer

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Answers:
    """Answers by the customer's number: an error to raise, or how many segments to list."""

    def __init__(self, answers: dict[int, errors.VoucherifyError | int]) -> None:
        self.answers = answers
        self.asked: list[int] = []

    async def send(self, request: wire.Request) -> JsonObject:
        number = int(request.target.split("/")[3])
        self.asked.append(number)
        await asyncio.sleep(0)
        answer = self.answers.get(number, 1)
        if isinstance(answer, errors.VoucherifyError):
            raise answer
        return {
            "object": "list",
            "data_ref": "data",
            "data": [
                {"id": f"seg_{index}", "name": f"Segment {index}", "object": "segment"} for index in range(answer)
            ],
            "total": answer,
        }


def fetch(client: Answers, customers: int, workers: int = 4) -> tuple[Fetched, list[CustomerAnswer]]:
    told: list[CustomerAnswer] = []
    strategy = PerCustomer(client, workers=workers, now=lambda: NOON, on_answer=told.append)
    return asyncio.run(strategy.fetch([str(number) for number in range(customers)])), told


def test_every_customer_is_answered_once() -> None:
    client = Answers({1: 0, 2: 3, 3: errors.NotFound("no", status=404)})
    fetched, told = fetch(client, 50)
    by_id = {answer.customer_id: answer for answer in fetched.answers}
    assert sorted(client.asked) == list(range(50))
    assert len(by_id) == len(fetched.answers) == 50
    assert told == fetched.answers
    assert by_id["0"].outcome is Outcome.FOUND
    assert by_id["1"].outcome is Outcome.NO_SEGMENT
    assert [segment.id for segment in by_id["2"].segments] == ["seg_0", "seg_1", "seg_2"]
    assert by_id["3"].outcome is Outcome.UNKNOWN
    assert {answer.observed_at for answer in fetched.answers} == {NOON}
    assert fetched.stopped_by is None


def test_a_customers_own_failure_does_not_stop_the_others() -> None:
    fetched, _ = fetch(Answers({7: errors.RequestRefused("no", status=400, key="invalid_payload")}), 50)
    failed = [answer for answer in fetched.answers if answer.outcome is Outcome.FAILED]
    assert [(answer.customer_id, answer.failure) for answer in failed] == [("7", "invalid_payload")]
    assert len(fetched.answers) == 50


@pytest.mark.parametrize(
    "stop",
    [
        errors.NotAuthenticated("no", status=401),
        errors.QuotaExhausted("over", status=429),
        errors.RateLimited("wait", status=429),
        errors.WindowClosed("wait", wait=3_000),
    ],
)
def test_what_stops_the_run_fails_no_customer_and_keeps_the_rest(stop: errors.VoucherifyError) -> None:
    client = Answers(dict.fromkeys(range(20, 1_000), stop))
    fetched, _ = fetch(client, 1_000)
    assert fetched.stopped_by is stop
    assert sorted(int(answer.customer_id) for answer in fetched.answers) == list(range(20))
    assert len(client.asked) <= 24


def test_a_server_that_is_down_is_not_asked_for_everyone() -> None:
    down = errors.ServerFault("down", status=503)
    client = Answers(dict.fromkeys(range(10_000), down))
    fetched, _ = fetch(client, 10_000)
    assert isinstance(fetched.stopped_by, errors.TransportFailed)
    assert len(client.asked) <= MOST_FAILURES_IN_A_ROW + 4


def test_scattered_failures_do_not_look_like_a_server_that_is_down() -> None:
    lost = errors.TransportFailed("reset")
    fetched, _ = fetch(Answers(dict.fromkeys(range(0, 1_000, 2), lost)), 1_000)
    assert fetched.stopped_by is None
    assert sum(answer.outcome is Outcome.FAILED for answer in fetched.answers) == 500
