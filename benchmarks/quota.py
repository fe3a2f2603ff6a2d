"""How well a pull keeps to its share of the rate limit, and what it does to a shop's live checkout.

Windows are shortened to 200 calls per 6 s. ``python -m benchmarks.quota``, about a minute and a half.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from airflow_provider_voucherify.api.http.client import open_client
from airflow_provider_voucherify.api.http.settings import ApiSettings
from airflow_provider_voucherify.api.limit.gate import Concurrency, Gate, OwnCeiling
from airflow_provider_voucherify.api.limit.window import Window
from airflow_provider_voucherify.api.models import Outcome
from airflow_provider_voucherify.emulator.http.faults import Fault
from airflow_provider_voucherify.emulator.http.limits import Limits
from airflow_provider_voucherify.emulator.process import EmulatorProcess
from airflow_provider_voucherify.emulator.stats import Stats
from airflow_provider_voucherify.pull.per_customer.ask import PerCustomer
from airflow_provider_voucherify.pull.tools import utc_now
from benchmarks.reporting import Report, Table

LIMIT, LENGTH = 200, 6.0


@dataclass(frozen=True)
class Measured:
    """One scenario."""

    scenario: str
    customers: int
    seconds: float
    answered: int
    rejected_pull: int
    rejected_checkout: int
    least_used_full_window: int
    most_used_window: int


def settings_of(url: str, app_id: str, token: str, channel: str, share: float) -> ApiSettings:
    return ApiSettings(url, app_id, token, quota_share=share, channel=channel, timeout=10.0)


async def pull(settings: ApiSettings, customers: range) -> int:
    """Ask for the customers and return how many were answered."""
    gate = Gate(Window(settings.quota_share, of_all=0.7), Concurrency(32), OwnCeiling(None))
    async with open_client(settings, gate) as client:
        strategy = PerCustomer(client, workers=32, now=utc_now, on_answer=lambda _: None)
        fetched = await strategy.fetch([f"customer-{number:07d}" for number in customers])
    return sum(answer.outcome is not Outcome.FAILED for answer in fetched.answers)


def pull_in_this_process(settings: ApiSettings, customers: range) -> int:
    return asyncio.run(pull(settings, customers))


def pull_in_four_processes(settings: ApiSettings, customers: range) -> int:
    parts = [range(start, customers.stop, 4) for start in range(customers.start, customers.start + 4)]
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        return sum(pool.starmap(pull_in_this_process, [(settings, part) for part in parts]))


def pull_with_http_hook(settings: ApiSettings, customers: range) -> int:
    """Pull as one would with Airflow's HttpHook in a pool of 16 threads, waiting a second after a 429."""
    from airflow.providers.http.hooks.http import HttpHook

    os.environ["AIRFLOW_CONN_BENCHMARK_HTTP"] = json.dumps({"conn_type": "http", "host": settings.base_url})

    def ask(number: int) -> int:
        hook = HttpHook(method="GET", http_conn_id="benchmark_http")
        endpoint = f"/v1/customers/customer-{number:07d}/segments"
        while True:
            answer = hook.run(endpoint, headers=settings.headers, extra_options={"check_response": False})
            if answer.status_code != 429:
                return int(answer.status_code == 200)
            time.sleep(1.0)

    with ThreadPoolExecutor(16) as pool:
        return sum(pool.map(ask, customers))


class Checkout(threading.Thread):
    """A live checkout at a steady pace.

    :param every: seconds from call to call; by default it uses a quarter of each window.
    """

    def __init__(self, settings: ApiSettings, every: float = LENGTH / (LIMIT * 0.25)) -> None:
        super().__init__(daemon=True)
        self.settings = settings
        self.every = every
        self.over = threading.Event()

    def run(self) -> None:
        import requests

        with requests.Session() as session:
            session.headers.update(self.settings.headers)
            while not self.over.wait(self.every):
                session.get(f"{self.settings.base_url}/v1/customers/customer-0000001", timeout=10)

    def stop(self) -> None:
        self.over.set()
        self.join()


def measured(scenario: str, customers: int, seconds: float, answered: int, stats: Stats) -> Measured:
    pulls = [window.channels["pull"].calls for window in stats.windows if "pull" in window.channels]
    channels = stats.channels
    return Measured(
        scenario,
        customers,
        round(seconds, 2),
        answered,
        channels["pull"].rejected if "pull" in channels else 0,
        channels["checkout"].rejected if "checkout" in channels else 0,
        min(pulls[:-1], default=0),
        max(pulls, default=0),
    )


