"""What the connection's user may do is looked at before any call, not when everything was asked for."""

from __future__ import annotations

import pytest

from airflow_provider_voucherify.load.destinations import TableName, WriteMode
from airflow_provider_voucherify.load.errors import TableUnfit
from airflow_provider_voucherify.load.sql.outcome_table import OutcomeTableLedger
from tests.load.runs import NOON, TABLE, Warehouse, failed, found, identity

WHOLE = "select, insert, update, delete"


def run(write: WriteMode) -> tuple[WriteMode, str]:
    """Return a case: a write mode, and what it needs of its table."""
    return write, WHOLE if write == "history" else "select, insert, delete"


@pytest.fixture
def loader(postgres_warehouse: Warehouse) -> Warehouse:
    """A user who may create tables, and has no right yet in those of others."""
    name = f"Loader of {postgres_warehouse.query('select current_database()')[0][0]}"
    postgres_warehouse.execute(f'create role "{name}" login')
    postgres_warehouse.execute(f'grant create, usage on schema public to "{name}"')
    return Warehouse(postgres_warehouse.url.replace("postgres@", f"{name.replace(' ', '%20')}@"))


def user_of(loader: Warehouse) -> str:
    return str(loader.query("select quote_ident(current_user)")[0][0])


@pytest.mark.parametrize(("write", "needed"), [run("merge"), run("replace"), run("append"), run("history")])
def test_a_missing_right_is_told_before_anything_is_asked_with_the_statement_that_grants_it(
    postgres_warehouse: Warehouse, loader: Warehouse, write: WriteMode, needed: str
) -> None:
    postgres_warehouse.load(found("anna", "gold"), failed("bert"), write=write, run=identity("first", as_of=NOON))
    user = user_of(loader)
    second = identity("second", as_of=NOON)

    for right in needed.split(", "):
        for suffix in ("", "_failures", "__marks", *(("_runs",) if write == "history" else ())):
            postgres_warehouse.execute(f"grant {WHOLE} on {TABLE}{suffix} to {user}")
        postgres_warehouse.execute(f"revoke {right} on {TABLE} from {user}")
        with pytest.raises(TableUnfit, match=rf"may not {right.upper()} in {TABLE}, .*:\nGRANT") as refusal:
            loader.sink(write, second).open()
        assert loader.ledgers() == set()
        postgres_warehouse.execute(str(refusal.value).splitlines()[1])

    loader.load(found("carla", "gold"), failed("bert"), write=write, run=second)
    assert ("carla", "seg_gold") in postgres_warehouse.memberships()


def test_so_is_one_in_a_table_with_a_percent_sign_in_its_name(postgres_warehouse: Warehouse, loader: Warehouse) -> None:
    postgres_warehouse.load(found("anna", "gold"), table="per%cent")
    user = user_of(loader)
    for suffix, rights in (("", "select, delete"), ("__marks", WHOLE)):
        postgres_warehouse.execute(f'grant {rights} on "per%cent{suffix}" to {user}')

    with pytest.raises(TableUnfit, match=r'may not INSERT in per%cent, .*:\nGRANT INSERT ON "per%cent" TO') as refusal:
        loader.sink(table="per%cent").open()
    postgres_warehouse.execute(str(refusal.value).splitlines()[1])
    loader.load(found("bert", "gold"), run=identity("second"), table="per%cent")


@pytest.mark.parametrize(("suffix", "write"), [("_failures", "merge"), ("_runs", "history")])
def test_so_is_one_in_the_tables_beside_it(
    postgres_warehouse: Warehouse, loader: Warehouse, suffix: str, write: WriteMode
) -> None:
    postgres_warehouse.load(found("anna", "gold"), failed("bert"), write=write, run=identity("first", as_of=NOON))
    postgres_warehouse.execute(f"grant {WHOLE} on {TABLE} to {user_of(loader)}")

    with pytest.raises(TableUnfit, match=rf"may not SELECT, INSERT.* in {TABLE}(_failures|{suffix}),"):
        loader.sink(write, identity("second", as_of=NOON)).open()


def test_rights_in_the_columns_of_a_run_are_enough_but_for_delete(
    postgres_warehouse: Warehouse, loader: Warehouse
) -> None:
    postgres_warehouse.load(found("anna", "gold"))
    columns = "(customer_id, segment_id, segment_name, observed_at)"
    user = user_of(loader)
    postgres_warehouse.execute(f"grant select {columns}, insert {columns}, delete on {TABLE} to {user}")
    postgres_warehouse.execute(f"grant {WHOLE} on {TABLE}__marks to {user}")

    loader.load(found("bert", "gold"), run=identity("second"))

    assert postgres_warehouse.memberships() == [("anna", "seg_gold"), ("bert", "seg_gold")]


def test_a_table_of_outcomes_is_looked_at_before_a_voucher_is_published(
    postgres_warehouse: Warehouse, loader: Warehouse
) -> None:
    OutcomeTableLedger(postgres_warehouse, TableName.parse("publications")).open([])
    postgres_warehouse.execute(f"grant select, insert on publications to {user_of(loader)}")

    with pytest.raises(TableUnfit, match=r"may not DELETE in publications, .*:\nGRANT DELETE ON publications TO"):
        OutcomeTableLedger(loader, TableName.parse("publications")).open([])
