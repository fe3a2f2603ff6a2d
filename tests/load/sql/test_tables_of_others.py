"""Tables of somebody else that have the names of those beside the target: refused before any call, left as they are."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, Insert

from airflow_provider_voucherify.ledger.logs.table import log_table
from airflow_provider_voucherify.load.destinations import WriteMode
from airflow_provider_voucherify.load.errors import TableUnfit
from airflow_provider_voucherify.warehouse.database import Database
from airflow_provider_voucherify.warehouse.table_names import log_name
from tests.load.runs import NOON, TABLE, Warehouse, failed, found, identity

OWN_LOG = log_name(TABLE, TABLE, identity().key)
OTHERS_LOG = f"{TABLE}__run_0123456789ab"


@pytest.mark.parametrize(
    ("suffix", "columns", "problem"),
    [
        ("failures", "run_key {id}, customer_id {id}, reason {id}", "lacks observed_at"),
        ("failures", "note {id}, ticket {id}", "lacks run_key, customer_id, reason, observed_at and has note, ticket"),
        ("failures", "run_key {id}, customer_id {id}, reason {id}, observed_at timestamp, job {id}", "has job"),
        ("failures", "run_key {id}, customer_id {id}, reason {id}, observed_at {id}", "has other types in observed_at"),
        ("runs", "id {id}, status {id}", "lacks as_of, segment_id and has id, status"),
        ("runs", "as_of timestamp, segment_id {id}, status {id}", "has status"),
        ("runs", "as_of {id}, segment_id {id}", "has other types in as_of"),
    ],
)
def test_a_table_of_others_beside_the_target_is_refused(
    warehouse: Warehouse, suffix: str, columns: str, problem: str
) -> None:
    write: WriteMode = "history" if suffix == "runs" else "merge"
    warehouse.execute(f"create table {TABLE}_{suffix} ({columns.format(id=warehouse.id_type)})")
    warehouse.execute(f"insert into {TABLE}_{suffix} select {', '.join(['null'] * (columns.count(',') + 1))}")

    with pytest.raises(TableUnfit, match=f"{TABLE}_{suffix} exists but {problem}, so it is none of ours"):
        warehouse.sink(write, identity(as_of=NOON)).open()

    assert warehouse.tables() == {f"{TABLE}_{suffix}"}
    assert warehouse.query(f"select count(*) from {TABLE}_{suffix}") == [(1,)]


def test_tables_of_ours_beside_the_target_are_taken(warehouse: Warehouse) -> None:
    for customer in ("anna", "bert"):
        warehouse.load(found("carl", "gold"), failed(customer), write="history", run=identity(customer, as_of=NOON))

    assert sorted(warehouse.query(f"select customer_id from {TABLE}_failures")) == [("anna",), ("bert",)]


def test_a_table_named_runs_is_no_matter_where_no_history_is_written(warehouse: Warehouse) -> None:
    warehouse.execute(f"create table {TABLE}_runs (status {warehouse.id_type})")

    warehouse.load(found("anna", "gold"))

    assert warehouse.tables() == {TABLE, f"{TABLE}_runs", f"{TABLE}__marks"}


def _execute(statement: Insert, connection: Connection) -> None:
    connection.execute(statement)


@pytest.mark.parametrize("packed", [None, b"somebody else's", b"{}", b'{"number": 7}', b"[]"])
def test_a_table_that_looks_like_a_ledger_is_neither_dropped_nor_written_to(
    warehouse: Warehouse, packed: bytes | None
) -> None:
    for name in (OWN_LOG, OTHERS_LOG):
        log = log_table(name, None)
        texts = dict.fromkeys(("kind", "log", "writer", "target", "run"), "")
        numbers = dict.fromkeys(("number", "part", "try_number", "customers", "members"), 0)
        row = {**texts, **numbers, "written_at": NOON, "packed": packed or b""}
        written = log.insert().values(row | {"kind": "piece" if packed is None else "opening"})
        Database(warehouse).write("make a table", log.create)
        Database(warehouse).write("write a row", partial(_execute, written))

    with pytest.raises(TableUnfit, match=f"{OWN_LOG} has the name of this run's ledger and is none of ours"):
        warehouse.sink().open()
    warehouse.clock.advance(timedelta(days=30))
    warehouse.load(found("anna", "gold"), run=identity("next"))

    for name in (OWN_LOG, OTHERS_LOG):
        assert warehouse.query(f"select count(*) from {name}") == [(1,)]


@pytest.mark.parametrize("columns", ["note {id}", "kind {id}, packed {id}"])
def test_a_table_with_the_name_of_a_ledger_and_other_columns_stays(warehouse: Warehouse, columns: str) -> None:
    for name in (OWN_LOG, OTHERS_LOG):
        warehouse.execute(f"create table {name} ({columns.format(id=warehouse.id_type)})")

    with pytest.raises(TableUnfit, match="has the name of this run's ledger"):
        warehouse.sink().open()
    warehouse.load(found("anna", "gold"), run=identity("next"))

    assert warehouse.tables() >= {OWN_LOG, OTHERS_LOG}


def test_a_ledger_without_rows_is_one_whose_first_row_was_never_written(warehouse: Warehouse) -> None:
    Database(warehouse).write("make a table", log_table(OWN_LOG, None).create)

    warehouse.load(found("anna", "gold"))

    assert warehouse.tables() == {TABLE, f"{TABLE}__marks"}
