"""Metadata of many customers: everybody known is stamped, nobody is made, and DONE is not taken for success."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace
from typing import ClassVar

import pytest
from airflow.providers.common.compat import sdk
from airflow.sdk import Context

from airflow_provider_voucherify.api.calls.call import Sender
from airflow_provider_voucherify.api.calls.metadata_updates import BulkUpdateFailed
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.models import Json, JsonObject
from airflow_provider_voucherify.emulator import Emulator, Fault, Switches
from airflow_provider_voucherify.emulator.giving import async_actions
from airflow_provider_voucherify.operators import deferral
from airflow_provider_voucherify.operators.giving import metadata_update
from airflow_provider_voucherify.operators.update_customers_metadata import UpdateCustomersMetadataOperator
from airflow_provider_voucherify.pull.clients import Interrupt, RunInterrupted
from tests.airflow_version import needs_state_store
from tests.operators.publishing import voucherify_ids
from tests.operators.pulling.test_small_shares import Hourly
from tests.operators.warehouse import CUSTOMERS
from tests.run_op import OperatorRunner, TaskRun

MOST_PARTS = 200


def update(customers: list[str], *, deferrable: bool = False) -> UpdateCustomersMetadataOperator:
    return UpdateCustomersMetadataOperator(
        task_id="stamp",
        customers=customers,
        metadata={"stamp": "{{ run_id }}"},
        poll_interval=timedelta(seconds=0.05),
        deferrable=deferrable,
        retries=1,
    )


def told(run: TaskRun) -> dict[str, int]:
    """Return what a run says of the customers."""
    return {name: run.summary[name] for name in ("customers", "updated", "unknown", "without_source_id")}


def stamped(emulator: Emulator) -> set[str]:
    return {one.customer_id for one in emulator.customers() if one.metadata.get("stamp") == "run"}


def test_everybody_known_is_stamped_under_either_name(run_op: OperatorRunner, voucherify: Emulator) -> None:
    ids = voucherify_ids(voucherify, 20)
    before = len(voucherify.customers())
    asked = [*ids, *CUSTOMERS[500:600], "nobody@example.com", "cust_nobody"]
    assert told(run_op(update(asked))) == {"customers": 122, "updated": 120, "unknown": 2, "without_source_id": 0}
    named = {one.customer_id for one in voucherify.customers() if one.source_id in CUSTOMERS[500:600]}
    assert stamped(voucherify) == named | set(ids)
    assert len(voucherify.customers()) == before


def test_a_customer_without_a_source_id_cannot_be_stamped_in_bulk(run_op: OperatorRunner, voucherify: Emulator) -> None:
    (nameless,) = voucherify.add_customers([{"name": "Jo"}])
    assert told(run_op(update([nameless]))) == {"customers": 1, "updated": 0, "unknown": 0, "without_source_id": 1}


def test_done_with_failed_rows_is_no_success(run_op: OperatorRunner, voucherify: Emulator) -> None:
    voucherify.refuse(bulk_rows={CUSTOMERS[0]: "invalid_payload"})
    run = run_op(update(CUSTOMERS[:3]))
    assert isinstance(run.error, BulkUpdateFailed)
    assert "2 rows updated, 1 failed (1 x invalid_payload)" in str(run.error)
    voucherify.refuse()
    assert run_op(update(CUSTOMERS[:3]), try_number=2).state == "success"


def test_an_update_that_does_not_say_how_it_ended_is_judged_by_its_rows(
    run_op: OperatorRunner, voucherify: Emulator
) -> None:
    voucherify.set_switches(Switches(operation_status=False))
    voucherify.refuse(bulk_rows={CUSTOMERS[0]: "invalid_payload"})
    assert "2 rows updated, 1 failed (1 x invalid_payload)" in str(run_op(update(CUSTOMERS[:3])).error)
    voucherify.refuse()
    assert run_op(update(CUSTOMERS[:3]), try_number=2).summary["updated"] == 3


def test_a_failed_update_is_none(run_op: OperatorRunner, voucherify: Emulator) -> None:
    voucherify.set_switches(Switches(async_outcome="failed"))
    assert isinstance(run_op(update(CUSTOMERS[:4])).error, BulkUpdateFailed)


def test_it_tells_what_it_took(run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: Counter[str] = Counter()
    stats = SimpleNamespace(incr=lambda name, count: counted.update({name: count}), timing=lambda *_: None)
    monkeypatch.setattr(sdk, "Stats", stats, raising=False)
    summary = run_op(update(CUSTOMERS[:4])).summary
    assert summary["calls"] == voucherify.stats().calls == counted["voucherify.calls"] == 6
    assert (summary["rejected"], summary["deferrals"]) == (0, 0)
    assert summary["duration_seconds"] > 0


@needs_state_store
def test_calls_before_a_deferral_count(run_op: OperatorRunner, voucherify: Emulator) -> None:
    run = to_the_end(run_op, Hourly(voucherify, 2), CUSTOMERS[:4])
    assert run.summary["updated"] == 4
    assert run.summary["deferrals"] >= 2
    assert run.summary["calls"] - run.summary["rejected"] == voucherify.stats().calls


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (None, "ended as DONE (SUCCESS): an untold number of rows updated"),
        ({"failed_count": 0}, "ended as DONE (SUCCESS): an untold number of rows updated, 0 failed"),
        ({"done_count": 2, "failed_count": 0}, "4 customers were sent, and the bulk updates, which tell of no failure"),
    ],
    ids=["no result", "no count", "too few"],
)
def test_a_success_that_does_not_tell_of_everybody_is_none(
    run_op: OperatorRunner,
    voucherify: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    result: JsonObject | None,
    said: str,
) -> None:
    monkeypatch.setattr(async_actions.AsyncAction, "result", lambda *_: result)
    run = run_op(update(CUSTOMERS[:4]))
    assert isinstance(run.error, BulkUpdateFailed)
    assert said in str(run.error)


def test_it_is_waited_for(run_op: OperatorRunner, voucherify: Emulator) -> None:
    voucherify.set_switches(Switches(async_wait_seconds=0.15))
    assert run_op(update(CUSTOMERS[:4])).state == "success"
    assert len(stamped(voucherify)) == 4
    assert voucherify.stats().endpoints["GET /v1/async-actions/{id}"].calls > 1


@pytest.mark.parametrize("deferrable", [False, True], ids=["in its worker", "deferring"])
@pytest.mark.parametrize(("unseen", "state"), [(1, "success"), (2, "up_for_retry")], ids=["once", "twice"])
def test_an_update_that_does_not_show_is_looked_for_again(
    run_op: OperatorRunner, voucherify: Emulator, unseen: int, state: str, deferrable: bool
) -> None:
    voucherify.set_switches(Switches(async_unseen_looks=unseen))
    run = run_op(update(CUSTOMERS[:4], deferrable=deferrable))
    while run.state == "deferred":
        run = run_op(update(CUSTOMERS[:4], deferrable=deferrable), after=run)
    assert run.state == state
    calls = voucherify.stats().endpoints
    assert calls["POST /v1/customers/metadata/async"].calls == 1
    assert calls["GET /v1/async-actions/{id}"].calls == 2


class KillableOperator(UpdateCustomersMetadataOperator):
    """Remembers the operator that runs: Airflow's runner makes a copy."""

    runs: ClassVar[list[UpdateCustomersMetadataOperator]] = []

    def execute(self, context: Context) -> Json:
        self.runs[:] = [self]
        return super().execute(context)


