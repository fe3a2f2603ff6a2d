"""The ledger of a run in the warehouse: one table beside the target that holds the run until it is published.

The header is a row of that same table. So ledger and answers are born, and dropped, in one statement, and no
second table can tell another story than the first.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy.exc import DBAPIError

from airflow_provider_voucherify.api.ids import IdFilter, IdSet
from airflow_provider_voucherify.api.models import CustomerAnswer, Outcome, Segment
from airflow_provider_voucherify.load.base import NOTE, LoadSummary, SegmentCount
from airflow_provider_voucherify.load.errors import LedgerLost
from airflow_provider_voucherify.load.sql import statements, visible
from airflow_provider_voucherify.load.sql.loaders import insert_answers, insert_rows
from airflow_provider_voucherify.load.sql.staged_rows import (
    IDS_PER_STATEMENT,
    ROWS_PER_FETCH,
    Row,
    batches,
    membership_row,
    row,
)
from airflow_provider_voucherify.load.sql.visible import StagedAs
from airflow_provider_voucherify.load.summary import as_utc, count, latest, summary_from_json, summary_to_json
from airflow_provider_voucherify.warehouse.catalog import catalog_of, drop_if_there
from airflow_provider_voucherify.warehouse.database import Database
from airflow_provider_voucherify.warehouse.write_lock import lock_for_writing

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.engine import Connection

    from airflow_provider_voucherify.load.sql.visible import Segments, StagedAs


@dataclass(frozen=True, slots=True)
class LedgerHeader:
    """What a ledger says about itself.

    :param target: full name of the table the run goes to.
    :param created_at: when the run began (UTC).
    :param summary: what the run holds, once it is published.
    :param opened: how many tries opened it so far: only the last of them writes to it, as lists that two tries read
        at once would lack what one of them dropped.
    """

    fingerprint: str
    target: str
    created_at: datetime
    summary: LoadSummary | None = None
    opened: int = 1

    def taken_over(self) -> LedgerHeader:
        """Return the header as the next try to open the ledger writes it."""
        return replace(self, opened=self.opened + 1)

    def detail(self) -> str:
        """Return everything but the time as JSON text."""
        state = "open" if self.summary is None else "published"
        summary = None if self.summary is None else summary_to_json(self.summary)
        said = {"state": state, "fingerprint": self.fingerprint, "target": self.target, "summary": summary}
        return json.dumps({**said, "opened": self.opened})

    @classmethod
    def read(cls, detail: str, created_at: datetime) -> LedgerHeader | None:
        """Read what ``detail`` wrote; ``None`` if it did not."""
        try:
            said = json.loads(detail)
            summary = None if said["summary"] is None else summary_from_json(said["summary"])
            return cls(said["fingerprint"], said["target"], as_utc(created_at), summary, said["opened"])
        except (AssertionError, KeyError, TypeError, ValueError):
            return None


#: Databases where two transactions write at once, and a row that was read can be kept from the other one.
_LOCKING = ("postgresql", "mysql", "mariadb")


class Staging:
    """One run's staging table.

    ``holds_nothing`` is set while this try, having begun the ledger, wrote nothing to it: there is nothing to read.
    """

    def __init__(self, database: Database, table: Table) -> None:
        self._database = database
        self._table = table
        self._header: LedgerHeader | None = None
        # Customers an answer may be staged of, where that is known: only theirs have to be removed before new ones are
        # written. The one thing here that grows with the customers.
        self._answered: IdFilter | None = None
        self._may_hold_members = True
        self._has_key = True
        self._may_hold_doubles = False
        # Known without reading until this try writes; another that does takes the ledger over (own_header tells).
        self.holds_nothing = False
        self._done: IdSet | None = None

    @property
    def table(self) -> Table:
        """Return the definition, for statements that read from it."""
        return self._table

    @property
    def has_key(self) -> bool:
        """Return whether rows are found by customer, and none can be there twice; if not, this try wrote them all."""
        return self._has_key

    def make_key(self) -> None:
        """Give the ledger its key, if it has none yet: before many customers are looked up, or are written that
        another try may hold."""
        if self._has_key:
            return

        def work(connection: Connection) -> None:
            # The server may go on making it for a killed try, and IF NOT EXISTS does not wait for that.
            lock_for_writing(connection, self._table)
            self.own_header(connection)
            self.drop_doubles(connection)
            connection.execute(statements.create_key(self._table))

        self._database.write("index the run's ledger", work)
        self._has_key, self._may_hold_doubles = True, False

    def expect_members(self) -> None:
        """Take note that members are staged, without a key maybe more than once."""
        self._may_hold_members, self._may_hold_doubles = True, not self._has_key

    def expect_answers(self) -> None:
        """Take note that anybody may have an answer."""
        self._answered = None

    def answers_to_forget(self, customer_ids: Iterable[str]) -> list[str]:
        """Return those of the customers of whom an answer may be staged; one is expected of all from now on."""
        answered = self._answered
        return [id_ for id_ in customer_ids if answered is None or not answered.add(id_)]

    def prepare_joins(self, connection: Connection) -> None:
        """Let the database know what is staged; a server that believes it is little would join row by row."""
        if connection.dialect.name == "postgresql":
            connection.execute(statements.analyze(self._table))

    def drop_doubles(self, connection: Connection) -> None:
        """Of members staged for a segment more than once leave the last to come; with a key there are none."""
        if not self._may_hold_doubles:
            return
        doubles = defaultdict[str, dict[str, Row]](dict)
        for name, moment, customer_id, segment_id, source_id in connection.execute(
            statements.select_doubles(self._table)
        ):
            double = membership_row(customer_id, Segment(segment_id, name), as_utc(moment), source_id)
            doubles[segment_id][customer_id] = double
        for segment_id, rows in doubles.items():
            for ids in batches(rows, IDS_PER_STATEMENT):
                connection.execute(statements.forget_members(self._table, segment_id, ids))
                insert_rows(connection, self._table, [rows[one] for one in ids])
        # Whether what was dropped stays so is only known once the caller has committed.
        self._may_hold_doubles = bool(doubles)

    def stored_header(self) -> LedgerHeader | None:
        """Return the header if there is such a table."""
        return self._database.read("read the run's ledger", self._read_header_if_any)

    def resume(self, header: LedgerHeader) -> None:
        """Go on with the ledger that has this header; a try that is still at it may not write to it any more.

        :raises LedgerLost: if another try does the same at the same time.
        """
        self._header = header

        def work(connection: Connection) -> LedgerHeader:
            taken = self.own_header(connection).taken_over()
            connection.execute(statements.update_header(self._table, taken.detail()))
            return replace(taken, summary=None)

        if header.summary is None:
            self._header = self._database.write("go on with the run's ledger", work)
        self._answered, self._may_hold_members = None, True
        self._has_key = bool(self._table.primary_key.columns)
        self._may_hold_doubles = not self._has_key
        if header.summary is None:
            self.make_key()

    def start(self, header: LedgerHeader) -> None:
        """Drop what there is and begin an empty ledger, in one transaction."""
        first_row = row(statements.HEADER, header.created_at, detail=header.detail())

        def work(connection: Connection) -> None:
            lock_for_writing(connection, self._table)
            drop_if_there(connection, self._table)
            self._table.create(connection)
            insert_rows(connection, self._table, [first_row])

        self._database.write("begin the run's ledger", work)
        self._header = header
        self._answered, self._may_hold_members = IdFilter(), False
        self._may_hold_doubles = False
        self._has_key = bool(self._table.primary_key.columns)
        self.holds_nothing, self._done = True, IdSet()

    def drop(self) -> None:
        """Remove the table, if it is there."""
        self._database.write("remove the run's ledger", lambda connection: drop_if_there(connection, self._table))

    def write(self, answers: Sequence[CustomerAnswer]) -> None:
        """Hold the answers in one transaction, in place of earlier ones of the same customers."""
        by_customer = latest(answers)
        # Noted first: where a commit is lost on its way back, nobody knows what is held.
        answered = self.answers_to_forget(by_customer)
        to_forget = by_customer if self._may_hold_members else answered
        if to_forget:
            self.make_key()

        def work(connection: Connection) -> None:
            self.own_header(connection)
            for batch in batches(to_forget, IDS_PER_STATEMENT):
                connection.execute(statements.forget_customers(self._table, batch))
            insert_answers(connection, self._table, by_customer.values())

        self._database.write("store a chunk of answers", work)

    def own_header(self, connection: Connection) -> LedgerHeader:
        """Return the stored header, sure that it is this try's until the transaction ends: to be asked before a write.

        :raises LedgerLost: if another try replaced the ledger, goes on with it, or published and removed it; what it
            holds is not this try's to change.
        """
        self.holds_nothing, self._done = False, None
        stored = failure = None
        try:
            stored = self._read_header(connection, to_write=True)
        except DBAPIError as error:
            failure = error
        # Raised out here: an error that has this one as its context would quote the driver.
        if failure is not None and self.stored_header() is not None:
            raise failure
        if self._header is None or stored is None or replace(stored, summary=None) != self._header:
            raise LedgerLost(
                f"the ledger {self._table.name} is no longer this try's: another try of the same task goes on with it, "
                "began it anew, or ended. Let that one go on; this one stops without changing anything"
            )
        return stored

    def mark_published(self, connection: Connection, header: LedgerHeader) -> None:
        """Store the header's summary, in the transaction that publishes the rows."""
        connection.execute(statements.update_header(self._table, header.detail()))

    def done(self) -> AbstractSet[str]:
        """Return the ids of the customers answered, failed ones left out."""

        def work(connection: Connection) -> IdSet:
            streaming = connection.execution_options(yield_per=ROWS_PER_FETCH)
            return IdSet(streaming.scalars(statements.select_done(self._table)))

        if self._done is None:
            self._done = self._database.read("read which customers are done", work)
        return self._done

    def last_written_at(self) -> datetime:
        """Return when the newest answer was observed, or when the ledger began if there is none (UTC)."""
        query = statements.select_last_written(self._table)
        return as_utc(self._database.read("read the run's ledger", lambda c: c.execute(query).scalar_one()))

    def forget(self, customer_ids: Iterable[str]) -> None:
        """Drop what is staged for some customers, in one transaction."""
        self.make_key()

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
        if self.holds_nothing:
            return []

        def work(connection: Connection) -> list[CustomerAnswer]:
            return [
                CustomerAnswer(id_, as_utc(observed_at), Outcome.FAILED, failure=reason)
                for id_, reason, observed_at in connection.execute(statements.select_failed(self._table, limit))
            ]

        return self._database.read("read which customers failed", work)

    def failed_count(self) -> int:
        """Return how many customers failed."""
        return 0 if self.holds_nothing else self._database.read("count failed customers", self.failed_in)

    def failed_in(self, connection: Connection) -> int:
        """Return how many customers failed, as the connection's transaction sees it."""
        return connection.execute(statements.count_failed(self._table)).scalar_one()

    def unknown(self, limit: int) -> list[str]:
        """Return at most ``limit`` ids Voucherify does not know, ordered."""
        query = statements.select_unknown(self._table, limit)
        return self._database.read("read which customers are unknown", lambda c: list(c.scalars(query)))

    def summarise(self, connection: Connection, parts: Sequence[Segments]) -> tuple[LoadSummary, StagedAs]:
        """Count what is staged.

        :param parts: the segments to show, some at a time; ``None`` for all.
        :returns: the counts, and how the memberships of these segments were staged.
        """
        self.prepare_joins(connection)
        self.drop_doubles(connection)
        return count_staged(connection, self._table, parts)

    def _read_header_if_any(self, connection: Connection) -> LedgerHeader | None:
        if not catalog_of(connection).has_table(self._table.name, schema=self._table.schema):
            return None
        return self._read_header(connection)

    def _read_header(self, connection: Connection, *, to_write: bool = False) -> LedgerHeader | None:
        is_locked = to_write and connection.dialect.name in _LOCKING
        query = (statements.lock_header if is_locked else statements.select_header)(self._table)
        row = connection.execute(query).first()
        return None if row is None else LedgerHeader.read(row[0], row[1])


