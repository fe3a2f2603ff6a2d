"""What is read of the ledger: nothing that is known already, since each reading is a connection of its own."""

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


def test_a_ledger_just_begun_is_not_read_before_something_is_written(warehouse: Warehouse) -> None:
    sink = warehouse.sink_opened()
    with statements_made() as made:
        assert (sink.done(), sink.walks(), sink.failed_count(), sink.failed(9)) == (set(), {}, 0, [])
    assert made == []

    sink.write_pages([page("gold", "carl")])
    sink.write([found("anna", "gold"), failed("bert")])

    assert (sink.done(), sink.failed_count(), sink.failed(9)) == ({"anna"}, 1, [failed("bert")])
    assert sink.walks().keys() == {"seg_gold"}


def test_who_is_done_is_read_once_until_something_is_written(warehouse: Warehouse) -> None:
    warehouse.sink_opened().write([found("anna", "gold"), failed("bert")])
    sink = warehouse.sink_opened()

    assert sink.done() == {"anna"}
    with statements_made() as made:
        assert sink.done() == {"anna"}
    assert made == []

    sink.write([no_segment("bert")])
    assert sink.done() == {"anna", "bert"}
    sink.forget({"anna"})
    assert sink.done() == {"bert"}
