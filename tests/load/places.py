"""One place for rows after the other, and what its readers see: customer, segment, when that was observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from airflow_provider_voucherify.api.models import Scope
from airflow_provider_voucherify.load.base import LoadSummary, Sink
from airflow_provider_voucherify.load.destinations import XComRows
from airflow_provider_voucherify.load.xcom.overflow import XComOrFilesSink
from airflow_provider_voucherify.load.xcom.sink import XComSink
from tests.load.file_runs import Shelf
from tests.load.memory_store import MemoryStore
from tests.load.runs import TABLE, Warehouse, identity

Seen: TypeAlias = tuple[str, str, datetime]


class Place:
    """A place a run is told to, by one try after the other."""

    def sink(self) -> Sink:
        """Return the sink of a new try, not opened yet."""
        raise NotImplementedError

    def seen(self, sink: Sink) -> list[Seen]:
        """Return the rows of a finished run, in the order readers get them."""
        raise NotImplementedError

    def resume(self) -> Sink:
        """Return the sink of a new try that goes on with the run."""
        sink = self.sink()
        assert sink.open() is None
        return sink

    def end(self, scope: Scope = Scope()) -> tuple[LoadSummary, list[Seen]]:  # noqa: B008 - it is frozen
        """Finish the run in a new try; return its summary and rows."""
        sink = self.resume()
        summary = sink.finish(scope)
        return summary, self.seen(sink)


@dataclass
class InXCom(Place):
    """An XCom, held in Airflow's task state store."""

    store: MemoryStore = field(default_factory=MemoryStore)
    clock: Warehouse = field(default_factory=lambda: Warehouse(""))

    def sink(self) -> XComSink:
        """Return the sink of a new try."""
        return XComSink(XComRows(), identity(), self.clock.clock, self.store)

    def seen(self, sink: Sink) -> list[Seen]:
        """Return its rows."""
        assert isinstance(sink, XComSink)
        return [_seen(row["customer_id"], row["segment_id"], row["observed_at"]) for row in sink.rows()]


@dataclass
class InFiles(Place):
    """A directory.

    :param max_rows: how many rows go to XCom instead; ``None`` if none do.
    """

    shelf: Shelf
    max_rows: int | None = None

    def sink(self) -> Sink:
        """Return the sink of a new try."""
        if self.max_rows is None:
            return self.shelf.sink()
        return XComOrFilesSink(self.max_rows, self.shelf.directory(), "jsonl", identity(), self.shelf.clock)

    def seen(self, sink: Sink) -> list[Seen]:
        """Return its rows, from wherever they went."""
        rows: Sequence[dict[str, str | None]] | None = sink.rows() if isinstance(sink, XComOrFilesSink) else None
        told = self.shelf.rows() if rows is None else rows
        return [_seen(row["customer_id"], row["segment_id"], row["observed_at"]) for row in told]


@dataclass
class InTable(Place):
    """A table, whose rows have no order: it is read by customer and segment."""

    warehouse: Warehouse

    def sink(self) -> Sink:
        """Return the sink of a new try."""
        return self.warehouse.sink()

    def seen(self, sink: Sink) -> list[Seen]:
        """Return its rows."""
        rows = self.warehouse.query(f"select customer_id, segment_id, observed_at from {TABLE}")
        return sorted(_seen(*row) for row in rows)


def places(folder: Path, *warehouses: Warehouse) -> dict[str, Place]:
    """Return one of each, all empty."""
    tables = {f"table of {one.url.partition(':')[0]}": InTable(one) for one in warehouses}
    return {
        "XCom": InXCom(),
        "XCom or files: XCom": InFiles(Shelf(str(folder / "few")), max_rows=1_000),
        "XCom or files: files": InFiles(Shelf(str(folder / "many")), max_rows=1),
        "files": InFiles(Shelf(str(folder / "files"))),
        **tables,
    }


def _seen(customer_id: object, segment_id: object, observed_at: object) -> Seen:
    moment = observed_at if isinstance(observed_at, datetime) else datetime.fromisoformat(str(observed_at))
    in_utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return str(customer_id), str(segment_id), in_utc
