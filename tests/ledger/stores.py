"""Stores of logs that fail, die or fall asleep at a moment that is chosen, and ledgers in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeAlias

from airflow_provider_voucherify.api.models import Scope
from airflow_provider_voucherify.ledger.log import LogStore, Opening, Piece, Pieces, StoredPiece, refuse_if_lost
from airflow_provider_voucherify.ledger.logs.directory import InDirectory
from airflow_provider_voucherify.ledger.logs.state_store import InStateStore
from airflow_provider_voucherify.ledger.logs.table import InTable, log_table
from airflow_provider_voucherify.ledger.run import LoggedRun
from airflow_provider_voucherify.load.base import RunIdentity
from airflow_provider_voucherify.load.errors import StorageFailed
from airflow_provider_voucherify.warehouse.database import Database
from tests.load.file_runs import Shelf
from tests.load.memory_store import Killed, MemoryStore
from tests.load.runs import Clock, Warehouse, identity
from tests.load.telling import CUSTOMERS

#: Returns the store of one run as a new process sees it.
NewStore: TypeAlias = Callable[[], LogStore]
KINDS = ("directory", "state store", "table")


def new_store(kind: str, folder: Path) -> NewStore:
    """Return an empty store of a kind of ``KINDS``."""
    if kind == "state store":
        store = MemoryStore()
        return lambda: InStateStore(store)
    if kind == "table":
        warehouse = Warehouse(f"sqlite:///{folder}/warehouse.db")
        return lambda: InTable(Database(warehouse), log_table("log", None), "target", identity())
    shelf = Shelf(str(folder / "segments"))
    return lambda: InDirectory(shelf.directory(), identity().key)


def outage() -> None:
    """Lose the connection."""
    raise StorageFailed("the store went away")


def kill() -> None:
    """End the process."""
    raise Killed


class Troubled:
    """A store to whose try something happens at one of its next calls.

    :param store: does the work.
    """

    is_durable = True

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self.lost = store.lost
        self._calls_left = -1
        self._trouble: Callable[[], None] = outage
        self._comes_after = False

    def trouble(self, after_calls: int, what: Callable[[], None], *, comes_after: bool = False) -> None:
        """Let something happen.

        :param after_calls: so many pass before.
        :param comes_after: whether the call is carried out before it.
        """
        self._calls_left, self._trouble, self._comes_after = after_calls, what, comes_after

    def be_well(self) -> None:
        """Let nothing happen any more."""
        self._calls_left = -1

    def newest(self) -> Opening | None:
        """Return the newest opening."""
        with self._call():
            return self._store.newest()

    def put(self, opening: Opening, at: datetime) -> None:
        """Store an opening."""
        with self._call():
            self._store.put(opening, at)

    def pieces(self, opening: Opening) -> Pieces:
        """Return the pieces, each of which is read by a call more."""
        with self._call():
            there = self._store.pieces(opening)
            return {key: StoredPiece(one.written_at, partial(self._read, one)) for key, one in there.items()}

    def insert(self, opening: Opening, number: int, piece: Piece, at: datetime, *, is_fact: bool = False) -> None:
        """Look whether the opening is the newest, and store a piece: two calls."""
        if not is_fact:
            refuse_if_lost(self, opening)
        with self._call():
            self._store.insert(opening, number, piece, at, is_fact=True)

    def remove(self) -> None:
        """Remove everything."""
        with self._call():
            self._store.remove()

    def _read(self, piece: StoredPiece) -> bytes | None:
        with self._call():
            return piece.read()

    @contextmanager
    def _call(self) -> Iterator[None]:
        self._calls_left -= 1
        is_time = self._calls_left == -1
        if is_time and not self._comes_after:
            self._trouble()
        yield
        if is_time and self._comes_after:
            self._trouble()


class Ledger(LoggedRun):
    """The ledger of a run without a destination.

    :param store: where its log is.
    """

    def __init__(self, store: LogStore, clock: Clock | None = None, run: RunIdentity | None = None) -> None:
        super().__init__(store, run or identity(), clock or Clock())

    def open(self) -> bool:
        """Go on with the log there is, or begin one; return whether it goes on."""
        return self._resume(self._log.find())

    def state(self) -> dict[str, object]:
        """Return all that is held, for comparison."""
        summary = self._held.summarise(Scope())
        return {
            "done": set(self.done()),
            "failed": {answer.customer_id for answer in self.failed(99)},
            "unknown": set(self.unknown(99)),
            "lists": {id_: walk.is_whole for id_, walk in self.walks().items()},
            "unlisted": set(self.unlisted(set(CUSTOMERS))),
            "listed_since": set(self.listed_since()),
            "rows": [(row.customer_id, row.segment_id, row.segment_name) for row in self._held.rows(Scope())],
            "customers": summary.customers,
        }
