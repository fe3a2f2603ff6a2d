"""The ledger of a run in the warehouse: one table beside the target that holds the run until it is published.

The header is a row of that same table. So ledger and answers are born, and dropped, in one statement, and no
second table can tell another story than the first.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_voucherify.api.models import CustomerAnswer, Outcome
from airflow_provider_voucherify.load import page_statements, publication, statements
from airflow_provider_voucherify.load.base import LoadSummary, SegmentCount
from airflow_provider_voucherify.load.bulk import insert_rows
from airflow_provider_voucherify.load.catalog import catalog_of, drop_if_there
from airflow_provider_voucherify.load.database import Database
from airflow_provider_voucherify.load.errors import LedgerLost
from airflow_provider_voucherify.load.staged_rows import (
    IDS_PER_STATEMENT,
    ROWS_PER_FETCH,
    batches,
    row,
    rows_of,
)
from airflow_provider_voucherify.load.summary import as_utc, count, latest, summary_from_json, summary_to_json

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.engine import Connection

#: PostgreSQL cuts longer names silently; other databases allow as much or more.
MAX_NAME_BYTES = 63
_MARK = "__run_"
_HASH_LENGTH = 12


@dataclass(frozen=True, slots=True)
class LedgerHeader:
    """What a ledger says about itself.

    :param target: full name of the table the run goes to.
    :param created_at: when the run began (UTC).
    :param summary: what the run holds, once it is published.
    """

    fingerprint: str
    target: str
    created_at: datetime
    summary: LoadSummary | None = None

    def detail(self) -> str:
        """Return everything but the time as JSON text."""
        state = "open" if self.summary is None else "published"
        summary = None if self.summary is None else summary_to_json(self.summary)
        said = {"state": state, "fingerprint": self.fingerprint, "target": self.target, "summary": summary}
        return json.dumps(said)

    @classmethod
    def read(cls, detail: str, created_at: datetime) -> LedgerHeader:
        """Read what ``detail`` wrote."""
        said = json.loads(detail)
        summary = None if said["summary"] is None else summary_from_json(said["summary"])
        return cls(said["fingerprint"], said["target"], as_utc(created_at), summary)


def staging_name(table: str, target: str, run_key: str) -> str:
    """Return the name of a run's staging table, of at most 63 bytes: ``customer_segments__run_3fa94c0d1b2e``.

    :param table: the target's name without its schema.
    :param target: the target's full name.
    """
    digest = hashlib.blake2b(f"{target}\n{run_key}".encode(), digest_size=_HASH_LENGTH // 2)
    return _staging_prefix(table) + digest.hexdigest()


def is_staging_name(name: str, table: str) -> bool:
    """Return whether a table is named as the staging tables of a target are."""
    return re.fullmatch(re.escape(_staging_prefix(table)) + f"[0-9a-f]{{{_HASH_LENGTH}}}", name) is not None


def _staging_prefix(table: str) -> str:
    room = MAX_NAME_BYTES - len(_MARK) - _HASH_LENGTH
    return table.encode()[:room].decode(errors="ignore") + _MARK


class Staging:
    """One run's staging table.

    :param database: where it is.
    :param table: its definition.
    """

    def __init__(self, database: Database, table: Table) -> None:
        self._database = database
        self._table = table
        self._header: LedgerHeader | None = None
        # Customers the ledger may hold, where that is known: only these need to be removed before they are written.
        # The one thing here that grows with the customers; the ids are those the caller holds anyway.
        self._may_be_held: set[str] | None = None

    @property
    def table(self) -> Table:
        """Return the definition, for statements that read from it."""
        return self._table

    def stored_header(self) -> LedgerHeader | None:
        """Return the header if there is such a table."""
        return self._database.read("read the run's ledger", self._read_header_if_any)

    def resume(self, header: LedgerHeader) -> None:
        """Go on with the ledger that has this header."""
        self._header = header
        self.expect_anybody()

    def expect_anybody(self) -> None:
        """Take any customer for one the ledger may hold."""
        self._may_be_held = None

    def start(self, header: LedgerHeader) -> None:
        """Drop what there is and begin an empty ledger, in one transaction."""
        first_row = row(statements.HEADER, header.created_at, detail=header.detail())

        def work(connection: Connection) -> None:
            drop_if_there(connection, self._table)
            self._table.create(connection)
            connection.execute(statements.insert_staged(self._table), [first_row])

        self._database.write("begin the run's ledger", work)
        self._header = header
        self._may_be_held = set()

    def drop(self) -> None:
        """Remove the table, if it is there."""
        self._database.write("remove the run's ledger", lambda connection: drop_if_there(connection, self._table))

    def write(self, answers: Sequence[CustomerAnswer]) -> None:
        """Hold the answers in one transaction, in place of earlier ones of the same customers."""
        by_customer = latest(answers)
        held = self._may_be_held
        to_forget = by_customer if held is None else [id_ for id_ in by_customer if id_ in held]

        def work(connection: Connection) -> None:
            self.own_header(connection)
            for batch in batches(to_forget, IDS_PER_STATEMENT):
                connection.execute(statements.forget_customers(self._table, batch))
            insert_rows(connection, self._table, rows_of(by_customer.values()))

        if held is not None:
            # First: where a commit is lost on its way back, nobody knows what is held.
            held.update(by_customer)
        self._database.write("store a chunk of answers", work)

    def own_header(self, connection: Connection) -> LedgerHeader:
        """Return the stored header, sure that it is still this run's.

        :raises LedgerLost: if another try replaced the ledger; what it holds is not this run's to change.
        """
        stored = self._read_header(connection)
        if self._header is None or stored is None or replace(stored, summary=None) != self._header:
            raise LedgerLost(
                f"the ledger {self._table.name} is no longer this try's: another try of the same task began it "
                "anew. Let that one go on; this one stops without changing anything"
            )
        return stored

    def mark_published(self, connection: Connection, header: LedgerHeader) -> None:
        """Store the header's summary, in the transaction that publishes the rows."""
        connection.execute(statements.update_header(self._table, header.detail()))

    def done(self) -> set[str]:
        """Return the ids of the customers answered, failed ones left out."""

        def work(connection: Connection) -> set[str]:
            streaming = connection.execution_options(yield_per=ROWS_PER_FETCH)
            return set(streaming.scalars(statements.select_done(self._table)))

        return self._database.read("read which customers are done", work)

    def last_written_at(self) -> datetime:
        """Return when the newest answer was observed, or when the ledger began if there is none (UTC)."""
        query = statements.select_last_written(self._table)
        return as_utc(self._database.read("read the run's ledger", lambda c: c.execute(query).scalar_one()))

    def forget(self, customer_ids: Iterable[str]) -> None:
        """Drop what is staged for some customers, in one transaction."""

        def work(connection: Connection) -> None:
            self.own_header(connection)
            for batch in batches(customer_ids, IDS_PER_STATEMENT):
                connection.execute(statements.forget_customers(self._table, batch))

        self._database.write("forget customers no longer asked for", work)

    def answered_count(self) -> int:
        """Return how many customers are answered, failed ones left out."""
        query = statements.count_done(self._table)
        return self._database.read("count the customers answered", lambda c: c.execute(query).scalar_one())

    def failed(self, limit: int) -> list[CustomerAnswer]:
        """Return at most ``limit`` failed customers, ordered by id."""

        def work(connection: Connection) -> list[CustomerAnswer]:
            return [
                CustomerAnswer(id_, as_utc(observed_at), Outcome.FAILED, failure=reason)
                for id_, reason, observed_at in connection.execute(statements.select_failed(self._table, limit))
            ]

        return self._database.read("read which customers failed", work)

    def failed_count(self) -> int:
        """Return how many customers failed."""
        query = statements.count_failed(self._table)
        return self._database.read("count failed customers", lambda c: c.execute(query).scalar_one())

    def unknown(self, limit: int) -> list[str]:
        """Return at most ``limit`` ids Voucherify does not know, ordered."""
        query = statements.select_unknown(self._table, limit)
        return self._database.read("read which customers are unknown", lambda c: list(c.scalars(query)))

    def summarise(self, connection: Connection, parts: Iterable[Sequence[str] | None]) -> LoadSummary:
        """Count what is staged.

        :param parts: the segments to show, some at a time; ``None`` for all.
        """
        outcomes: dict[str, int] = dict(connection.execute(statements.count_outcomes(self._table)).all())
        rest = connection.scalars(statements.select_rest(self._table)).one_or_none()
        outcomes[Outcome.NO_SEGMENT] = outcomes.get(Outcome.NO_SEGMENT, 0) + int(rest or 0)
        has_lists = self.has_lists(connection)
        segments = [
            SegmentCount(id_, name, number)
            for part in parts
            for id_, name, number in connection.execute(
                publication.count_segments(self._table, part, has_lists=has_lists)
            )
        ]
        return count(outcomes, segments)

    def has_lists(self, connection: Connection) -> bool:
        """Return whether any segment's list is staged."""
        return connection.execute(page_statements.count_walks(self._table)).scalar_one() > 0

    def _read_header_if_any(self, connection: Connection) -> LedgerHeader | None:
        if not catalog_of(connection).has_table(self._table.name, schema=self._table.schema):
            return None
        return self._read_header(connection)

    def _read_header(self, connection: Connection) -> LedgerHeader | None:
        row = connection.execute(statements.select_header(self._table)).one_or_none()
        return None if row is None else LedgerHeader.read(row[0], row[1])
