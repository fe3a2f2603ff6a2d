"""A log in a table of the warehouse: a row for each opening and each piece, none of which is changed.

Each run has a table of its own beside the target, so that tasks that write at once have no row, and no lock, in common,
and the log goes as a whole. Imports SQLAlchemy when it is imported.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    delete,
    func,
    insert,
    select,
)

from airflow_provider_voucherify.ledger.log import Opening, Piece, Pieces, StoredPiece
from airflow_provider_voucherify.load.errors import LedgerLost, StatementFailed
from airflow_provider_voucherify.load.summary import as_utc
from airflow_provider_voucherify.warehouse.catalog import catalog_of, column_names, create_if_missing, drop_if_there
from airflow_provider_voucherify.warehouse.column_types import bounded_text, most_packed_bytes, packed_bytes, utc_time
from airflow_provider_voucherify.warehouse.table_names import is_log_name
from airflow_provider_voucherify.warehouse.traits import MYSQL
from airflow_provider_voucherify.warehouse.write_lock import lock_for_defining

if TYPE_CHECKING:
    from sqlalchemy import Delete
    from sqlalchemy.engine import Connection

    from airflow_provider_voucherify.load.base import RunIdentity
    from airflow_provider_voucherify.warehouse.database import Database

OPENING, PIECE = "opening", "piece"
#: Read at a time, while a log is read back: so many pieces at first, then as many as are so large together, but at most
#: twice as many as before, since those that come may be larger.
_PIECES_AT_FIRST, _BYTES_PER_READ = 20, 2**21


def log_table(name: str, schema: str | None) -> Table:
    """Return the table of a run's log.

    Openings and pieces are told apart by ``kind``; ``target`` to ``members`` are for people, and tell whose a log is
    that nobody came back for. A piece that is too large for one row has several, numbered by ``part``.
    """
    return Table(
        name,
        MetaData(),
        Column("kind", String(10), primary_key=True),
        Column("log", String(40), primary_key=True),
        Column("writer", String(40), primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("part", Integer, primary_key=True, autoincrement=False),
        Column("target", bounded_text(255), nullable=False),
        Column("run", bounded_text(767), nullable=False),
        Column("try_number", Integer, nullable=False),
        Column("written_at", utc_time(), nullable=False),
        Column("customers", Integer, nullable=False),
        Column("members", Integer, nullable=False),
        Column("packed", packed_bytes(), nullable=False),
        schema=schema,
    )


def select_newest(log: Table) -> Select[bytes]:
    """Return the query of the newest opening; of two with one number the same for everybody."""
    newest = select(log.c.packed).where(log.c.kind == OPENING)
    return newest.order_by(log.c.number.desc(), log.c.writer.desc()).limit(1)


#: Each piece is stored behind it: to build it anew would take a tenth of that time.
_select_newest = lru_cache(maxsize=1)(select_newest)


def select_pieces(log: Table, token: str) -> Select[str, int, datetime]:
    """Return the query of the pieces of a log by its token (writer, number, written at)."""
    columns = select(log.c.writer, log.c.number, log.c.written_at)
    return columns.where(log.c.kind == PIECE, log.c.log == token, log.c.part == 0)


def select_packed(log: Table, token: str, writer: str, first: int, end: int) -> Select[int, int, bytes]:
    """Return the query of what some of a writer's pieces hold (number, part, packed), part after part."""
    columns = select(log.c.number, log.c.part, log.c.packed).where(_of_writer(log, token, writer))
    return columns.where(log.c.number >= first, log.c.number < end).order_by(log.c.number, log.c.part)


def forget_piece(log: Table, token: str, writer: str, number: int) -> Delete:
    """Return the removal of a piece of which it is not known whether it was stored."""
    return delete(log).where(_of_writer(log, token, writer), log.c.number == number)


def select_last_written(log: Table) -> Select[str, datetime]:
    """Return the query of the target a log is of, and when it was last written."""
    return select(func.max(log.c.target), func.max(log.c.written_at))


def any_row(log: Table) -> Select[str]:
    """Return the query of one of the rows, whatever it says."""
    return select(log.c.kind).limit(1)


