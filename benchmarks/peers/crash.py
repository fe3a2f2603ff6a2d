"""What a kill of a pull costs: SIGKILL after half of the calls or around publishing, then the same pull again."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import get_args

from benchmarks.peers.contest import Contestant, Running, databases
from benchmarks.peers.death import Death, is_asking, is_published
from benchmarks.peers.shop import NO_LIMIT, Shop, opened_shop

CUSTOMERS = 4_000
#: Peers ask for everybody again wherever they are killed: fewer customers show it in less time.
CUSTOMERS_OF_PEERS = 1_000
#: Of ours that is killed at a place of its work.
CUSTOMERS_AT_PLACES = 2_000
#: What a kill may cost ours at most, in calls: the operator's default.
CHUNK = 512
OURS = Contestant("ours", "ours", 32)
PEERS = (Contestant("HttpHook loop", "http_hook", 1), Contestant("dlt rest_api, 16 workers", "dlt_source", 16))
#: Calls after which the process is killed: half of them, and at other points of what is stored at a time.
OUR_KILLS = (2_000, 2_050, 2_100, 2_150, 2_200)
_TOO_LONG = 60.0


@dataclass(frozen=True, slots=True)
class Crashed:
    """A pull that was killed and run again.

    :param killed_after: calls the server had counted by then; about, where it was killed after so many.
    :param calls: of both tries together.
    :param death: where it was killed, else after so many calls.
    """

    contestant: Contestant
    customers: int
    killed_after: int
    calls: int
    lost: int
    death: Death | None = None

    @property
    def is_published(self) -> bool:
        """Return whether readers saw the run when it was killed."""
        return self.death is not None and is_published(self.death)

    @property
    def is_asked(self) -> bool:
        """Return whether everybody was asked for when it was killed."""
        return self.death is not None and not is_asking(self.death)

    @property
    def calls_again(self) -> int:
        """Return the calls of the second try."""
        return self.calls - self.killed_after

    @property
    def wasted(self) -> int:
        """Return the calls beyond one for each customer."""
        return self.calls - self.customers


def pull_with_crashes() -> list[Crashed]:
    """Run everybody, three at once."""
    ours: list[tuple[Contestant, int, int | Death]] = [(OURS, CUSTOMERS, after) for after in OUR_KILLS]
    ours += [(OURS, CUSTOMERS_AT_PLACES, death) for death in get_args(Death)]
    peers = [(peer, CUSTOMERS_OF_PEERS, CUSTOMERS_OF_PEERS // 2) for peer in PEERS]
    with databases() as new, opened_shop(100, NO_LIMIT) as warm, ThreadPoolExecutor(3) as pool:
        ended = [pool.submit(crash, *case, warm=warm, new=new) for case in (*ours, *peers)]
        return [one.result() for one in ended]


def crash(
    contestant: Contestant, customers: int, killed: int | Death, *, warm: Shop, new: Callable[[], str]
) -> Crashed:
    """Let a pull be killed, and run it again.

    :param killed: after so many calls, or where in its work.
    :param warm: another shop, to warm up with.
    :param new: gives the path of a new database.
    :raises RuntimeError: if it does not die, or the second try fails.
    """
    with opened_shop(customers, NO_LIMIT, "--latency-ms=5") as shop:
        first = shop.job(customers, contestant.in_flight, new())
        runner = _warmed(contestant, warm, new)
        death = None if isinstance(killed, int) else killed
        runner.begin(replace(first, death=death))
        if isinstance(killed, int):
            _wait_for(shop, killed)
        else:
            _wait_for_end(runner, killed)
        runner.kill()
        killed_after = shop.stats().requests
        runner = _warmed(contestant, warm, new)
        again = shop.job(customers, contestant.in_flight, first.database, try_number=2)
        measured = runner.pull(again)
        runner.kill()
        if measured.error:
            raise RuntimeError(f"{contestant.title} failed: {measured.error}")
        return Crashed(contestant, customers, killed_after, shop.stats().requests, shop.lost(again), death)


def _warmed(contestant: Contestant, warm: Shop, new: Callable[[], str]) -> Running:
    runner = Running(contestant, warm.job(20, contestant.in_flight, new()))
    runner.end()
    return runner


def _wait_for_end(runner: Running, death: Death) -> None:
    with suppress(EOFError):
        raise RuntimeError(f"it did not die ({death}): {runner.end()}")


def _wait_for(shop: Shop, calls: int) -> None:
    until = time.monotonic() + _TOO_LONG
    while shop.stats().requests < calls:
        if time.monotonic() > until:
            raise RuntimeError(f"fewer than {calls} calls came within {_TOO_LONG:.0f} s")
        time.sleep(0.005)
