"""A run in a process of its own that kills itself at a chosen point; started by test_table_kill."""

from __future__ import annotations

import os
import signal
import sys

from sqlalchemy import Engine, create_engine, event

from airflow_provider_voucherify.api.models import Scope
from airflow_provider_voucherify.load.table import TableSink
from tests.load.runs import NOON, Warehouse, failed, found, page

CHUNKS = (
    [found("anna", "gold", "new"), found("bert", "gold")],
    [found("carl", "silver"), failed("dora")],
)

#: The same memberships as pages of segments, a call of the sink each.
PAGES = (
    [page("gold", "anna", number=1), page("new", "anna", is_last=True)],
    [page("gold", "bert", number=2, is_last=True), page("silver", "carl", is_last=True)],
)


def kill_at(engine: Engine, point: int) -> None:
    """Kill this process before the statement, or the commit, of that number."""
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        if seen == point:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1

    event.listen(engine, "before_cursor_execute", count)
    event.listen(engine, "commit", count)


class DoomedWarehouse(Warehouse):
    """A database whose client dies at a point; its engine counts."""

    point = 0

    def get_sqlalchemy_engine(self, engine_kwargs: dict[str, object] | None = None) -> Engine:
        """Return an engine that will kill."""
        engine = create_engine(self.url, **(engine_kwargs or {}))
        kill_at(engine, self.point)
        return engine


def write_chunks(sink: TableSink) -> None:
    """Load all chunks, as a retry that asks only for what is not done."""
    done = sink.done()
    for chunk in CHUNKS:
        sink.write([answer for answer in chunk if answer.customer_id not in done])


def write_pages(sink: TableSink) -> None:
    """Load all pages, as a retry that lists only what is not whole, and settle."""
    sink.write([failed("dora")])
    for pages in PAGES:
        walks = sink.walks()
        sink.write_pages([each for each in pages if not (walk := walks.get(each.segment.id)) or not walk.is_whole])
    sink.settle(["anna", "bert"], set(), NOON)
    sink.settle(["carl"], set(), NOON)


def main(url: str, point: int, *, by_pages: bool = False) -> None:
    """Load the run, in one of two ways, and publish it."""
    warehouse = DoomedWarehouse(url)
    warehouse.point = point
    sink = warehouse.sink()
    if sink.open() is None:
        (write_pages if by_pages else write_chunks)(sink)
        sink.finish(Scope())
    sink.close()
    print("whole")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