class _Counted(NamedTuple):
    """How many rows are staged of a sort."""

    kind: str
    outcome: str
    segment_id: str
    segment_name: str
    rows: int


def _in_one_pass(connection: Connection, staging: Table) -> Iterator[_Counted]:
    return (_Counted(*row) for row in connection.execute(statements.count_rows(staging)))


def _by_kind(connection: Connection, staging: Table) -> Iterator[_Counted]:
    for outcome, rows in connection.execute(statements.count_outcomes(staging)):
        yield _Counted(statements.ANSWER, outcome, "", "", rows)
    for kind in (statements.MEMBERSHIP, statements.WALK):
        for segment_id, segment_name, rows in connection.execute(statements.count_by_segment(staging, kind)):
            yield _Counted(kind, "", segment_id, segment_name, rows)


def count_staged(connection: Connection, staging: Table, parts: Sequence[Segments]) -> tuple[LoadSummary, StagedAs]:
    """Count what is staged.

    :param parts: the segments to show, some at a time; ``None`` for all.
    :returns: the counts, and how the memberships of these segments were staged.
    """
    # Where the key begins with the kind, a query for each takes half as long as one pass through all of them.
    counted = list(_by_kind(connection, staging) if staging.primary_key.columns else _in_one_pass(connection, staging))
    outcomes = {one.outcome: one.rows for one in counted if one.kind == statements.ANSWER}
    rest = connection.scalars(statements.select_rest(staging)).one_or_none()
    outcomes[Outcome.NO_SEGMENT] = outcomes.get(Outcome.NO_SEGMENT, 0) + int(rest or 0)
    wanted = None if None in parts else {segment_id for part in parts for segment_id in part or ()}
    staged = [
        SegmentCount(one.segment_id, one.segment_name, one.rows)
        for one in counted
        if one.kind == statements.MEMBERSHIP and (wanted is None or one.segment_id in wanted)
    ]
    if not any(one.kind == statements.WALK and not one.segment_id.startswith(NOTE) for one in counted):
        # Without lists each membership came with its customer's answer.
        return count(outcomes, staged), StagedAs()
    rows = (row for part in parts for row in connection.execute(visible.count_segments(staging, part)))
    shown = count(outcomes, [SegmentCount(*row) for row in rows])
    return shown, StagedAs(is_listed=True, has_hidden=shown.memberships < sum(one.customers for one in staged))
