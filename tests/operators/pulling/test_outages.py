"""A Voucherify that is down for a while costs a try some waiting, and Airflow's retries nothing."""

from __future__ import annotations

import logging

import pytest

from airflow_provider_voucherify.emulator import Emulator, Fault
from airflow_provider_voucherify.load.destinations import WarehouseTable
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator, Pace
from airflow_provider_voucherify.pull.plan.question import StrategyName
from tests.operators.strategies import ONE_CALL_EACH
from tests.operators.warehouse import CUSTOMERS, Warehouse, truth
from tests.run_op import OperatorRunner


@pytest.mark.parametrize(
    "faults",
    [
        [Fault("status", status=503, count=9)],
        [Fault("reset", count=9)],
        [Fault("reset", count=9), Fault("status", status=429, count=1)],
    ],
    ids=["503", "reset", "reset, then 429"],
)
@pytest.mark.parametrize("strategy", ["per_customer", "per_segment"])
def test_an_outage_is_waited_for_within_the_try(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, strategy: StrategyName, faults: list[Fault]
) -> None:
    voucherify.set_faults(faults)
    run = run_op(
        CustomerSegmentsOperator(
            task_id="pull",
            customers=CUSTOMERS[:100],
            strategy=strategy,
            destination=WarehouseTable("customer_segments", conn_id="warehouse"),
        )
    )
    assert (run.state, run.summary["failed"]) == ("success", 0)
    assert warehouse.memberships() == truth(voucherify, CUSTOMERS[:100])


def test_an_outage_that_lasts_defers_a_few_times_and_then_fails_the_try(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    def pull() -> CustomerSegmentsOperator:
        return CustomerSegmentsOperator(
            task_id="pull",
            customers=CUSTOMERS[:200],
            destination=WarehouseTable("customer_segments", conn_id="warehouse"),
            deferrable=True,
            pace=Pace(chunk_size=50),
            retries=1,
            **ONE_CALL_EACH,
        )

    some_and_the_probe = r"customer-00000[3-9]\d/|customer-0000[12]\d\d/|/v1/segments\?limit=1$"
    voucherify.set_faults([Fault("status", status=502, path=some_and_the_probe)])
    run, parts = run_op(pull()), 0
    while run.state == "deferred":
        assert "until the rate-limit window" not in caplog.text
        parts += 1
        run = run_op(pull(), after=run)
    assert (run.state, parts) == ("up_for_retry", 2)
    assert "Voucherify does not answer (Voucherify answered 502), in 3 parts of this try" in str(run.error)
    voucherify.set_faults([])
    before = voucherify.stats().calls
    assert run_op(pull(), try_number=2).state == "success"
    assert voucherify.stats().calls - before < 200
    assert warehouse.memberships() == truth(voucherify, CUSTOMERS[:200])