def killable(customers: list[str], poll_interval: timedelta) -> KillableOperator:
    return KillableOperator(
        task_id="stamp", customers=customers, metadata={"stamp": "1"}, poll_interval=poll_interval, retries=1
    )


@pytest.mark.parametrize(
    ("switches", "customers", "method"),
    [
        (Switches(latency_ms=20), CUSTOMERS[:40], "GET"),
        (Switches(latency_ms=20), CUSTOMERS[:100], "GET"),
        (Switches(latency_ms=20), CUSTOMERS[:4], "POST"),
        (Switches(async_wait_seconds=60), CUSTOMERS[:4], "GET /v1/async-actions"),
    ],
    ids=["looking up", "reading the list", "beginning", "waiting"],
)
def test_a_kill_lets_no_further_call_be_sent(
    run_op: OperatorRunner,
    voucherify: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    switches: Switches,
    customers: list[str],
    method: str,
) -> None:
    voucherify.set_switches(switches)
    sent: list[str] = []
    send = Interrupt.send

    async def killed_on_the_way(interrupt: Interrupt, client: Sender, request: wire.Request) -> JsonObject:
        sent.append(f"{request.method} {request.target}")
        if sent[-1].startswith(method) and len(sent) > 1:
            KillableOperator.runs[0].on_kill()
        return await send(interrupt, client, request)

    monkeypatch.setattr(Interrupt, "send", killed_on_the_way)
    monkeypatch.setattr(metadata_update, "CUSTOMERS_PER_UPDATE", 1)
    run = run_op(killable(customers, timedelta(seconds=0.05)))
    assert isinstance(run.error, RunInterrupted)
    assert voucherify.stats().calls < len(sent)


