"""A process that lives as long as the soak and uses the hook, the client and the operators again and again.

So do a triggerer, a notebook, and a worker that runs tasks without forking. It says what it holds after each cycle.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

from airflow_provider_voucherify.api.calls.reads import segments_of_customer
from airflow_provider_voucherify.api.errors import VoucherifyError
from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from airflow_provider_voucherify.load.destinations import ObjectFiles, WarehouseTable, XComRows
from benchmarks.soak.growth import Usage, usage_now
from benchmarks.tasks.jobs import WAREHOUSE, Job, Publish, Pull, Work
from benchmarks.tasks.pipelines import RESIDENT
from benchmarks.tasks.worker import part_of
from tests.run_op import OperatorRunner, TaskRun

_MOST_TRIES = 6
#: So many of a cycle's customers are asked about by the client, by operators, and get a code.
FOR_CLIENT, FOR_OPERATORS, FOR_PUBLISHING = 25, 40, 10

T = TypeVar("T")


@dataclass(frozen=True)
class Cycle:
    """What one cycle is about.

    :param customers: ids to ask about.
    """

    number: int
    customers: tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """What came of a cycle.

    :param pairs: customer and segment, from each way of asking the client.
    :param xcom: rows of the pull into XCom.
    """

    usage: Usage
    pairs: tuple[frozenset[tuple[str, str]], ...]
    xcom: object
    problems: tuple[str, ...]


def live(commands: Connection, folder: Path) -> None:
    """Answer each cycle with what it told, until there is none."""
    output = os.open(folder / "logs" / f"{RESIDENT}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    VoucherifyHook.retry = RetryPolicy(first_wait=0.02)
    resident = _Resident(folder)
    with suppress(EOFError):
        while True:
            commands.send(resident.carry_out(commands.recv()))


class _Resident:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._calls = 0
        self._problems: list[str] = []

    def carry_out(self, cycle: Cycle) -> Told:
        self._problems = []
        customers = cycle.customers[:FOR_CLIENT]
        pairs = (
            self._again(lambda: asyncio.run(_ask(customers))),
            self._again(lambda: _frame(customers)),
            self._again(lambda: _single_calls(customers)),
        )
        self._calls += sum(len(customers) for _ in pairs)
        xcom = self._operators(cycle)
        return Told(usage_now(self._calls), pairs, xcom, tuple(self._problems))

    def _operators(self, cycle: Cycle) -> object:
        customers = cycle.customers[:FOR_OPERATORS]
        table = WarehouseTable(RESIDENT, WAREHOUSE, "merge")
        files = ObjectFiles((self._folder / "files" / RESIDENT).as_uri(), format=random.choice(["jsonl", "parquet"]))
        self._run(cycle, "table", Pull(customers, table, deferrable=True))
        self._run(cycle, "files", Pull(customers, files))
        self._run(cycle, "publish", Publish(customers[:FOR_PUBLISHING], "Once", "campaign", XComRows()))
        self._fail(cycle)
        return self._run(cycle, "xcom", Pull(customers, XComRows()))

    def _run(self, cycle: Cycle, task_id: str, work: Work) -> object:
        job, runner = Job(RESIDENT, task_id, cycle.number, work), OperatorRunner()
        for number in range(1, _MOST_TRIES + 1):
            run: TaskRun | None = None
            while run is None or run.state == "deferred":
                if run is not None and run.deferral is not None:
                    time.sleep(max(0.0, run.deferral.moment.timestamp() - time.time()))
                run = runner(job.operator(), try_number=number, run_id=job.run_id, after=run)
            part = part_of(run)
            if part.state == "success":
                self._calls += len(work.customers) if isinstance(work.customers, tuple) else 0
                return part.value
        self._problems.append(f"{job.key} failed {_MOST_TRIES} times: {part.message}")
        return []

    def _fail(self, cycle: Cycle) -> None:
        """Let a task fail for good: what it opened has to be closed as well."""
        work = Publish(cycle.customers[:5], "no such campaign", "run", XComRows())
        run = OperatorRunner()(Job(RESIDENT, "fail", cycle.number, work).operator())
        if run.state == "success":
            self._problems.append("a publication of a campaign that is not there succeeded")

    def _again(self, ask: Callable[[], frozenset[T]]) -> frozenset[T]:
        for _ in range(_MOST_TRIES):
            with suppress(VoucherifyError):
                return ask()
        self._problems.append(f"the client failed {_MOST_TRIES} times")
        return frozenset()


async def _ask(customers: Sequence[str]) -> frozenset[tuple[str, str]]:
    async with VoucherifyHook(RESIDENT).aclient() as client:
        answers = await asyncio.gather(*(segments_of_customer(client, one) for one in customers))
    return frozenset(
        (customer, segment.id) for customer, answer in zip(customers, answers, strict=True) for segment in answer
    )


def _frame(customers: Sequence[str]) -> frozenset[tuple[str, str]]:
    frame = VoucherifyHook(RESIDENT).get_customer_segments_df(customers)
    return frozenset(zip(frame["customer_id"], frame["segment_id"], strict=True))


def _single_calls(customers: Sequence[str]) -> frozenset[tuple[str, str]]:
    with VoucherifyHook(RESIDENT) as hook:
        hook.list_segments()
        return frozenset((one, segment.id) for one in customers for segment in hook.get_customer_segments(one))
