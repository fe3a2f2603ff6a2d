"""Who is asked about."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from enum import Enum
from uuid import UUID

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_voucherify.api.calls.reads import get_customer_segments
from airflow_provider_voucherify.api.errors import InvalidCustomerId, InvalidCustomers
from airflow_provider_voucherify.pull.customers.sources import (
    Cursor,
    CustomerQuery,
    EnteredSegment,
    distinct_ids,
    ids_from_text,
)


class Database:
    """Runs queries on SQLite as Airflow's hook does."""

    def __init__(self, rows: Sequence[tuple[object, ...]]) -> None:
        self._connection = sqlite3.connect(":memory:")
        self._connection.execute("create table customers (id, brand)")
        self._connection.executemany("insert into customers values (?, ?)", rows)

    def gives_dicts(self) -> None:
        """Make rows dicts, as some cursors do."""
        self._connection.row_factory = lambda cursor, row: dict(
            zip([column[0] for column in cursor.description], row, strict=True)
        )

    def run(
        self,
        sql: str,
        *,
        parameters: Mapping[str, object] | Sequence[object] | None,
        handler: Callable[[Cursor], None],
    ) -> object:
        for statement in sql.split(";"):  # as hooks do that split what they run
            handler(self._connection.execute(statement, tuple(parameters or ())))
        return None


def test_ids_are_distinct_and_keep_their_order() -> None:
    assert distinct_ids(["b", "a", "b", "007", 7, 7]) == ["b", "a", "007", "7"]


def test_members_of_an_enum_are_their_values() -> None:
    class Named(str, Enum):  # noqa: UP042 - a StrEnum says its value by itself
        ANNA = "customer-1"

    class Numbered(int, Enum):
        BERT = 7

    ids = distinct_ids([Named.ANNA, Numbered.BERT])
    assert [(type(one), one) for one in ids] == [(str, "customer-1"), (str, "7")]
    assert get_customer_segments(Named.ANNA).request.target == "/v1/customers/customer-1/segments"


def test_case_and_space_make_another_customer() -> None:
    assert distinct_ids(["A@x.com", "a@x.com", " a@x.com"]) == ["A@x.com", "a@x.com", " a@x.com"]


def test_refused_ids_are_counted_and_placed_but_good_ones_not_named() -> None:
    with pytest.raises(InvalidCustomerId) as refused:
        distinct_ids(["jane@x.com", "..", None, 3.5, True, "", "bob@x.com"])
    message = str(refused.value)
    assert "customers[1]" in message
    assert "customers[2]" in message
    assert "is NoneType; leave NULLs out" in message
    assert "(and 2 more)" in message
    assert "@x.com" not in message


@given(st.lists(st.one_of(st.text(max_size=2), st.sampled_from(["", ".", "..", "\0", 7, None, UUID(int=7)]))))
def test_many_ids_are_taken_as_each_by_itself(values: list[object]) -> None:
    plain, refused = list[str](), 0
    for value in values:
        try:
            plain += distinct_ids([value])
        except InvalidCustomerId:
            refused += 1
    try:
        assert distinct_ids(values) == list(dict.fromkeys(plain))
    except InvalidCustomerId:
        assert refused
    else:
        assert not refused


@pytest.mark.parametrize("row", [["a"], ("a", 1), {"id": "a"}], ids=str)
def test_rows_in_place_of_ids_are_refused(row: object) -> None:
    with pytest.raises(InvalidCustomerId, match=r"customers\[0\]: .* write the ids alone, not rows that hold them"):
        distinct_ids([row])


def test_texts_without_commas_are_not_taken_for_one_id() -> None:
    assert ids_from_text("['a', 'b']") == ids_from_text('["a", "b"]') == ["a", "b"]
    for text in ("['a' 'b']", "['a'\n 'b']", "{[1]}", "[" * 10_000):
        with pytest.raises(InvalidCustomers, match="holds no list"):
            ids_from_text(text)


def test_rows_may_be_dicts() -> None:
    database = Database([("a", "shoes"), ("b", "hats")])
    database.gives_dicts()
    assert list(CustomerQuery("select id, brand from customers", "warehouse").read(database)) == ["a", "b"]


def test_a_query_reads_its_first_column() -> None:
    database = Database([(f"customer-{number}", "shoes") for number in range(25_000)] + [("other", "hats")])
    query = CustomerQuery("select id, brand from customers where brand = ?", "warehouse", ["shoes"])
    assert list(query.read(database)) == [f"customer-{number}" for number in range(25_000)]


def test_a_query_of_several_statements_gives_the_ids_of_all() -> None:
    database = Database([("anna", "shoes"), ("bert", "hats")])
    query = CustomerQuery("select id from customers where brand = 'hats'; select id from customers", "warehouse")
    assert list(query.read(database)) == ["bert", "anna"]


@pytest.mark.parametrize("arguments", [("", "warehouse"), ("select 1", ""), (None, "warehouse")])
def test_an_incomplete_query_says_what_to_write(arguments: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r'write CustomerQuery\("select'):
        CustomerQuery(*arguments)


@pytest.mark.parametrize("text", ['["a", "b"]', "['a', 'b']", "('a', 'b')"])
def test_a_rendered_template_is_read_as_a_list(text: str) -> None:
    assert ids_from_text(text) == ["a", "b"]


@pytest.mark.parametrize("text", ["None", "a, b", "", '{"a": 1}', "__import__('os')"])
def test_a_rendered_template_without_a_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="holds no list"):
        ids_from_text(text)


@pytest.mark.parametrize("value", ["a" * 6_001, "é" * 1_001, "%" * 2_001], ids=["plain", "accents", "percents"])
def test_an_id_no_address_has_room_for_is_refused(value: str) -> None:
    with pytest.raises(InvalidCustomerId, match=r"customers\[1\]: a customer id has .* no address has room for"):
        distinct_ids(["a", value])
    assert distinct_ids(["a", value[:1_000]]) == ["a", value[:1_000]]


@pytest.mark.parametrize(
    "since",
    ["0001-01-01T00:00:00+02:00", "9999-12-31T23:59:59-01:00", "NaT", pd.NaT, 20260101, date(2026, 1, 1)],
    ids=repr,
)
def test_a_moment_that_is_none_is_refused(since: object) -> None:
    with pytest.raises(InvalidCustomers, match=r"since is .*, which is no moment"):
        EnteredSegment("history", "VIP", "warehouse", as_of="2026-01-01", since=since).dates()  # type: ignore[arg-type]