def test_a_kill_ends_the_wait_for_the_next_look(
    run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    voucherify.set_switches(Switches(async_wait_seconds=60))
    waited: list[float] = []

    def kill(seconds: float) -> None:
        waited.append(seconds)
        KillableOperator.runs[0].on_kill()

    monkeypatch.setattr(deferral, "time", SimpleNamespace(sleep=kill, monotonic=time.monotonic))
    run = run_op(killable(CUSTOMERS[:4], timedelta(seconds=30)))
    assert isinstance(run.error, RunInterrupted)
    assert len(waited) == 1
    assert waited[0] < 1


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


def to_the_end(run_op: OperatorRunner, hourly: Hourly, customers: list[str]) -> TaskRun:
    """Run a stamping, with a new window for each part, until it is over."""
    hourly.open()
    run = run_op(update(customers, deferrable=True))
    while run.state == "deferred" and hourly.parts < MOST_PARTS:
        assert run.deferral is not None
        assert "customer-" not in json.dumps(run.deferral.next_kwargs)
        hourly.open()
        run = run_op(update(customers, deferrable=True), after=run)
    return run


@needs_state_store
@pytest.mark.parametrize("calls", [1, 2, 5])
def test_a_small_share_gets_on_with_lookups_updates_and_looks(
    run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    monkeypatch.setattr(metadata_update, "CUSTOMERS_PER_UPDATE", 3)
    asked = [*voucherify_ids(voucherify, 4), *CUSTOMERS[500:504], "nobody@example.com", "cust_nobody"]
    run = to_the_end(run_op, Hourly(voucherify, calls), asked)
    assert told(run) == {"customers": 10, "updated": 8, "unknown": 2, "without_source_id": 0}
    assert len(stamped(voucherify)) == 8
    endpoints = voucherify.stats().endpoints
    assert endpoints["POST /v1/customers/metadata/async"].calls == 3, "nothing is sent twice"
    assert endpoints["GET /v1/customers/{id}"].calls == 10, "nobody is looked up twice"
    (state,) = run_op.states.values()
    assert not [key for key in state if key.startswith("voucherify:try")]


def test_a_small_share_reads_the_list_of_everyone_once(run_op: OperatorRunner, voucherify: Emulator) -> None:
    run = to_the_end(run_op, Hourly(voucherify, 3), CUSTOMERS[:60])
    assert run.summary["updated"] == 60
    assert voucherify.stats().calls <= 12 + 1 + 1


@needs_state_store
def test_ids_of_many_updates_wait_in_the_task_state_store(
    run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata_update, "CUSTOMERS_PER_UPDATE", 1)
    monkeypatch.setattr(metadata_update, "MOST_HANDED_ON", 2)
    voucherify.set_switches(Switches(async_wait_seconds=0.3))
    run = run_op(update(CUSTOMERS[:4], deferrable=True))
    assert run.deferral is not None
    assert set(run.deferral.next_kwargs) == {"spent"}
    while run.state == "deferred":
        run = run_op(update(CUSTOMERS[:4], deferrable=True), after=run)
    assert run.summary["updated"] == 4
    assert voucherify.stats().endpoints["POST /v1/customers/metadata/async"].calls == 4


@needs_state_store
@pytest.mark.parametrize("calls", [1, 3])
def test_a_failed_update_is_told_whatever_the_share(
    run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    monkeypatch.setattr(metadata_update, "CUSTOMERS_PER_UPDATE", 2)
    voucherify.refuse(bulk_rows={CUSTOMERS[0]: "invalid_payload", CUSTOMERS[2]: "invalid_payload"})
    run = to_the_end(run_op, Hourly(voucherify, calls), CUSTOMERS[:6])
    assert isinstance(run.error, BulkUpdateFailed)
    assert len(stamped(voucherify)) == 4


@needs_state_store
@pytest.mark.parametrize("path", ["GET /v1/customers/", "POST /v1/customers/metadata", "GET /v1/async"])
def test_an_outage_gives_the_worker_back_wherever_it_begins(
    run_op: OperatorRunner, voucherify: Emulator, path: str
) -> None:
    voucherify.set_faults([Fault("status", status=503, path=f"^{path}|/v1/segments\\?limit=1$")])
    run = run_op(update(CUSTOMERS[:4], deferrable=True))
    assert run.state == "deferred"
    voucherify.set_faults()
    assert run_op(update(CUSTOMERS[:4], deferrable=True), after=run).summary["updated"] == 4
    assert voucherify.stats().endpoints["GET /v1/customers/{id}"].calls >= 4


def test_without_a_store_it_waits_with_its_worker_until_all_is_begun(
    run_op_without_state_store: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_defer = []

    def wait_in_worker(*, can_defer: bool) -> float:
        may_defer.append(can_defer)
        return math.inf

    monkeypatch.setattr(metadata_update, "wait_in_worker", wait_in_worker)
    run = run_op_without_state_store(update(CUSTOMERS[:4], deferrable=True))
    assert run.summary["updated"] == 4
    assert may_defer == [False, True]