def is_log_or_empty(log: Table, connection: Connection) -> bool:
    """Return whether a table with the columns of a log is one: it has an opening, or no row yet."""
    return _newest_in(connection, log) is not None or connection.execute(any_row(log)).first() is None


class InTable:
    """A ``LogStore`` in a table.

    :param database: where the table is.
    :param table: made by ``log_table``.
    :param target: full name of the table the run goes to.
    :param identity: whose log this is.
    """

    is_durable = True

    def __init__(self, database: Database, table: Table, target: str, identity: RunIdentity) -> None:
        self._database = database
        self.table = table
        self._target = target
        self._identity = identity
        #: Number of the piece that was to be stored last.
        self._last = -1
        self._read_ahead: dict[tuple[str, int], bytes] = {}
        self._pieces_per_read = _PIECES_AT_FIRST
        self.lost = (
            f"the ledger {table.name} is no longer this try's: another try of the same task goes on with it, began it "
            "anew, or ended. Let that one go on; this one stops without changing anything"
        )

    def newest(self) -> Opening | None:
        def work(connection: Connection) -> Opening | None:
            return _newest_in(connection, self.table) if self._is_in(connection) else None

        return self._database.read("read the run's ledger", work)

    def refuse_if_lost_in(self, connection: Connection, opening: Opening) -> None:
        """See in a transaction that an opening is the newest.

        :raises LedgerLost: if it is not.
        """
        if not self._is_in(connection) or _newest_in(connection, self.table) != opening:
            raise LedgerLost(self.lost)

    def put(self, opening: Opening, at: datetime) -> None:
        """Store an opening, with the table if it begins the log."""

        def work(connection: Connection) -> None:
            if opening.number == 0:
                lock_for_defining(connection, self.table)
                create_if_missing(connection, self.table)
            self._add(connection, OPENING, opening, opening.number, Piece(_bytes_of(opening), 0, 0), at)

        if opening.number == 0:
            self._database.write("begin the run's ledger", work)
        else:
            self._write("go on with the run's ledger", work, self._database.write)
        self._last = -1

    def pieces(self, opening: Opening) -> Pieces:
        query = select_pieces(self.table, opening.token)
        rows = self._database.read("read the run's ledger", lambda connection: connection.execute(query).all())
        self._read_ahead.clear()
        return {
            (writer, number): StoredPiece(as_utc(at), partial(self._read, opening.token, writer, number))
            for writer, number, at in rows
        }

    def insert(self, opening: Opening, number: int, piece: Piece, at: datetime, *, is_fact: bool = False) -> None:
        """Store a piece; where it is not known whether that of this number was, in its place."""
        is_again, self._last = number == self._last, number

        def work(connection: Connection) -> None:
            if not is_fact and _newest_in(connection, self.table) != opening:
                raise LedgerLost(self.lost)
            if is_again:
                connection.execute(forget_piece(self.table, opening.token, opening.writer, number))
            self._add(connection, PIECE, opening, number, piece, at)

        self._write("store a chunk in the run's ledger", work, self._database.write_often)

    def remove(self) -> None:
        self.let_go()
        self._database.write("remove the run's ledger", self._drop)

    def let_go(self) -> None:
        """Hold no connection any more, until the next piece is stored."""
        self._database.let_go()

    def _drop(self, connection: Connection) -> None:
        lock_for_defining(connection, self.table)
        drop_if_there(connection, self.table)

    def _add(
        self, connection: Connection, kind: str, opening: Opening, number: int, piece: Piece, at: datetime
    ) -> None:
        common = {
            "kind": kind,
            "log": opening.token,
            "writer": opening.writer,
            "number": number,
            "target": self._target,
            "run": self._identity.key,
            "try_number": self._identity.try_number,
            "written_at": as_utc(at),
            "customers": piece.customers,
            "members": piece.members,
        }
        most = most_packed_bytes(connection.dialect)
        parts = [piece.data[start : start + most] for start in range(0, len(piece.data), most)]
        # The first one last: where no transaction holds them together, a piece is there once that is.
        for part, packed in reversed([*enumerate(parts)]):
            connection.execute(insert(self.table), {**common, "part": part, "packed": packed})

    def _read(self, token: str, writer: str, number: int) -> bytes | None:
        if (writer, number) not in self._read_ahead:
            query = select_packed(self.table, token, writer, number, number + self._pieces_per_read)
            rows = self._database.read("read the run's ledger", lambda connection: connection.execute(query).all())
            self._read_ahead = {}
            # A part may be there twice: BigQuery's client sends again what was not answered, and no key refuses it.
            for (one, _), packed in {(one, part): packed for one, part, packed in rows}.items():
                self._read_ahead[writer, one] = self._read_ahead.get((writer, one), b"") + packed
            fitting = _BYTES_PER_READ * len(self._read_ahead) // max(sum(map(len, self._read_ahead.values())), 1)
            self._pieces_per_read = max(1, min(fitting, 2 * self._pieces_per_read))
        return self._read_ahead.pop((writer, number), None)

    def _write(
        self,
        doing: str,
        work: Callable[[Connection], None],
        write: Callable[[str, Callable[[Connection], None]], None],
    ) -> None:
        """Write in a transaction.

        :raises LedgerLost: if the table is gone.
        """
        try:
            write(doing, work)
            return
        except StatementFailed as error:
            problem = error
        # Raised out here: an error that has this one as its context would quote the driver.
        if self._database.read("look for the run's ledger", self._is_in):
            raise problem
        raise LedgerLost(self.lost)

    def _is_in(self, connection: Connection) -> bool:
        return catalog_of(connection).has_table(self.table.name, schema=self.table.schema)


