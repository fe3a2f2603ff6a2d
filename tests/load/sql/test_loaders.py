"""Rows into staging as drivers take them: values come out as they went in, by COPY with either driver of PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from airflow_provider_voucherify.api.models import CustomerAnswer, Outcome, Segment
from airflow_provider_voucherify.load.errors import LoadError
from airflow_provider_voucherify.warehouse.column_types import SqliteTexts, utc_time
from tests.load.runs import NOON, TABLE, Warehouse, failed, found

ODD = [
    "tab\there",
    "line\nbreak",
    "return\rhere",
    "back\\slash",
    r"\N",
    r"\.",
    "",
    "NULL",
    "żółw 🦊",
    "%s",
    '"',
    "\x7f",
]


@pytest.fixture(params=["psycopg", "psycopg2"])
def copying_warehouse(postgres_warehouse: Warehouse, request: pytest.FixtureRequest) -> Warehouse:
    """A PostgreSQL database, reached with one driver after the other."""
    return Warehouse(postgres_warehouse.url.replace("+psycopg:", f"+{request.param}:"))


def test_odd_values_survive(copying_warehouse: Warehouse) -> None:
    sink = copying_warehouse.sink_opened()
    answers = [CustomerAnswer(value, NOON, Outcome.FOUND, (Segment(f"id {value}", f"name {value}"),)) for value in ODD]
    sink.write([*answers, failed("reason", "\t\\\n")])

    assert sink.done() == set(ODD)
    assert sink.failed(limit=1) == [failed("reason", "\t\\\n")]
    sink.finish()
    rows = copying_warehouse.query(f"select customer_id, segment_id, segment_name, observed_at from {TABLE}")
    assert sorted(rows, key=str) == sorted([(v, f"id {v}", f"name {v}", NOON) for v in ODD], key=str)


def test_a_refused_chunk_leaves_nothing_and_quotes_nobody(copying_warehouse: Warehouse) -> None:
    sink = copying_warehouse.sink_opened()

    with pytest.raises(LoadError) as refusal:
        sink.write([found("anna", "gold"), found("hidden@example.com\x00", "gold")])

    assert "hidden" not in str(refusal.value)
    assert sink.done() == set()


_SECONDS = st.sampled_from([datetime(1, 1, 1, tzinfo=UTC), NOON, NOON + timedelta(seconds=1), NOON + timedelta(days=1)])
_MOMENTS = st.one_of(
    st.builds(lambda second, micros: second + timedelta(microseconds=micros), _SECONDS, st.integers(0, 2_000_000)),
    st.datetimes(timezones=st.just(UTC)),
)


@given(st.lists(_MOMENTS))
def test_sqlites_texts_for_moments_are_sqlalchemys(moments: list[datetime]) -> None:
    convert = utc_time().dialect_impl(sqlite.dialect()).bind_processor(sqlite.dialect())
    assert convert is not None
    twice = [moment for moment in moments for _ in range(2)]
    assert SqliteTexts().of_all(twice) == [convert(moment) for moment in twice]
