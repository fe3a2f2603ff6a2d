"""Metadata of many customers: everybody known is stamped, nobody is made, and DONE is not taken for success."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from airflow_provider_voucherify.api.bulk import BulkUpdateFailed
from airflow_provider_voucherify.emulator import Emulator, Switches
from airflow_provider_voucherify.operators.update_customers_metadata import UpdateCustomersMetadataOperator
from tests.operators.publishing import voucherify_ids
from tests.operators.warehouse import CUSTOMERS
from tests.run_op import OperatorRunner


def update(customers: list[str], *, deferrable: bool = False) -> UpdateCustomersMetadataOperator:
    return UpdateCustomersMetadataOperator(
        task_id="stamp",
        customers=customers,
        metadata={"stamp": "{{ run_id }}"},
        poll_interval=timedelta(seconds=0.05),
        deferrable=deferrable,
        retries=1,
    )


def stamped(emulator: Emulator) -> set[str]:
    return {one.customer_id for one in emulator.customers() if one.metadata.get("stamp") == "run"}


def test_everybody_known_is_stamped_under_either_name(run_op: OperatorRunner, voucherify: Emulator) -> None:
    ids = voucherify_ids(voucherify, 20)
    before = len(voucherify.customers())
    asked = [*ids, *CUSTOMERS[500:600], "nobody@example.com", "cust_nobody"]
    assert run_op(update(asked)).value == {
        "customers": 122,
        "updated": 120,
        "unknown": 2,
        "without_source_id": 0,
    }
    named = {one.customer_id for one in voucherify.customers() if one.source_id in CUSTOMERS[500:600]}
    assert stamped(voucherify) == named | set(ids)
    assert len(voucherify.customers()) == before


def test_a_customer_without_a_source_id_cannot_be_stamped_in_bulk(run_op: OperatorRunner, voucherify: Emulator) -> None:
    (nameless,) = voucherify.add_customers([{"name": "Jo"}])
    assert run_op(update([nameless])).value == {"customers": 1, "updated": 0, "unknown": 0, "without_source_id": 1}


def test_done_with_failed_rows_is_no_success(run_op: OperatorRunner, voucherify: Emulator) -> None:
    voucherify.refuse(bulk_rows={CUSTOMERS[0]: "invalid_payload"})
    run = run_op(update(CUSTOMERS[:3]))
    assert isinstance(run.error, BulkUpdateFailed)
    assert "2 rows updated, 1 failed (1 x invalid_payload)" in str(run.error)
    voucherify.refuse()
    assert run_op(update(CUSTOMERS[:3]), try_number=2).state == "success"


def test_a_failed_update_is_none(run_op: OperatorRunner, voucherify: Emulator) -> None:
    voucherify.set_switches(Switches(async_outcome="failed"))
    assert isinstance(run_op(update(CUSTOMERS[:4])).error, BulkUpdateFailed)


def test_it_is_waited_for(run_op: OperatorRunner, voucherify: Emulator) -> None:
    voucherify.set_switches(Switches(async_wait_seconds=0.15))
    assert run_op(update(CUSTOMERS[:4])).state == "success"
    assert len(stamped(voucherify)) == 4
    assert voucherify.stats().endpoints["GET /v1/async-actions/{id}"].calls > 1


def test_a_deferral_carries_ids_of_updates_and_counts_only(run_op: OperatorRunner, voucherify: Emulator) -> None:
    voucherify.set_switches(Switches(async_wait_seconds=0.3))
    run = run_op(update(CUSTOMERS[:4], deferrable=True))
    assert run.deferral is not None
    assert "customer-" not in json.dumps(run.deferral.next_kwargs)
    looks = 0
    while run.state == "deferred":
        looks += 1
        run = run_op(update(CUSTOMERS[:4], deferrable=True), after=run)
    assert looks >= 1
    assert run.state == "success"
    assert voucherify.stats().endpoints["POST /v1/customers/metadata/async"].calls == 1


def test_a_source_id_that_looks_like_voucherifys_is_left_out_and_counted(
    run_op: OperatorRunner, voucherify: Emulator
) -> None:
    voucherify.add_customers([{"source_id": "cust_001"}])
    odd = next(one.customer_id for one in voucherify.customers() if one.source_id == "cust_001")
    summary = run_op(update([CUSTOMERS[0], odd])).summary
    assert (summary["updated"], summary["without_source_id"], summary["unknown"]) == (1, 1, 0)


def test_a_deferral_that_lost_what_it_carries_is_no_success() -> None:
    operator = UpdateCustomersMetadataOperator(task_id="stamp", customers=["a"], metadata={"tier": "gold"})
    with pytest.raises(ValueError, match="did not hand on"):
        operator.resume({}, {"moment": "now"})


@pytest.mark.parametrize("given", [{"metadata": {}}, {"poll_interval": 30}, {"customers": "cust_1"}], ids=str)
def test_arguments_are_checked_when_the_dag_is_parsed(given: dict[str, object]) -> None:
    arguments: dict[str, object] = {"customers": ["cust_1"], "metadata": {"a": "b"}} | given
    (name,) = given
    with pytest.raises(ValueError, match=name):
        UpdateCustomersMetadataOperator(task_id="stamp", **arguments)  # type: ignore[arg-type]
