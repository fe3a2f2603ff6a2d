"""A worker that may defer is not held for long by windows whose end nobody tells, and looks at each but a few times."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.calls.reads import segments_of_customer
from airflow_provider_voucherify.api.errors import ClosedWindow
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.client import Client
from tests.api.limit.limited_server import LimitedServer
from tests.api.limit.paced_client import ask, client_of
from tests.virtual_time import run_virtually

#: The longest a worker is held by the rate limit, in seconds.
LONGEST_HELD = 90.0


class Parts:
    """Asks in parts: each goes on where the one before gave its worker back."""

    def __init__(self, server: LimitedServer, share: float) -> None:
        self.server, self.share = server, share
        self.held: list[float] = []
        self.answered = 0

    async def ask(self, calls: int) -> None:
        closed: ClosedWindow | None = None
        while self.answered < calls:
            client = client_of(self.server, self.share, longest_wait=60.0, inherits=bool(self.held), closed=closed)
            began = asyncio.get_running_loop().time()
            try:
                await ask(client, calls - self.answered, workers=1)
            except* errors.WindowClosed as group:
                stop = group.exceptions[0]
                assert isinstance(stop, errors.WindowClosed)
                closed = None if stop.is_told else stop.window
                self.held.append(asyncio.get_running_loop().time() - began)
                await asyncio.sleep(stop.wait)
            self.answered += client.calls.answered


@pytest.mark.parametrize("retry_header", ["next_call", "absent"])
@pytest.mark.parametrize(("limit", "share"), [(50, 0.5), (50, 1.0), (12, 0.7), (400, 0.7)])
@pytest.mark.parametrize("length", [60.0, 3_600.0])
def test_a_window_whose_end_nobody_tells_holds_no_worker(
    retry_header: str, limit: int, share: float, length: float
) -> None:
    server = LimitedServer(limit=limit, length=length, retry_header=retry_header)
    parts = Parts(server, share)
    run_virtually(parts.ask(3 * limit))
    assert parts.answered >= 3 * limit
    assert max(parts.held, default=0.0) <= LONGEST_HELD
    assert max(server.used.values()) <= share * limit + 2, "a look whether the window is over is a call of our share"
    assert server.rejected["pull"] <= len(server.used)


def test_a_limit_that_goes_on_turning_calls_away_holds_no_worker() -> None:
    server = LimitedServer(limit=0, length=3_600.0, retry_header="absent", has_retry_after=False, has_limit=False)

    async def main() -> errors.WindowClosed:
        with pytest.raises(errors.WindowClosed) as stopped:
            await segments_of_customer(client_of(server, 0.7, longest_wait=60.0), "somebody")
        return stopped.value

    stopped, held = run_virtually(main())
    assert held <= LONGEST_HELD
    assert stopped.wait > 0


def test_a_wait_for_the_users_own_ceiling_says_nothing_of_the_window() -> None:
    server = LimitedServer(limit=100, length=3_600.0)

    async def main() -> int:
        before = client_of(server, 0.7, ceiling=10, longest_wait=5.0)
        with pytest.raises(errors.WindowClosed) as stopped:
            await ask_in_turn(before, 20)
        await asyncio.sleep(stopped.value.wait)
        after = client_of(server, 0.7, longest_wait=5.0, inherits=True, closed=stopped.value.window)
        await ask_in_turn(after, 20)
        return before.calls.answered + after.calls.answered

    answered, _ = run_virtually(main())
    assert answered == 30


@pytest.mark.parametrize("limit", [20, 22])  # one of them closes the window on a call that failed once
def test_a_call_that_failed_before_hands_on_what_is_known_of_the_window(limit: int) -> None:
    server = LimitedServer(limit=limit, length=3_600.0)
    tries: Counter[str] = Counter()

    async def fails_first(request: wire.Request) -> wire.Response:
        answer = await server(request)
        tries[request.target] += 1
        return answer if tries[request.target] > 1 else wire.Response(500, {}, b"")

    async def main() -> ClosedWindow | None:
        with pytest.raises(errors.WindowClosed) as stopped:
            await ask_in_turn(client_of(fails_first, 0.7, longest_wait=60.0), limit)
        return stopped.value.window

    window, _ = run_virtually(main())
    assert window is not None
    assert window.limit == limit


async def ask_in_turn(client: Client, calls: int) -> None:
    for number in range(calls):
        await segments_of_customer(client, f"customer-{number}")
