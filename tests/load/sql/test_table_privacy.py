"""No customer id in the text, the attributes or the chain of an error, nor in a log."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from airflow_provider_voucherify.load.errors import LedgerLost, LoadError, StatementFailed
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.warehouse.driver_errors import leave_values_out_of_logs
from tests.load.runs import TABLE, Warehouse, failed, found, identity, no_segment, unknown

SECRET = "hidden@example.com"


def _everything(error: BaseException | None) -> str:
    if error is None:
        return ""
    return "\n".join(
        [str(error), repr(error), repr(vars(error)), _everything(error.__cause__), _everything(error.__context__)]
    )


def _refused(act: Callable[[], object]) -> LoadError:
    with pytest.raises(LoadError) as refusal:
        act()
    assert SECRET not in _everything(refusal.value)
    return refusal.value


def _written(warehouse: Warehouse) -> TableSink:
    sink = warehouse.sink_opened()
    sink.write([found(SECRET, "gold"), found(f"second-{SECRET}", "gold")])
    return sink


def test_a_broken_constraint(warehouse: Warehouse) -> None:
    if warehouse.url.startswith(("bigquery", "databricks", "snowflake")):
        pytest.skip("no key is enforced there")
    warehouse.load(found("anna", "gold"), run=identity("monday"))
    sink = _written(warehouse)
    warehouse.execute(f"create unique index one_customer_each on {TABLE} (segment_id)")

    error = _refused(sink.finish)
    assert isinstance(error, StatementFailed)

    assert "IntegrityError" in str(error)
    # What DuckDB and MySQL say of it quotes the key's values, so it is left out.
    known = ("one_customer_each", f"{TABLE}.segment_id", "ConstraintException", "1062")
    assert any(words in str(error) for words in known)
    assert error.sqlstate in ("23505", "23000", None)


def test_a_value_the_column_cannot_take(postgres_warehouse: Warehouse) -> None:
    postgres_warehouse.execute(
        f"create table {TABLE} (customer_id varchar(5), segment_id text, segment_name text, observed_at timestamptz)"
    )

    error = _refused(_written(postgres_warehouse).finish)
    assert isinstance(error, StatementFailed)
    assert error.sqlstate == "22001"
    assert "value too long for type character varying(5)" in str(error)


@pytest.mark.parametrize("sqlstate", ["P0001", "23514"])
def test_a_trigger_that_quotes_the_row(postgres_warehouse: Warehouse, sqlstate: str) -> None:
    postgres_warehouse.load()
    postgres_warehouse.execute(
        "create function refuse() returns trigger language plpgsql as "
        f"$$ begin raise exception 'no % here', new.customer_id using errcode = '{sqlstate}'; end $$"
    )
    postgres_warehouse.execute(
        f"create trigger refusal before insert on {TABLE} for each row execute function refuse()"
    )

    error = _refused(_written(postgres_warehouse).finish)
    assert isinstance(error, StatementFailed)
    assert error.sqlstate == sqlstate


@pytest.mark.parametrize("poison", ["\x00", "\ud800"])
def test_an_id_that_cannot_be_stored(warehouse: Warehouse, poison: str) -> None:
    sink = warehouse.sink_opened()

    _refused(lambda: sink.write([found("anna", "gold"), found(SECRET + poison, "gold")]))

    assert sink.done() == set()


def test_a_ledger_that_is_gone(warehouse: Warehouse) -> None:
    sink = _written(warehouse)
    for name in warehouse.ledgers():
        warehouse.execute(f"drop table {name}")

    with pytest.raises(LedgerLost) as refusal:
        sink.write([found(f"third-{SECRET}", "gold")])
    assert SECRET not in _everything(refusal.value)


def test_a_server_that_is_gone(tmp_path: object) -> None:
    sink = Warehouse(f"postgresql+psycopg://nobody@/nothing?host={tmp_path}").sink()

    assert "connection" in str(_refused(sink.open))


def test_logs_have_counts_only(warehouse: Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        sink = warehouse.sink_opened()
        sink.write([found(SECRET, "gold"), failed(f"f{SECRET}"), no_segment(f"n{SECRET}"), unknown(f"u{SECRET}")])
        retry = warehouse.sink_opened()
        retry.record_failures()
        retry.finish()
        retry.close()

    assert SECRET not in caplog.text
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("airflow_provider_voucherify")]
    assert ours == [
        f"Starting afresh for {TABLE}: nothing of this run is stored yet",
        f"Resuming the run for {TABLE} begun at 2026-01-31 12:00:00+00:00: 3 customers answered",
        f"Recorded 1 failed customers in {TABLE}_failures",
        f"Published to {TABLE}: 1 memberships of 1 customers, 1 in no segment, 1 unknown, 1 failed",
    ]


@pytest.mark.parametrize(
    ("driver", "line"),
    [
        ("databricks.sql.client", "Cursor.execute(operation=%s, parameters=%s)"),
        ("snowflake.connector.cursor", "binding: [%s] with input=[%s]"),
    ],
)
def test_a_driver_that_is_debugged_logs_no_values(caplog: pytest.LogCaptureFixture, driver: str, line: str) -> None:
    leave_values_out_of_logs()
    with caplog.at_level(logging.DEBUG, logger=driver):
        logging.getLogger(driver).debug(line, "SELECT 1", "jo.doe@example.com")
        logging.getLogger(driver).debug("connected")
    assert [record.getMessage() for record in caplog.records] == ["connected"]
