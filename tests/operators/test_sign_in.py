"""Tasks that sign in by OAuth."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_voucherify.api.http import auth
from airflow_provider_voucherify.emulator import Emulator, Switches
from airflow_provider_voucherify.load.destinations import WarehouseTable
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator, Pace
from airflow_provider_voucherify.operators.update_customers_metadata import UpdateCustomersMetadataOperator
from tests.operators.strategies import ONE_CALL_EACH
from tests.operators.warehouse import CUSTOMERS, Warehouse
from tests.run_op import OperatorRunner


@pytest.fixture(autouse=True)
def no_tokens() -> Iterator[None]:
    auth.forget_tokens()
    yield
    auth.forget_tokens()


def sign_in(voucherify: Emulator, monkeypatch: pytest.MonkeyPatch, **extra: str) -> None:
    connection = voucherify.airflow_connection() | {"extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_VOUCHERIFY_DEFAULT", json.dumps(connection))


def pull(chunk_size: int = 16) -> CustomerSegmentsOperator:
    return CustomerSegmentsOperator(
        task_id="pull",
        customers=CUSTOMERS[:100],
        destination=WarehouseTable("customer_segments", conn_id="warehouse"),
        pace=Pace(chunk_size=chunk_size),
        retries=3,
        **ONE_CALL_EACH,
    )


def tokens_made(voucherify: Emulator) -> int:
    return sum(count.calls for label, count in voucherify.stats().endpoints.items() if label.endswith("/oauth/token"))


@pytest.mark.parametrize(
    "extra",
    [
        {"auth": "oauth", "scope": "customers segments"},
        {"auth": "oauth2", "scope": "customers.details.read", "project_id": "proj_{}"},
    ],
)
def test_a_task_takes_one_token_and_no_log_shows_it(
    run_op: OperatorRunner,
    voucherify: Emulator,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    extra: dict[str, str],
) -> None:
    caplog.set_level(logging.DEBUG, "airflow_provider_voucherify")
    sign_in(voucherify, monkeypatch, **{name: text.format(voucherify.app_id) for name, text in extra.items()})
    summary = run_op(pull()).summary
    assert summary["customers"] == 100
    assert tokens_made(voucherify) == 1
    assert voucherify.stats().unauthorized == 0
    (signed_in,) = auth._sign_ins.values()
    token = signed_in.token(0.0)
    assert token is not None
    assert token.value not in caplog.text
    assert voucherify.app_token not in caplog.text


def test_a_token_that_ends_in_mid_run_costs_nobody_their_answer(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(voucherify, monkeypatch, auth="oauth")
    run_op(pull(), run_id="first")
    voucherify.advance(901)
    summary = run_op(pull(), run_id="second").summary
    assert (summary["customers"], summary["failed"], tokens_made(voucherify)) == (100, 0, 2)


def test_a_wrong_scope_fails_the_task_at_once_and_names_the_connection(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(voucherify, monkeypatch, auth="oauth", scope="shoes")
    run = run_op(pull())
    assert (run.state, voucherify.stats().requests) == ("failed", 1)
    assert isinstance(run.error, AirflowFailException)
    assert str(run.error).startswith("connection 'voucherify_default': Voucherify answered 400 (invalid_scope)")
    assert "customer_segments" not in warehouse.tables()


def test_too_many_tokens_are_retried_by_airflow(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(voucherify, monkeypatch, auth="oauth")
    voucherify.set_switches(Switches(oauth_tokens=0))
    run = run_op(pull())
    assert (run.state, voucherify.stats().requests) == ("up_for_retry", 1)
    assert "let fewer tasks run at a time" in str(run.error)


def test_bulk_updates_sign_in_as_well(
    run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(voucherify, monkeypatch, auth="oauth")
    update = UpdateCustomersMetadataOperator(task_id="stamp", customers=CUSTOMERS[:5], metadata={"tier": "gold"})
    assert run_op(update).summary["updated"] == 5
    assert tokens_made(voucherify) == 1
