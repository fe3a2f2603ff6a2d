"""A reader of a table on a connection of its own, who can look before each statement of somebody else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError

from airflow_provider_voucherify.load.destinations import WriteMode
from airflow_provider_voucherify.load.summary import as_utc
from tests.load.model import Row
from tests.load.runs import NOON


class Outage(Exception):
    """The database went away."""


@dataclass
class Reader:
    """Looks at tables of a write mode."""

    connection: Connection
    write: WriteMode

    def rows(self, table: str) -> list[Row]:
        """Return a table as ``Truth.visible`` tells it."""
        columns = {"append": "run_key, ''", "history": "valid_from, valid_to"}.get(self.write, "'', ''")
        rows = self._query(f"select customer_id, segment_id, segment_name, {columns} from {table}")
        if self.write != "history":
            return sorted((str(one), str(segment), str(run), str(name)) for one, segment, name, run, _ in rows)
        return sorted(
            (str(one), str(segment), f"{_day(begin)}-{_day(end)}", "" if end else str(name))
            for one, segment, name, begin, end in rows
        )

    def failures(self, table: str) -> list[tuple[str, str]]:
        """Return (run, customer) of the failures beside a table, sorted."""
        rows = self._query(f"select run_key, customer_id from {table}_failures")
        return sorted((str(run), str(one)) for run, one in rows)

    @contextmanager
    def watching(self, table: str, outage: int | None = None) -> Iterator[None]:
        """See a table unchanged before each statement of others.

        :param outage: of these statements the one at which the database goes away.
        """
        before, left = self.rows(table), [outage or 0]

        def watch(connection: Connection, *_: object) -> None:
            if connection.engine is self.connection.engine:
                return
            assert self.rows(table) == before
            left[0] -= 1
            if left[0] == 0:
                raise Outage

        event.listen(Engine, "before_cursor_execute", watch)
        try:
            yield
        finally:
            event.remove(Engine, "before_cursor_execute", watch)

    def _query(self, statement: str) -> Sequence[tuple[object, ...]]:
        """Return rows; none where there is no table yet."""
        try:
            return [tuple(row) for row in self.connection.execute(text(statement))]
        except DBAPIError as error:
            if any(words in str(error) for words in ("no such table", "does not exist", "doesn't exist")):
                return []
            raise
        finally:
            self.connection.rollback()


def _day(moment: object) -> str:
    if moment is None:
        return ""
    told = moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))
    return str((as_utc(told) - NOON).days)
