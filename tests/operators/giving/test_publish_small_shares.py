"""With a few calls an hour a publication that may defer gets on: what a part learned is not asked for again."""

from __future__ import annotations

import json
import math

import pytest

from airflow_provider_voucherify.emulator import Emulator, Limits
from airflow_provider_voucherify.load.destinations import XComRows
from airflow_provider_voucherify.load.outcomes import OutcomeTable
from airflow_provider_voucherify.operators.giving import publish as publishing
from airflow_provider_voucherify.operators.publish_vouchers import Pace, PublishVouchersOperator
from tests.airflow_version import needs_state_store
from tests.operators.publishing import TABLE, given_away, publish, recorded, voucherify_ids
from tests.operators.pulling.test_small_shares import Hourly
from tests.operators.warehouse import CUSTOMERS, Warehouse
from tests.run_op import OperatorRunner, TaskRun

STRANGERS = ["nobody@example.com", "cust_nobodynobodynobodynobo"]
MOST_PARTS = 300


def to_the_end(run_op: OperatorRunner, hourly: Hourly, operator: PublishVouchersOperator) -> TaskRun:
    hourly.open()
    run = run_op(operator)
    while run.state == "deferred" and hourly.parts < MOST_PARTS:
        assert run.deferral is not None
        assert set(run.deferral.next_kwargs) <= {"spent", "began_at"}
        assert not any(one in json.dumps(run.deferral.next_kwargs) for one in CUSTOMERS)
        hourly.open()
        run = run_op(operator, after=run)
    return run


@needs_state_store
@pytest.mark.parametrize("calls", [1, 2, 3, 5])
@pytest.mark.parametrize("destination", [TABLE, XComRows()], ids=["table", "xcom"])
def test_customers_that_are_looked_up_one_by_one(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse, destination: OutcomeTable | XComRows, calls: int
) -> None:
    asked = [*CUSTOMERS[:6], *voucherify_ids(shop, 3), *STRANGERS]
    run = to_the_end(run_op, Hourly(shop, calls), publish(asked, destination=destination, deferrable=True))
    assert run.state == "success"
    assert (run.summary["published"], run.summary["unknown"]) == (9, 2)
    assert len(given_away(shop)) == len({customer for customer, _ in given_away(shop)})
    campaign, again_for_the_unknown = 1, 3
    assert shop.stats().calls <= campaign + 2 * len(asked) + again_for_the_unknown


@needs_state_store
@pytest.mark.parametrize("calls", [3, 20])
def test_the_list_of_everyone_is_read_once(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse, calls: int
) -> None:
    asked = CUSTOMERS[:52]
    run = to_the_end(run_op, Hourly(shop, calls), publish(asked, destination=TABLE, deferrable=True))
    assert (run.state, run.summary["published"]) == ("success", 52)
    assert recorded(warehouse) == given_away(shop)
    everyone, campaign = 12, 1
    assert shop.stats().calls <= campaign + everyone + len(asked) + 1
    assert shop.stats().endpoints["POST /v1/publications"].calls == 52


@needs_state_store
@pytest.mark.parametrize("calls", [1, 4])
@pytest.mark.parametrize("number", [6, 52])
def test_a_simulation(run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse, number: int, calls: int) -> None:
    asked = [*CUSTOMERS[:number], STRANGERS[0]]
    operator = publish(asked, destination=TABLE, deferrable=True, simulate=True)
    run = to_the_end(run_op, Hourly(shop, calls), operator)
    assert run.state == "success"
    assert (run.summary["would_publish"], run.summary["unknown"]) == (number, 1)
    assert not given_away(shop)
    assert shop.stats().calls <= 1 + 12 + 8


@needs_state_store
def test_what_a_try_learned_is_gone_when_it_is_over(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse
) -> None:
    operator = publish(CUSTOMERS[:6], destination=TABLE, deferrable=True)
    assert to_the_end(run_op, Hourly(shop, 3), operator).state == "success"
    (state,) = run_op.states.values()
    assert not state


def test_another_try_learns_for_itself(run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse) -> None:
    hourly = Hourly(shop, 2)
    hourly.open()
    assert run_op(publish(CUSTOMERS[:6], destination=TABLE, deferrable=True)).state == "deferred"
    shop.set_limits(Limits(limit=10_000))
    before = shop.stats().calls
    summary = run_op(publish(CUSTOMERS[:6], destination=TABLE, deferrable=True), try_number=2).summary
    assert summary["published"] == 6
    assert shop.stats().calls - before == 1 + 12
    (state,) = run_op.states.values()
    assert "voucherify:try" in state or not state


def test_without_a_store_a_share_of_three_calls_gets_on_and_a_smaller_one_ends(
    run_op_without_state_store: OperatorRunner, shop: Emulator, warehouse: Warehouse
) -> None:
    operator = publish(CUSTOMERS[:4], destination=TABLE, deferrable=True, pace=Pace(concurrency=1))
    # Of 5 calls the share of 70 % is 3: the campaign, whom an id stands for, the code.
    assert to_the_end(run_op_without_state_store, Hourly(shop, 5), operator).summary["published"] == 4
    warehouse.execute("DELETE FROM publications")
    run = to_the_end(run_op_without_state_store, Hourly(shop, 3), operator)
    assert run.state == "failed"
    assert "raise quota_share" in str(run.error)


@pytest.mark.parametrize("simulate", [True, False])
def test_a_simulation_without_a_store_keeps_its_worker(
    run_op_without_state_store: OperatorRunner,
    shop: Emulator,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    simulate: bool,
) -> None:
    may_defer = []

    def wait_in_worker(*, can_defer: bool) -> float:
        may_defer.append(can_defer)
        return math.inf

    monkeypatch.setattr(publishing, "wait_in_worker", wait_in_worker)
    run = run_op_without_state_store(publish(CUSTOMERS[:3], destination=TABLE, deferrable=True, simulate=simulate))
    assert run.state == "success"
    assert may_defer == [not simulate]
