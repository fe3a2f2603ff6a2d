"""What a kill in the middle of a pull costs: SIGKILL after half of the calls, then the same pull again."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from benchmarks.peers.contest import Contestant, Running, databases
from benchmarks.peers.shop import NO_LIMIT, Shop, opened_shop

CUSTOMERS = 4_000
#: Peers ask for everybody again wherever they are killed: fewer customers show it in less time.
CUSTOMERS_OF_PEERS = 1_000
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

    :param killed_after: calls the server had counted by then, about.
    :param calls: of both tries together.
    """

    contestant: Contestant
    customers: int
    killed_after: int
    calls: int
    lost: int

    @property
    def wasted(self) -> int:
        """Return the calls beyond one for each customer."""
        return self.calls - self.customers


def pull_with_crashes() -> list[Crashed]:
    """Run everybody, three at once."""
    ours = [(OURS, CUSTOMERS, kill_after) for kill_after in OUR_KILLS]
    peers = [(peer, CUSTOMERS_OF_PEERS, CUSTOMERS_OF_PEERS // 2) for peer in PEERS]
    with databases() as new, opened_shop(100, NO_LIMIT) as warm, ThreadPoolExecutor(3) as pool:
        ended = [pool.submit(_crash, *case, warm=warm, new=new) for case in (*ours, *peers)]
        return [one.result() for one in ended]


def _crash(contestant: Contestant, customers: int, kill_after: int, *, warm: Shop, new: Callable[[], str]) -> Crashed:
    with opened_shop(customers, NO_LIMIT, "--latency-ms=5") as shop:
        first = shop.job(customers, contestant.in_flight, new())
        runner = _warmed(contestant, warm, new)
        runner.begin(first)
        killed_after = _wait_for(shop, kill_after)
        runner.kill()
        runner = _warmed(contestant, warm, new)
        again = shop.job(customers, contestant.in_flight, first.database, try_number=2)
        measured = runner.pull(again)
        runner.kill()
        if measured.error:
            raise RuntimeError(f"{contestant.title} failed: {measured.error}")
        return Crashed(contestant, customers, killed_after, shop.stats().requests, shop.lost(again))


def _warmed(contestant: Contestant, warm: Shop, new: Callable[[], str]) -> Running:
    runner = Running(contestant, warm.job(20, contestant.in_flight, new()))
    runner.end()
    return runner


def _wait_for(shop: Shop, calls: int) -> int:
    until = time.monotonic() + _TOO_LONG
    while (counted := shop.stats().requests) < calls:
        if time.monotonic() > until:
            raise RuntimeError(f"only {counted} calls came within {_TOO_LONG:.0f} s")
        time.sleep(0.005)
    return counted
