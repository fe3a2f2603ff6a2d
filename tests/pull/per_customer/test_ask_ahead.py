"""What came in is handed over while the next are asked for, and never more than there is room for is out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.models import CustomerAnswer, JsonObject, Outcome
from airflow_provider_voucherify.pull.per_customer.ask import AskAhead, Fetched, PerCustomer
from tests.pull.answering import Answers
from tests.virtual_time import run_virtually

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
REFUSED = errors.NotAuthenticated("no", status=401)


class Slow(Answers):
    """Answers after some turns of the loop, more for some customers than for others."""

    async def send(self, request: wire.Request) -> JsonObject:
        for _ in range(int(request.target.split("/")[3]) % 7):
            await asyncio.sleep(0)
        return await super().send(request)


def ahead_of(client: Answers, customers: int, room: int, workers: int = 4, came: Fetched | None = None) -> AskAhead:
    strategy = PerCustomer(client, workers=workers, now=lambda: NOON, on_answer=lambda _: None)
    return AskAhead(strategy, [str(number) for number in range(customers)], room, came or Fetched())


async def taken_from(ahead: AskAhead, before: Callable[[Fetched], None] = lambda _: None) -> list[Fetched]:
    parts: list[Fetched] = []
    while (part := await ahead.take()) is not None:
        before(part)
        parts.append(part)
    return parts


def ids_of(*parts: Fetched) -> list[int]:
    return sorted(int(answer.customer_id) for part in parts for answer in part.answers)


@given(customers=st.integers(0, 60), room=st.integers(1, 20), workers=st.integers(1, 10))
def test_everybody_is_handed_over_once_and_no_more_are_out_than_there_is_room_for(
    customers: int, room: int, workers: int
) -> None:
    client, held = Slow({}), list[int]()

    def hold(part: Fetched) -> None:
        assert len(client.asked) - len(held) <= room
        held.extend(ids_of(part))

    parts = asyncio.run(taken_from(ahead_of(client, customers, room, workers), hold))
    assert sorted(held) == list(range(customers))
    assert all(len(part.answers) >= (room + 1) // 2 for part in parts[:-1])
    assert all(part.stopped_by is None for part in parts)


def test_the_next_are_asked_for_while_a_part_is_stored() -> None:
    async def main() -> tuple[int, int]:
        client = Answers({})
        ahead = ahead_of(client, 100, room=20)
        await ahead.take()
        before = len(client.asked)
        for _ in range(50):
            await asyncio.sleep(0)
        return before, len(client.asked)

    before, after = asyncio.run(main())
    assert 10 <= before < after == 20


@given(stop_at=st.integers(0, 59), room=st.integers(1, 20), workers=st.integers(1, 10))
def test_a_stop_comes_with_the_last_part_when_all_in_flight_are_answered(stop_at: int, room: int, workers: int) -> None:
    client = Slow({stop_at: REFUSED})
    parts = asyncio.run(_until_stopped(ahead_of(client, 60, room, workers)))
    assert [part.stopped_by for part in parts] == [*[None] * (len(parts) - 1), REFUSED]
    assert ids_of(*parts) == sorted(set(client.asked) - {stop_at})


async def _until_stopped(ahead: AskAhead) -> list[Fetched]:
    parts: list[Fetched] = []
    while (part := await ahead.take()) is not None:
        parts.append(part)
        if part.stopped_by is not None:
            return parts
    raise AssertionError("no stop came")


@given(after=st.integers(0, 5), room=st.integers(1, 20), workers=st.integers(1, 10))
def test_ended_from_outside_it_waits_for_what_is_in_flight_and_asks_nobody_else(
    after: int, room: int, workers: int
) -> None:
    client = Slow({})

    async def main() -> None:
        ahead, held = ahead_of(client, 1_000, room, workers), list[int]()
        for _ in range(after):
            part = await ahead.take()
            assert part is not None
            held += ids_of(part)
            part.answers = []
        await ahead.end(REFUSED)
        held += ids_of(*ahead.unheld)
        assert sorted(held) == sorted(client.asked)
        assert len(client.asked) < 1_000

    asyncio.run(main())


class AtTheGate(Answers):
    """Answers the first few at once, refuses one, and lets all others wait for an hour."""

    async def send(self, request: wire.Request) -> JsonObject:
        if int(request.target.split("/")[3]) > 5:
            await asyncio.sleep(3_600.0)
        return await super().send(request)


def test_stopped_it_does_not_wait_for_calls_that_stand_at_the_rate_limit() -> None:
    parts, seconds = run_virtually(_until_stopped(ahead_of(AtTheGate({5: REFUSED}), 60, room=20)))
    assert ids_of(*parts) == list(range(5))
    assert seconds == 10.0


def test_ended_from_outside_it_does_not_wait_for_calls_that_stand_at_the_rate_limit() -> None:
    async def main() -> list[int]:
        ahead = ahead_of(AtTheGate({}), 60, room=12)
        part = await ahead.take()
        assert part is not None
        await ahead.end(REFUSED)
        return ids_of(*ahead.unheld)

    assert run_virtually(main()) == (list(range(6)), 10.0)


def test_closed_it_keeps_what_came_in() -> None:
    async def main() -> None:
        client = Answers({})
        ahead = ahead_of(client, 100, room=20)
        await ahead.close()
        assert client.asked == []
        part = await ahead.take()
        assert part is not None
        await asyncio.sleep(0)
        await ahead.close()
        asked = len(client.asked)
        await asyncio.sleep(0)
        assert len(client.asked) == asked
        assert 10 <= len(ids_of(*ahead.unheld)) <= asked

    asyncio.run(main())


def test_what_there_is_already_is_handed_over_with_the_first_part() -> None:
    def came(answers: int) -> Fetched:
        return Fetched([CustomerAnswer(str(1_000 + one), NOON, Outcome.NO_SEGMENT) for one in range(answers)])

    client = Answers({})
    few = asyncio.run(taken_from(ahead_of(client, 10, room=8, came=came(2))))
    assert [len(part.answers) >= 4 for part in few[:-1]] == [True] * (len(few) - 1)
    assert ids_of(*few) == [*range(10), 1_000, 1_001]
    many = asyncio.run(taken_from(ahead_of(Answers({}), 10, room=8, came=came(30))))
    assert len(many[0].answers) == 30
    assert ids_of(*many) == [*range(10), *range(1_000, 1_030)]


def test_a_failure_that_is_no_answer_is_raised() -> None:
    class Broken(Answers):
        async def send(self, request: wire.Request) -> JsonObject:
            await asyncio.sleep(0)
            raise KeyError("a bug")

    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(taken_from(ahead_of(Broken({}), 10, room=4)))
    assert raised.group_contains(KeyError)
