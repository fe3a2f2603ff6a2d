"""Runs one try of a pull whose process is killed by SIGKILL once the result is published, in ``post_execute``."""

from __future__ import annotations

import os
import signal
import sys

from airflow_provider_voucherify.load.destinations import WarehouseTable
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator
from tests.operators.strategies import ONE_CALL_EACH
from tests.operators.warehouse import CUSTOMERS
from tests.run_op import OperatorRunner

ASKED = CUSTOMERS[:50]


class Dying(CustomerSegmentsOperator):
    """Dies once its result is there."""

    def post_execute(self, context: object, result: object = None) -> None:
        """End this process as the kernel does that is out of memory."""
        os.kill(os.getpid(), signal.SIGKILL)


def pull(kind: type[CustomerSegmentsOperator]) -> CustomerSegmentsOperator:
    """Return the pull, as whichever operator."""
    into = WarehouseTable("customer_segments", conn_id="warehouse")
    return kind(task_id="pull", customers=ASKED, destination=into, retries=3, **ONE_CALL_EACH)


if __name__ == "__main__":
    OperatorRunner()(pull(Dying), try_number=int(sys.argv[1]))
