"""Tables of somebody else that have the names of those beside the target: refused before any call, left as they are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_voucherify.load.destinations import WriteMode
from airflow_provider_voucherify.load.errors import TableUnfit
from airflow_provider_voucherify.load.sql import statements
from airflow_provider_voucherify.load.sql.staging_name import staging_name
from tests.load.runs import NOON, TABLE, Warehouse, failed, found, identity

OWN_STAGING = staging_name(TABLE, TABLE, identity().key)
OTHERS_STAGING = f"{TABLE}__run_0123456789ab"


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


@pytest.mark.parametrize("detail", [None, "somebody else's", "{}", '{"summary": 7}', "[]"])
def test_a_table_that_looks_like_a_ledger_is_neither_dropped_nor_written_to(
    warehouse: Warehouse, detail: str | None
) -> None:
    for name in (OWN_STAGING, OTHERS_STAGING):
        staging = statements.staging_table(name, None)
        row = {column.name: "" for column in staging.columns} | {"observed_at": NOON}
        with warehouse.get_sqlalchemy_engine().begin() as connection:
            staging.create(connection, checkfirst=False)
            connection.execute(
                staging.insert(), [{**row, "kind": "answer" if detail is None else "header", "detail": detail or ""}]
            )

    with pytest.raises(TableUnfit, match=f"{OWN_STAGING} has the name of this run's ledger and is none of ours"):
        warehouse.sink().open()
    warehouse.clock.advance(timedelta(days=30))
    warehouse.load(found("anna", "gold"), run=identity("next"))

    for name in (OWN_STAGING, OTHERS_STAGING):
        assert warehouse.query(f"select count(*) from {name}") == [(1,)]


@pytest.mark.parametrize("columns", ["note {id}", "kind {id}, detail {id}"])
def test_a_table_with_the_name_of_a_ledger_and_other_columns_stays(warehouse: Warehouse, columns: str) -> None:
    for name in (OWN_STAGING, OTHERS_STAGING):
        warehouse.execute(f"create table {name} ({columns.format(id=warehouse.id_type)})")

    with pytest.raises(TableUnfit, match="has the name of this run's ledger"):
        warehouse.sink().open()
    warehouse.load(found("anna", "gold"), run=identity("next"))

    assert warehouse.tables() >= {OWN_STAGING, OTHERS_STAGING}


def test_a_ledger_without_rows_is_one_whose_first_row_was_never_written(warehouse: Warehouse) -> None:
    with warehouse.get_sqlalchemy_engine().begin() as connection:
        statements.staging_table(OWN_STAGING, None).create(connection, checkfirst=False)

    warehouse.load(found("anna", "gold"))

    assert warehouse.tables() == {TABLE, f"{TABLE}__marks"}
