"""A run in a process of its own that kills itself at a chosen point; started by test_table_kill."""

from __future__ import annotations

import os
import signal
import sys

from sqlalchemy import Engine, create_engine, event

from tests.load.runs import Warehouse, failed, found

CHUNKS = (
    [found("anna", "gold", "new"), found("bert", "gold")],
    [found("carl", "silver"), failed("dora")],
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


def main(url: str, point: int) -> None:
    """Load all chunks, as a retry that asks only for what is not done."""
    warehouse = DoomedWarehouse(url)
    warehouse.point = point
    sink = warehouse.sink()
    if sink.open() is None:
        done = sink.done()
        for chunk in CHUNKS:
            sink.write([answer for answer in chunk if answer.customer_id not in done])
        sink.finish()
    sink.close()
    print("whole")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
