"""How well a pull keeps to its share of the rate limit, and what it does to a shop's live checkout.

Windows are shortened to 200 calls per 6 s. Run it by ``make bench-quota``; it prints a table and writes
``benchmarks/results/quota.json``.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import platform
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from airflow_provider_voucherify.api.ceiling import OwnCeiling
from airflow_provider_voucherify.api.client import open_client
from airflow_provider_voucherify.api.concurrency import Concurrency
from airflow_provider_voucherify.api.gate import Gate
from airflow_provider_voucherify.api.models import Outcome
from airflow_provider_voucherify.api.settings import ApiSettings
from airflow_provider_voucherify.api.window import Window
from airflow_provider_voucherify.emulator.faults import Fault
from airflow_provider_voucherify.emulator.limits import Limits
from airflow_provider_voucherify.emulator.process import EmulatorProcess
from airflow_provider_voucherify.emulator.stats import Stats
from airflow_provider_voucherify.extract.fetch import PerCustomer
from airflow_provider_voucherify.operators.clocks import utc_now

LIMIT, LENGTH = 200, 6.0
RESULTS = Path(__file__).parent / "results" / "quota.json"


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
    gate = Gate(Window(settings.quota_share), Concurrency(32), OwnCeiling(None))
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
    """A live checkout that uses a quarter of each window at a steady pace."""

    def __init__(self, settings: ApiSettings) -> None:
        super().__init__(daemon=True)
        self.settings = settings
        self.over = threading.Event()

    def run(self) -> None:
        import requests

        with requests.Session() as session:
            session.headers.update(self.settings.headers)
            while not self.over.wait(LENGTH / (LIMIT * 0.25)):
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


def scenario(
    name: str,
    puller: Callable[[ApiSettings, range], int],
    *,
    share: float,
    customers: int,
    with_checkout: bool = False,
    fault: Fault | None = None,
) -> Measured:
    """Run one scenario on an emulator of its own."""
    with EmulatorProcess(customers=10_000) as emulator, ExitStack() as stack:
        emulator.set_limits(Limits(LIMIT, LENGTH))
        if fault is not None:
            emulator.set_faults([fault])
        if with_checkout:
            checkout = Checkout(settings_of(emulator.url, emulator.app_id, emulator.app_token, "checkout", 1.0))
            checkout.start()
            stack.callback(checkout.stop)
        settings = settings_of(emulator.url, emulator.app_id, emulator.app_token, "pull", share)
        began_at = time.perf_counter()
        answered = puller(settings, range(1, customers + 1))
        seconds = time.perf_counter() - began_at
        return measured(name, customers, seconds, answered, emulator.stats())


def all_scenarios() -> list[Measured]:
    faults = [
        Fault("status", 0.05, status=503),
        Fault("reset", 0.05),
        Fault("reset", 0.05, after_acting=True),
        Fault("hang", 0.05, seconds=1.0),
        Fault("truncate", 0.05),
        Fault("malformed", 0.05),
        Fault("slow", 0.05, seconds=1.0),
    ]
    return [
        scenario("alone, share 1.0", pull_in_this_process, share=1.0, customers=1_000),
        scenario("alone, share 0.7", pull_in_this_process, share=0.7, customers=700),
        scenario("with checkout, share 0.7", pull_in_this_process, share=0.7, customers=700, with_checkout=True),
        scenario("with checkout, HttpHook x 16", pull_with_http_hook, share=1.0, customers=700, with_checkout=True),
        scenario("4 processes, share 0.175", pull_in_four_processes, share=0.175, customers=700),
        *(
            scenario(f"5 % {fault.kind}{' after' if fault.after_acting else ''}", pull_in_this_process,
                     share=1.0, customers=400, fault=fault)
            for fault in faults
        ),
    ]  # fmt: skip


def main() -> None:
    """Print the table and write it as JSON."""
    rows = all_scenarios()
    print(f"windows of {LIMIT} calls per {LENGTH:.0f} s; Python {platform.python_version()}, {os.cpu_count()} cores")
    print(
        f"{'scenario':<30}{'customers':>10}{'answered':>10}{'s':>8}{'rejected':>10}{'checkout':>10}{'least':>7}{'most':>6}"
    )
    print(f"{'':<58}{'pull':>10}{'rejected':>10}{'used by pull':>13}")
    for row in rows:
        print(
            f"{row.scenario:<30}{row.customers:>10,}{row.answered:>10,}{row.seconds:>8.1f}{row.rejected_pull:>10,}"
            f"{row.rejected_checkout:>10,}{row.least_used_full_window:>7}{row.most_used_window:>6}"
        )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