@dataclass(frozen=True)
class Scenario:
    """A pull under a limit, with whatever else goes on meanwhile."""

    name: str
    puller: Callable[[ApiSettings, range], int]
    share: float
    customers: int
    with_checkout: bool = False
    fault: Fault | None = None

    def __call__(self) -> Measured:
        """Run it on an emulator of its own."""
        with EmulatorProcess(customers=1_000) as emulator, ExitStack() as stack:
            emulator.set_limits(Limits(LIMIT, LENGTH))
            if self.fault is not None:
                emulator.set_faults([self.fault])
            keys = (emulator.url, emulator.app_id, emulator.app_token)
            if self.with_checkout:
                checkout = Checkout(settings_of(*keys, "checkout", 1.0))
                checkout.start()
                stack.callback(checkout.stop)
            began_at = time.perf_counter()
            answered = self.puller(settings_of(*keys, "pull", self.share), range(1, self.customers + 1))
            seconds = time.perf_counter() - began_at
            return measured(self.name, self.customers, seconds, answered, emulator.stats())


FAULTS = (
    Fault("status", 0.05, status=503),
    Fault("reset", 0.05),
    Fault("reset", 0.05, after_acting=True),
    Fault("hang", 0.05, seconds=1.0),
    Fault("truncate", 0.05),
    Fault("malformed", 0.05),
    Fault("slow", 0.05, seconds=1.0),
)
SCENARIOS = (
    Scenario("alone, share 0.7", pull_in_this_process, 0.7, 700),
    Scenario("checkout uses 25 %, share 0.7", pull_in_this_process, 0.7, 700, with_checkout=True),
    Scenario("checkout uses 25 %, HttpHook in 16 threads", pull_with_http_hook, 1.0, 700, with_checkout=True),
    Scenario("4 processes, share 0.175 each", pull_in_four_processes, 0.175, 500),
)
WITH_FAULTS = tuple(
    Scenario(
        f"5 % {fault.kind}{' after acting' if fault.after_acting else ''}", pull_in_this_process, 1.0, 400, fault=fault
    )
    for fault in FAULTS
)
_QUESTION = f"""\
Windows are shortened to {LIMIT} calls per {LENGTH:.0f} s; all scenarios run at once, each on an emulator of its own. \
How many calls of the pull and of a live checkout beside it are rejected, and how much of each window does the pull \
use? "Least" and "most" are calls of the pull in a full window (the last one is left out) and in any window. The pull \
here is the client with the strategy that asks customer by customer, without a sink. What a limit does to other \
clients is shown under "Peers, on the same work".

With a share below 1 the emulator's headers do not tell where a window ends, and a window of {LENGTH:.0f} s is none of \
Voucherify's: its length has to be found, which costs looks and time at first. Where the header names the end of the \
window, nothing is held back.
"""


def _run(scenario: Scenario) -> Measured:
    return scenario()


def _table(title: str, rows: list[Measured]) -> Table:
    heads = ["scenario", "customers", "answered", "s", "pull rejected", "checkout rejected", "least", "most"]
    return Table(
        title,
        heads,
        [
            [
                row.scenario,
                row.customers,
                row.answered,
                row.seconds,
                row.rejected_pull,
                row.rejected_checkout,
                row.least_used_full_window,
                row.most_used_window,
            ]
            for row in rows
        ],
    )


def _reading(rows: list[Measured], faulty: list[Measured]) -> list[str]:
    alone, beside, http_hook, four = rows
    ours = [alone, beside, four]
    unanswered = sum(row.customers - row.answered for row in faulty)
    shares = (
        f"A share of 0.7 is {0.7 * LIMIT:.0f} calls a window: alone the pull used at most {alone.most_used_window}, "
        f"four processes of a quarter of it each {four.most_used_window} together; "
        f"{sum(row.rejected_pull for row in ours)} of their calls were rejected."
    )
    checkout = (
        f"The checkout had {beside.rejected_checkout} calls rejected beside our pull, "
        f"{http_hook.rejected_checkout} beside HttpHook in 16 threads, which takes all it can get."
    )
    faults = (
        f"With 5 % of the answers broken in {len(faulty)} ways, {unanswered} of "
        f"{sum(row.customers for row in faulty):,} customers stayed unanswered and "
        f"{sum(row.rejected_pull for row in faulty)} calls were rejected."
    )
    return [shares, checkout, faults]


def main() -> None:
    """Run all scenarios and publish what they show."""
    everything = [*SCENARIOS, *WITH_FAULTS]
    with tempfile.TemporaryDirectory(prefix="airflow-home-") as home:
        os.environ["AIRFLOW_HOME"] = home
        with ProcessPoolExecutor(len(everything), mp_context=multiprocessing.get_context("spawn")) as pool:
            found = list(pool.map(_run, everything))
    rows, faulty = found[: len(SCENARIOS)], found[len(SCENARIOS) :]
    Report(
        name="quota",
        title="Quota, shared with a live shop",
        question=_QUESTION,
        tables=[_table("Shares of a window", rows), _table("Faults, share 1.0", faulty)],
        reading=_reading(rows, faulty),
        packages=("aiohttp", "apache-airflow-providers-http"),
    ).publish()


if __name__ == "__main__":
    main()
