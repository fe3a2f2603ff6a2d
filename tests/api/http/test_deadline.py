"""Calls that take too long end, each at its own time, and nothing else does."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest

from airflow_provider_voucherify.api.http.transport import Deadline


async def answer(after: float) -> str:
    await asyncio.sleep(after)
    return "answer"


async def kept(deadline: Deadline, call: Coroutine[None, None, object]) -> None:
    with deadline:
        await call


async def outcome(deadline: Deadline, after: float, begin_after: float = 0.0) -> str:
    await asyncio.sleep(begin_after)
    try:
        with deadline:
            return await answer(after)
    except TimeoutError:
        return "too late"


def test_each_call_may_take_as_long() -> None:
    async def main() -> list[str]:
        deadline = Deadline(0.06)
        waits = ((0.0, 0.0), (0.03, 0.0), (9.0, 0.0), (0.04, 0.04), (9.0, 0.04), (0.0, 0.1))
        return await asyncio.gather(*(outcome(deadline, after, begin) for after, begin in waits))

    assert asyncio.run(main()) == ["answer", "answer", "too late", "answer", "too late", "answer"]


def test_it_takes_one_timer_and_is_set_again_after_a_pause() -> None:
    async def main() -> list[str]:
        deadline, told = Deadline(0.02), list[str]()
        for after in (0.0, 9.0, 0.0, 9.0):
            told.append(await outcome(deadline, after))
        await asyncio.sleep(0.03)
        return [*told, await outcome(deadline, 9.0)]

    assert asyncio.run(main()) == ["answer", "too late", "answer", "too late", "too late"]


def test_a_cancellation_by_somebody_else_stays_one() -> None:
    async def main() -> None:
        deadline = Deadline(0.02)
        call = asyncio.create_task(kept(deadline, answer(9.0)))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        with pytest.raises(TimeoutError):
            await kept(deadline, answer(9.0))

    asyncio.run(main())


def test_a_cancellation_together_with_the_end_stays_one() -> None:
    async def slow_to_end() -> None:
        try:
            await asyncio.sleep(9.0)
        finally:
            await asyncio.sleep(0.02)

    async def main() -> None:
        call = asyncio.create_task(kept(Deadline(0.01), slow_to_end()))
        await asyncio.sleep(0.02)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert call.cancelled()

    asyncio.run(main())


def test_an_error_of_the_call_is_raised_as_it_is() -> None:
    async def fail() -> None:
        raise ValueError("bad")

    async def main() -> None:
        deadline = Deadline(9.0)
        with pytest.raises(ValueError, match="bad"):
            await kept(deadline, fail())

    asyncio.run(main())
