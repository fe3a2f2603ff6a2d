"""What a ledger asks of the database: nothing that is known already, and one row for a chunk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event

from tests.load.runs import Warehouse, failed, found, no_segment, page


@contextmanager
def statements_made() -> Iterator[list[str]]:
    """Yield the statements made meanwhile, on any database."""
    made: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        made.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield made
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def test_a_run_is_asked_what_it_holds_without_a_statement(warehouse: Warehouse) -> None:
    warehouse.sink_opened().write([found("anna", "gold"), failed("bert")])
    sink = warehouse.sink_opened()
    sink.write_pages([page("gold", "carl")])
    with statements_made() as made:
        assert (sink.done(), sink.failed_count(), sink.failed(9)) == ({"anna"}, 1, [failed("bert")])
        assert sink.walks().keys() == {"seg_gold"}
        assert set(sink.unlisted({"carl", "dora"})) == {"dora"}
    assert made == []


def test_a_chunk_is_a_look_and_an_insert(warehouse: Warehouse) -> None:
    sink = warehouse.sink_opened()
    sink.write([no_segment("first")])
    with statements_made() as made:
        sink.write([found(f"customer-{number}", "gold", "new") for number in range(300)])
    transactions = ("BEGIN", "SET SESSION", "COMMIT")
    assert [one.split()[0] for one in made if not one.startswith(transactions)] == ["SELECT", "INSERT"]


def test_a_long_ledger_is_read_back_in_few_statements(warehouse: Warehouse) -> None:
    sink = warehouse.sink_opened()
    for number in range(200):
        sink.write([found(f"customer-{number}", "gold")])
    with statements_made() as made:
        retry = warehouse.sink_opened()
    assert len(retry.done()) == 200
    assert sum("packed" in one and "SELECT" in one for one in made) < 12
