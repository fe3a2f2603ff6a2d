"""From a chunk of customers to answers, or to the reason why not."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.models import CustomerAnswer, Outcome
from airflow_provider_voucherify.pull.per_customer.ask import (
    MOST_FAILURES_AT_FIRST,
    MOST_FAILURES_IN_A_ROW,
    AllFailed,
    Fetched,
    PerCustomer,
)
from tests.pull.answering import Answers

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


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
        errors.WindowClosed("wait", wait=3_000, is_told=True),
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


def test_a_run_in_which_all_fail_alike_from_the_start_is_stopped_with_the_reason() -> None:
    refused = errors.RequestRefused("Voucherify answered 400 (invalid_payload)", status=400, key="invalid_payload")
    client = Answers(dict.fromkeys(range(10_000), refused))
    fetched, _ = fetch(client, 10_000)
    assert isinstance(fetched.stopped_by, AllFailed)
    assert str(fetched.stopped_by).startswith("the first 50 customers all failed (invalid_payload): Voucherify answ")
    assert fetched.stopped_by.key == "invalid_payload"
    assert MOST_FAILURES_AT_FIRST <= len(fetched.answers) == len(client.asked) < MOST_FAILURES_AT_FIRST + 4


@pytest.mark.parametrize(
    "answer", [1, errors.NotFound("no", status=404), errors.RequestRefused("no", status=400, key="other")]
)
def test_one_other_answer_shows_that_failures_are_the_customers_own(answer: errors.VoucherifyError | int) -> None:
    refused = errors.RequestRefused("no", status=400, key="invalid_payload")
    fetched, _ = fetch(Answers(dict.fromkeys(range(500), refused) | {30: answer}), 500)
    assert fetched.stopped_by is None
    assert len(fetched.answers) == 500


def test_ids_that_cannot_be_sent_say_nothing_about_the_run() -> None:
    unsafe = errors.InvalidCustomerId("no")
    fetched, _ = fetch(Answers(dict.fromkeys(range(200), unsafe)), 300)
    assert fetched.stopped_by is None


def test_a_run_that_goes_on_is_not_judged_by_its_first_answers() -> None:
    refused = errors.RequestRefused("no", status=400, key="invalid_payload")
    strategy = PerCustomer(
        Answers(dict.fromkeys(range(100), refused)),
        workers=4,
        now=lambda: NOON,
        on_answer=lambda _: None,
        judge_first=False,
    )
    fetched = asyncio.run(strategy.fetch([str(number) for number in range(100)]))
    assert fetched.stopped_by is None


def test_answers_that_came_in_are_kept_when_it_is_cancelled() -> None:
    fetched = Fetched()
    strategy = PerCustomer(Answers({}), workers=4, now=lambda: NOON, on_answer=lambda _: None)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await strategy.fetch([str(number) for number in range(1_000_000)], fetched)

    asyncio.run(main())
    assert fetched.answers
    assert len({answer.customer_id for answer in fetched.answers}) == len(fetched.answers)
