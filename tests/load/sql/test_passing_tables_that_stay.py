"""Where no temporary tables may be made, those a run passes through are beside the target until they are removed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection, Dialect

from airflow_provider_voucherify.load.errors import TooFewMemberships
from airflow_provider_voucherify.load.sql import passing
from airflow_provider_voucherify.load.sql.passing import PassingTables
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.load.sql.target import Target
from airflow_provider_voucherify.warehouse import traits
from tests.load.runs import Warehouse, found, identity

#: Names of passing tables have as much of a target's, those of ledgers some letters more.
LONG = "t" * 41


@pytest.fixture
def warehouse(sqlite_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """A database that has no temporary tables."""

    def traits_without_temporary(dialect: Dialect) -> traits.Traits:
        return replace(traits.traits_of(dialect), temporary="until removed")

    monkeypatch.setattr(passing, "traits_of", traits_without_temporary)
    return sqlite_warehouse


def passing_tables(warehouse: Warehouse) -> list[str]:
    return [name for name in warehouse.tables() if "__members_" in name or "__answers_" in name]


def leave_loaded(warehouse: Warehouse, table: str) -> None:
    """Let a run stop between the load of its rows and their publication."""
    warehouse.load(found("anna", "gold"), found("bert", "gold"), run=identity("first"), table=table)
    sink = TableSink(warehouse, table, "merge", identity("second"), warehouse.clock, min_ratio_to_previous=1)
    assert sink.open() is None
    sink.write([found("anna"), found("bert")])
    with pytest.raises(TooFewMemberships):
        sink.finish()
    assert len(passing_tables(warehouse)) == 2


def test_a_run_into_a_target_whose_name_begins_alike_leaves_them_alone(warehouse: Warehouse) -> None:
    leave_loaded(warehouse, f"{LONG}_one")

    warehouse.load(found("carla", "gold"), run=identity("third"), table=f"{LONG}_two")

    assert len(passing_tables(warehouse)) == 2


def test_they_go_with_the_run_that_made_them(warehouse: Warehouse) -> None:
    leave_loaded(warehouse, f"{LONG}_one")

    warehouse.load(found("anna", "gold"), run=identity("second", fingerprint="other"), table=f"{LONG}_one")

    assert passing_tables(warehouse) == []


def test_no_try_replaces_them_while_another_publishes(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    did: list[str] = []
    lock, remove = Target.lock, PassingTables.remove

    def see_lock(self: Target, connection: Connection) -> None:
        did.append("lock")
        lock(self, connection)

    def see_remove(self: PassingTables, connection: Connection) -> None:
        did.append("replace")
        remove(self, connection)

    monkeypatch.setattr(Target, "lock", see_lock)
    monkeypatch.setattr(PassingTables, "remove", see_remove)
    warehouse.load(found("anna", "gold"))

    assert did[:2] == ["lock", "replace"]
