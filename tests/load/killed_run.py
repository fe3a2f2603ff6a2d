"""A run in a process of its own that kills itself at a chosen point; started by test_table_kill."""

from __future__ import annotations

import os
import signal
import sys

from sqlalchemy import Engine, event

from airflow_provider_voucherify.api.models import Scope
from airflow_provider_voucherify.load.sql.sink import TableSink
from tests.load.runs import NOON, Warehouse, engine_of, failed, found, page
from tests.stand_ins.redshift import refuse_what_it_lacks

CHUNKS = (
    [found("anna", "gold", "new"), found("bert", "gold")],
    [found("carl", "silver"), failed("dora")],
)

#: The same memberships as pages of segments, a call of the sink each.
PAGES = (
    [page("gold", "anna", number=1), page("new", "anna", is_last=True)],
    [page("gold", "bert", number=2, is_last=True), page("silver", "carl", is_last=True)],
)


class DoomedWarehouse(Warehouse):
    """A database whose client kills its own process before the statement, or the commit, of a number."""

    point = 0
    seen = 0

    def die_after(self, statements: int) -> None:
        """Die when so many more statements were made."""
        self.point = self.seen + statements

    def get_sqlalchemy_engine(self, engine_kwargs: dict[str, object] | None = None) -> Engine:
        """Return an engine that will kill."""
        engine = engine_of(self.url, **(engine_kwargs or {}))
        if self.is_redshift:
            refuse_what_it_lacks(engine)
        event.listen(engine, "before_cursor_execute", self._count)
        event.listen(engine, "commit", self._count)
        return engine

    def _count(self, *_: object) -> None:
        if self.seen == self.point:
            os.kill(os.getpid(), signal.SIGKILL)
        self.seen += 1


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


def main(url: str, point: int, *, by_pages: bool = False, stage_url: str | None = None) -> None:
    """Load the run, in one of two ways, and publish it."""
    warehouse = DoomedWarehouse(url, stage_url=stage_url)
    warehouse.point = point
    sink = warehouse.sink()
    if sink.open() is None:
        (write_pages if by_pages else write_chunks)(sink)
        sink.finish(Scope())
    sink.close()
    print("whole")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
