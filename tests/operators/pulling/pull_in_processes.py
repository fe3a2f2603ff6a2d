"""Runs one pull again and again, each try in a process of its own that may be killed at any moment.

Writes a line when it is ready. Then it reads a line for each try (the run's name), forks, and writes the new process's
id, and once that has ended its exit code, negative for the signal that killed it. Forks of a process that has pulled
before begin at once, where a new interpreter takes seconds.
"""

from __future__ import annotations

import os
import sys

from airflow_provider_voucherify.load.destinations import WarehouseTable
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator, Pace
from airflow_provider_voucherify.pull.customers.sources import CustomerQuery
from airflow_provider_voucherify.pull.plan.question import checked_strategy_name
from tests.run_op import OperatorRunner

STRATEGY = checked_strategy_name(os.environ["STRATEGY"])
#: What others write to standard output, as logging does, goes to standard error.
OUTPUT = os.dup(1)
os.dup2(2, 1)


def succeeds(customers: str, table: str, run_id: str, number: int = 1) -> bool:
    """Run one try of a pull of the customers a query gives into a table."""
    pull = CustomerSegmentsOperator(
        task_id="pull",
        customers=CustomerQuery(customers, conn_id="warehouse"),
        destination=WarehouseTable(table, conn_id="warehouse"),
        strategy=STRATEGY,
        pace=Pace(chunk_size=int(os.environ["CHUNK_SIZE"])),
    )
    return OperatorRunner()(pull, run_id=run_id, try_number=number).state == "success"


def say(word: object) -> None:
    """Write a line to the real standard output."""
    os.write(OUTPUT, f"{word}\n".encode())


def main() -> None:
    """Serve tries until the input ends."""
    assert succeeds("SELECT 'customer-0000001'", "warm_up", "warm_up")
    say("ready")
    for number, line in enumerate(sys.stdin, start=1):
        process_id = os.fork()
        if process_id == 0:
            query = "SELECT customer_id FROM customers ORDER BY 1"
            os._exit(not succeeds(query, "customer_segments", line.strip(), number))
        say(process_id)
        _, status = os.waitpid(process_id, 0)
        say(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