def remove_dead_logs(database: Database, target: Table, written_before: datetime) -> int:
    """Remove the logs beside a target that were last written before a moment (UTC), whatever run's.

    :returns: how many.
    """
    removed = 0
    for log in database.read("list ledgers", lambda connection: [*_logs_beside(connection, target)]):
        of_target, written_at = _last_written(database, log)
        if written_at is None:  # empty, or its run ended meanwhile
            if database.dialect.name in MYSQL:
                removed += database.write("remove a ledger that was not begun", partial(_drop_if_empty, log=log))
        # Names of long targets are cut, so two may share one: the rows say whose it is.
        elif of_target == target.fullname and as_utc(written_at) < written_before:
            database.write("remove a ledger that a dead run left behind", partial(drop_if_there, table=log))
            removed += 1
    return removed


def _last_written(database: Database, log: Table) -> tuple[str | None, datetime | None]:
    query = select_last_written(log)
    try:
        of_target, written_at = database.read("read a ledger", lambda connection: connection.execute(query).one())
    except StatementFailed:
        if database.read("look for a ledger", lambda one: catalog_of(one).has_table(log.name, schema=log.schema)):
            raise
        return None, None
    return of_target, written_at


def _drop_if_empty(connection: Connection, log: Table) -> bool:
    """Drop a log without a row, where nobody can be about to begin it: MySQL commits the table before its first row,
    and a try may have been killed in between."""
    lock_for_defining(connection, log)
    is_there = catalog_of(connection).has_table(log.name, schema=log.schema)
    if not is_there or connection.execute(any_row(log)).first() is not None:
        return False
    drop_if_there(connection, log)
    return True


def _logs_beside(connection: Connection, target: Table) -> Iterator[Table]:
    catalog = catalog_of(connection)
    for name in catalog.get_table_names(schema=target.schema):
        if is_log_name(name, target.name):
            table = log_table(name, target.schema)
            # A table of somebody else could be named like ours: only one with our very columns is touched.
            if column_names(connection, table) == set(table.c.keys()):
                yield table


def _of_writer(log: Table, token: str, writer: str) -> ColumnElement[bool]:
    return (log.c.kind == PIECE) & (log.c.log == token) & (log.c.writer == writer)


def _newest_in(connection: Connection, log: Table) -> Opening | None:
    packed = connection.execute(_select_newest(log)).scalar_one_or_none()
    try:
        return None if packed is None else Opening.from_json(json.loads(packed))
    except ValueError:
        return None


def _bytes_of(opening: Opening) -> bytes:
    return json.dumps(opening.to_json()).encode()
