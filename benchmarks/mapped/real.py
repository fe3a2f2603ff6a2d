"""Mapped tasks in processes of their own against an emulator, each at the default share."""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_voucherify.emulator.http.limits import Limits
from airflow_provider_voucherify.emulator.process import EmulatorProcess
from airflow_provider_voucherify.emulator.switches import Switches
from benchmarks.quota import Checkout, settings_of

TASKS, CUSTOMERS_A_TASK, PROCESSES = 100, 40, 6
LIMIT, LENGTH = 200, 20.0
#: Part of each window the checkout beside them uses; :class:`Checkout` sends a call every so many seconds.
CHECKOUT = 0.2


@dataclass(frozen=True, slots=True)
class Case:
    """What the tasks run beside, and what the headers tell them."""

    name: str
    tells_end: bool
    with_checkout: bool = False


CASES = (
    Case("end of the window told", tells_end=True),
    Case("end of the window not told", tells_end=False),
    Case("end told, beside a checkout of 20 %", tells_end=True, with_checkout=True),
)


@dataclass(frozen=True, slots=True)
class Mapped:
    """What became of the tasks.

    :param seconds: from the first call's window to the last answer.
    :param full_windows: calls of the tasks in each window but the first and the last.
    :param most_used: calls of a window, everybody's.
    :param task_seconds: of each task.
    :param tasks_of: how many tasks each process did.
    """

    case: Case
    seconds: float
    calls: int
    rejected: int
    checkout_rejected: int
    full_windows: list[int]
    most_used: int
    task_seconds: list[float]
    tasks_of: list[int]
    failed: int


def run(case: Case) -> Mapped:
    """Run all tasks, six at a time, on an emulator of their own."""
    with EmulatorProcess(customers=TASKS * CUSTOMERS_A_TASK) as emulator, ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mapped-"))
        environment = {
            "AIRFLOW_HOME": folder,
            "AIRFLOW_CONN_VOUCHERIFY_DEFAULT": json.dumps(
                {
                    "conn_type": "voucherify",
                    "host": emulator.url,
                    "login": emulator.app_id,
                    "password": emulator.app_token,
                }
            ),
        }
        pool = stack.enter_context(
            multiprocessing.get_context("spawn").Pool(PROCESSES, initializer=_begin, initargs=(environment,))
        )
        pool.map(_import, range(PROCESSES), chunksize=1)
        emulator.set_limits(Limits(LIMIT, LENGTH))
        emulator.set_switches(Switches(retry_header="window_end" if case.tells_end else "next_call"))
        if case.with_checkout:
            keys = (emulator.url, emulator.app_id, emulator.app_token)
            checkout = Checkout(settings_of(*keys, "checkout", 1.0), every=LENGTH / (LIMIT * CHECKOUT))
            checkout.start()
            stack.callback(checkout.stop)
        began_at = time.perf_counter()
        done = pool.map(_pull, range(TASKS), chunksize=1)
        return _mapped(case, time.perf_counter() - began_at, done, emulator)


def _mapped(case: Case, seconds: float, done: list[tuple[int, float, bool]], emulator: EmulatorProcess) -> Mapped:
    windows = emulator.stats().windows
    ours = [
        sum(count.calls for name, count in window.channels.items() if name != "checkout")
        for window in windows
        if set(window.channels) - {"checkout"}
    ]
    channels = emulator.stats().channels
    rejected = sum(count.rejected for name, count in channels.items() if name != "checkout")
    processes = [process for process, _, _ in done]
    return Mapped(
        case,
        seconds,
        sum(ours),
        rejected,
        channels["checkout"].rejected if "checkout" in channels else 0,
        ours[1:-1],
        max(window.used for window in windows),
        [took for _, took, _ in done],
        [processes.count(one) for one in sorted(set(processes))],
        sum(not succeeded for _, _, succeeded in done),
    )


def _begin(environment: dict[str, str]) -> None:
    os.environ.update(environment)


def _import(_: int) -> None:
    from airflow_provider_voucherify.operators import customer_segments  # noqa: F401 - takes seconds, once

    time.sleep(1.0)  # so that each process is given one


def _pull(number: int) -> tuple[int, float, bool]:
    """Run one mapped task; return who did, how long it took, and whether it succeeded."""
    from airflow_provider_voucherify.load.destinations import WarehouseTable
    from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator
    from tests.run_op import OperatorRunner

    database = Path(os.environ["AIRFLOW_HOME"]) / f"{os.getpid()}.db"
    os.environ["AIRFLOW_CONN_WAREHOUSE"] = json.dumps({"conn_type": "sqlite", "host": str(database)})
    first = number * CUSTOMERS_A_TASK + 1
    operator = CustomerSegmentsOperator(
        task_id="pull",
        customers=[f"customer-{one:07d}" for one in range(first, first + CUSTOMERS_A_TASK)],
        destination=WarehouseTable("memberships", conn_id="warehouse", write="merge"),
        strategy="per_customer",
    )
    began_at = time.perf_counter()
    ended = OperatorRunner()(operator, map_index=number)
    return os.getpid(), time.perf_counter() - began_at, ended.error is None
