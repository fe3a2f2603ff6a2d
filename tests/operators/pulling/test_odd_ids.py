"""Ids as merchants really have them: each gives its own customer's segments or is refused, never another's."""

from __future__ import annotations

import json
import random

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

from airflow_provider_voucherify.api.errors import InvalidCustomerId
from airflow_provider_voucherify.emulator import Emulator, ProjectSettings
from airflow_provider_voucherify.load.destinations import WarehouseTable, XComRows
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator
from airflow_provider_voucherify.pull.customers.sources import CustomerQuery
from tests.operators.warehouse import MembershipRow, Warehouse, membership_rows
from tests.run_op import OperatorRunner, TaskKey

SHOP = "odd-shop"
KNOWN_ODDITIES = (
    *("jo.doe@example.com", "a/b c+d%?#é", "%2e%2e", "%2F", "...", ". .", "../x", "x/..", "/", "//", "?", "#", "&a=b"),
    *("null", "0", "00", "-1", "1e3", "true", "[]", "{}", "{{ ds }}", "'", '"', "\\", "a;b", "segments", "customers"),
    *(" ", " padded ", "tab\t", "line\nbreak", "\r\n", "\u00a0", "\u200b", "\u202e", "é", "e\u0301", "ß", "SS", "ss"),
    *("İ", "i", "😀", "名前", "x" * 200, "+", "%", "%25", "%zz", "*", "~", "|", "<>", "`"),
)
LETTERS = "ab1./\\%?#&=+ ;:@!$'()*,[]~_-é😀\t\n\"<>{}|^`"


def odd_ids(number: int) -> list[str]:
    """Return so many different ids, drawn from a seed."""
    rng = random.Random(11)
    ids = dict.fromkeys(KNOWN_ODDITIES)
    while len(ids) < number:
        ids["".join(rng.choices(LETTERS, k=rng.randint(1, 12)))] = None
        for refused in (".", ".."):
            ids.pop(refused, None)
    return list(ids)


IDS = odd_ids(1_000)


@pytest.fixture
def odd_shop(voucherify: Emulator, monkeypatch: pytest.MonkeyPatch) -> list[MembershipRow]:
    """A project whose customers have odd ids, each in a set of segments nobody else is in.

    :returns: the memberships: the customer at place n is in the segments that are the binary digits of n + 1.
    """
    voucherify.add_project(ProjectSettings(SHOP, "odd-token", customers=0, segments=0))
    voucherify.add_customers([{"source_id": customer} for customer in IDS], app_id=SHOP)
    rows: list[MembershipRow] = []
    for digit in range(len(IDS).bit_length()):
        members = [customer for place, customer in enumerate(IDS, start=1) if place >> digit & 1]
        name = f"digit {digit}"
        segment = voucherify.add_segment(name, customers=members, app_id=SHOP)
        rows += [(customer, segment, name) for customer in members]
    connection = voucherify.airflow_connection(SHOP, "odd-token")
    monkeypatch.setenv("AIRFLOW_CONN_VOUCHERIFY_DEFAULT", json.dumps(connection))
    return sorted(rows)


def test_each_odd_id_gives_the_segments_of_its_own_customer(
    run_op: OperatorRunner, odd_shop: list[MembershipRow]
) -> None:
    with DAG("chained", schedule=None):
        choose = EmptyOperator(task_id="choose")
        pull = CustomerSegmentsOperator(
            task_id="pull", customers=choose.output, destination=XComRows(max_rows=len(odd_shop))
        )
    run_op.xcoms[TaskKey("chained", "run", "choose")] = {"return_value": [*IDS]}
    run = run_op(pull)
    assert membership_rows(run.rows) == odd_shop
    assert run.summary["found"] == len(IDS)


def test_odd_ids_of_a_query_are_rows_of_a_table(
    run_op: OperatorRunner, odd_shop: list[MembershipRow], warehouse: Warehouse
) -> None:
    warehouse.execute("CREATE TABLE customers (customer_id TEXT)")
    warehouse.execute("INSERT INTO customers VALUES (?)", [(customer,) for customer in IDS])
    pull = CustomerSegmentsOperator(
        task_id="pull",
        customers=CustomerQuery("SELECT customer_id FROM customers", conn_id="warehouse"),
        destination=WarehouseTable("customer_segments", conn_id="warehouse"),
    )
    assert run_op(pull).summary["found"] == len(IDS)
    assert sorted(warehouse.memberships()) == odd_shop


@pytest.mark.parametrize("refused", ["", ".", "..", "half \ud800 a pair", None, 1.5, True, ["nested"]], ids=repr)
def test_an_id_that_cannot_be_asked_for_is_refused_before_any_call(
    run_op: OperatorRunner, voucherify: Emulator, refused: object
) -> None:
    operator = CustomerSegmentsOperator(task_id="pull", customers=[])
    operator.customers = ["fine", refused]  # as a query or an upstream task may give it
    run = run_op(operator)
    assert run.state == "failed"
    assert isinstance(run.error, AirflowFailException)
    assert isinstance(run.error.__context__, InvalidCustomerId)
    assert str(run.error).startswith("customers[1]: ")
    assert voucherify.stats().requests == 0
