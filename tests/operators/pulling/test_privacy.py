"""No key, token or customer id in any log line or error, whatever happens."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator

import pytest

from airflow_provider_voucherify.emulator import Emulator, Fault, Limits, Switches
from airflow_provider_voucherify.load.destinations import WarehouseTable, XComRows
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator
from tests.airflow_version import HAS_STATE_STORE
from tests.operators.warehouse import CUSTOMERS, Warehouse
from tests.run_op import OperatorRunner

CUSTOMER_ID = re.compile(r"customer-\d{4}|cust_|odd-id")
ASKED = [*CUSTOMERS[:100], "odd-id@example.com"]
UNREACHABLE = "http://127.0.0.1:9"

Trouble = Callable[[Emulator, Warehouse, pytest.MonkeyPatch], object]

TROUBLES: dict[str, Trouble] = {
    "none": lambda emulator, warehouse, patch: None,
    "wrong keys": lambda emulator, warehouse, patch: connect(emulator, patch, password="another-token"),
    "no plan": lambda emulator, warehouse, patch: emulator.set_switches(Switches(refusal="payment_required")),
    "some fail": lambda emulator, warehouse, patch: emulator.set_faults([Fault("status", path=r"customer-000000\d")]),
    "all fail": lambda emulator, warehouse, patch: emulator.set_faults([Fault("status", status=502)]),
    "refused requests": lambda emulator, warehouse, patch: emulator.set_faults([Fault("status", status=400)]),
    "resets": lambda emulator, warehouse, patch: emulator.set_faults([Fault("reset")]),
    "cut off": lambda emulator, warehouse, patch: emulator.set_faults([Fault("truncate")]),
    "malformed": lambda emulator, warehouse, patch: emulator.set_faults([Fault("malformed")]),
    "unreachable": lambda emulator, warehouse, patch: connect(emulator, patch, host=UNREACHABLE),
    "hourly limit": lambda emulator, warehouse, patch: emulator.set_limits(Limits(limit=0, window_seconds=3_600)),
    "unfit table": lambda emulator, warehouse, patch: warehouse.execute(
        "CREATE TABLE customer_segments (customer_id TEXT)"
    ),
    "picky table": lambda emulator, warehouse, patch: warehouse.execute(
        "CREATE TABLE customer_segments (customer_id TEXT CHECK (length(customer_id) < 9), segment_id TEXT, "
        "segment_name TEXT, observed_at TEXT)"
    ),
}
SUCCEED = {"none"}


def connect(emulator: Emulator, patch: pytest.MonkeyPatch, **fields: str) -> None:
    connection = {**emulator.airflow_connection(), **fields}
    patch.setenv("AIRFLOW_CONN_VOUCHERIFY_DEFAULT", json.dumps(connection))


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@pytest.fixture(params=["table", "xcom"])
def destination(request: pytest.FixtureRequest) -> WarehouseTable | XComRows:
    return WarehouseTable("customer_segments", conn_id="warehouse") if request.param == "table" else XComRows()


@pytest.mark.parametrize("trouble", TROUBLES)
def test_logs_and_errors_name_no_key_and_no_customer(
    run_op: OperatorRunner,
    voucherify: Emulator,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    destination: WarehouseTable | XComRows,
    trouble: str,
) -> None:
    if trouble == "hourly limit" and isinstance(destination, XComRows) and not HAS_STATE_STORE:
        pytest.skip("it waits in the worker where nothing is kept")
    caplog.set_level(logging.INFO)
    TROUBLES[trouble](voucherify, warehouse, monkeypatch)
    pull = CustomerSegmentsOperator(task_id="pull", customers=ASKED, destination=destination, deferrable=True)
    run = run_op(pull)
    harmless = trouble in SUCCEED or (trouble.endswith("table") and isinstance(destination, XComRows))
    assert (run.state == "success") == harmless
    said = [caplog.text, *(f"{error!r} {error} {vars(error)}" for error in chain(run.error))]
    assert "airflow_provider_voucherify" in said[0]
    for text in said:
        assert not CUSTOMER_ID.search(text)
        assert voucherify.app_token not in text
        assert voucherify.app_id not in text
        assert "another-token" not in text


def test_ids_that_are_refused_are_not_repeated(run_op: OperatorRunner, voucherify: Emulator) -> None:
    run = run_op(CustomerSegmentsOperator(task_id="pull", customers=["odd-id-\ud800", "..", "odd-id-2"]))
    assert run.state == "failed"
    assert not CUSTOMER_ID.search(f"{run.error!r} {run.error}")


def test_rows_too_many_for_xcom_are_not_repeated(
    run_op: OperatorRunner, voucherify: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    run = run_op(CustomerSegmentsOperator(task_id="pull", customers=ASKED, destination=XComRows(max_rows=10)))
    assert run.state == "failed"
    assert not CUSTOMER_ID.search(f"{caplog.text} {run.error!r} {run.error}")
