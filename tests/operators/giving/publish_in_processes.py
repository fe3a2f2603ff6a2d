"""Publishes again and again, each try in a process of its own that may be killed at any moment.

Speaks as ``pull_in_processes`` does: a line when it is ready, and for each line it reads the new process's id and,
once that has ended, its exit code.
"""

from __future__ import annotations

import os
import sys

from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from airflow_provider_voucherify.load.outcomes import OutcomeTable
from airflow_provider_voucherify.operators.publish_vouchers import Pace, PublishVouchersOperator
from airflow_provider_voucherify.pull.customers.sources import CustomerQuery
from tests.run_op import OperatorRunner

#: What others write to standard output, as logging does, goes to standard error.
OUTPUT = os.dup(1)
os.dup2(2, 1)


def succeeds(customers: str, campaign: str, number: int = 1) -> bool:
    """Run one try of publishing a campaign to the customers a query gives."""
    publish = PublishVouchersOperator(
        task_id="publish",
        customers=CustomerQuery(customers, conn_id="warehouse"),
        campaign=campaign,
        destination=OutcomeTable("publications", conn_id="warehouse"),
        pace=Pace(chunk_size=int(os.environ["CHUNK_SIZE"])),
    )
    return OperatorRunner()(publish, try_number=number).state == "success"


def say(word: object) -> None:
    """Write a line to the real standard output."""
    os.write(OUTPUT, f"{word}\n".encode())


def main() -> None:
    """Serve tries until the input ends."""
    VoucherifyHook.retry = RetryPolicy(first_wait=0.01)
    assert succeeds("SELECT 'customer-0000001'", "Warm up")
    say("ready")
    for number, _ in enumerate(sys.stdin, start=1):
        process_id = os.fork()
        if process_id == 0:
            os._exit(not succeeds("SELECT customer_id FROM customers ORDER BY 1", "Win back", number))
        say(process_id)
        _, status = os.waitpid(process_id, 0)
        say(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
