"""PostgreSQL's ledgers get their key only when somebody has to be looked up; nothing is held twice all the same."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from airflow_provider_voucherify.api.models import Scope
from airflow_provider_voucherify.load.errors import LedgerLost
from airflow_provider_voucherify.load.sql.statements import create_key, staging_table
from airflow_provider_voucherify.warehouse.write_lock import lock_for_writing
from tests.load.runs import NOON, TABLE, Warehouse, found, page

LATER = NOON + timedelta(minutes=5)


def keys(warehouse: Warehouse) -> list[str]:
    """Return which keys the ledger has: of few rows, of all."""
    rows = warehouse.query("select indexname from pg_indexes where tablename like '%__run_%' order by 1")
    return [str(name).rpartition("_")[2] for (name,) in rows]


def test_a_try_that_repeats_nobody_makes_no_key(postgres_warehouse: Warehouse) -> None:
    sink = postgres_warehouse.sink_opened()
    sink.write([found("anna", "gold")])
    sink.write_pages([page("new", "bert", is_first=True), page("new", "carl", number=2, is_last=True)])
    sink.settle(["bert", "carl"], set(), NOON)
    assert keys(postgres_warehouse) == ["few"]
    assert sink.finish().memberships == 3


def test_a_customer_answered_again_is_looked_up(postgres_warehouse: Warehouse) -> None:
    sink = postgres_warehouse.sink_opened()
    sink.write([found("anna", "gold"), found("bert", "gold")])
    sink.write([found("anna", "new")])
    assert keys(postgres_warehouse) == ["all", "few"]
    sink.finish()
    assert postgres_warehouse.memberships() == [("anna", "seg_new"), ("bert", "seg_gold")]


def test_a_try_left_behind_cannot_write_what_its_retry_holds(postgres_warehouse: Warehouse) -> None:
    left_behind = postgres_warehouse.sink_opened()
    left_behind.write([found("anna", "gold")])
    retry = postgres_warehouse.sink_opened()
    retry.write([found("bert", "gold")])
    retry.write_pages([page("new", "carl", is_first=True)])
    with pytest.raises(LedgerLost):
        left_behind.write([found("bert", "new")])
    with pytest.raises(LedgerLost):
        left_behind.write_pages([page("new", "carl", number=2)])
    retry.settle(["carl"], set(), NOON)
    assert retry.finish(Scope()).memberships == 3


def test_members_a_killed_try_held_twice_are_held_once_by_its_retry(postgres_warehouse: Warehouse) -> None:
    killed = postgres_warehouse.sink_opened()
    killed.write_pages([page("gold", "anna", "bert", is_first=True)])
    killed.write_pages([page("gold", "bert", number=2, at=LATER)])
    retry = postgres_warehouse.sink_opened()
    assert keys(postgres_warehouse) == ["all", "few"]
    retry.write_pages([page("gold", "carl", number=3, is_last=True, at=LATER)])
    retry.settle(["anna", "bert", "carl"], set(), LATER)
    assert retry.finish().memberships == 3
    rows = postgres_warehouse.query(f"select customer_id, observed_at from {TABLE} order by 1")
    assert rows == [("anna", NOON), ("bert", LATER), ("carl", LATER)]


def test_the_header_is_found_without_reading_the_ledger(postgres_warehouse: Warehouse) -> None:
    sink = postgres_warehouse.sink_opened()
    sink.write([found(f"customer-{number}", "gold", "new") for number in range(3_000)])
    (ledger,) = postgres_warehouse.ledgers()
    plan = postgres_warehouse.query(f"explain select detail from {ledger} where kind::varchar = 'header'::varchar")
    assert "_few" in str(plan)


def test_a_retry_waits_for_the_key_the_server_still_makes_for_a_killed_try(postgres_warehouse: Warehouse) -> None:
    killed = postgres_warehouse.sink_opened()
    killed.write([found("anna", "gold")])
    (name,) = postgres_warehouse.ledgers()
    ledger = staging_table(name, None, with_key=False)
    engine = postgres_warehouse.get_sqlalchemy_engine()
    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as session:
            lock_for_writing(session, ledger)
            session.execute(create_key(ledger))
            retry = pool.submit(postgres_warehouse.sink_opened)
            waiting = "select count(*) from pg_locks where not granted"
            while postgres_warehouse.query(waiting) == [(0,)] and not retry.done():
                time.sleep(0.01)
            assert not retry.done()
        assert retry.result(timeout=10).done() == {"anna"}
    engine.dispose()
    assert keys(postgres_warehouse) == ["all", "few"]
