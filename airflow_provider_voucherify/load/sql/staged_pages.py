"""Segments' members in the ledger: pages as they come, and the customers' answers made of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING

from airflow_provider_voucherify.api.ids import IdSet
from airflow_provider_voucherify.api.models import Member, MembershipPage, Outcome
from airflow_provider_voucherify.load.base import StoredWalk
from airflow_provider_voucherify.load.sql import statements
from airflow_provider_voucherify.load.sql.loaders import insert_rows
from airflow_provider_voucherify.load.sql.staged_rows import (
    IDS_PER_STATEMENT,
    ROWS_PER_FETCH,
    Row,
    batches,
    membership_row,
    row,
)
from airflow_provider_voucherify.load.summary import as_utc

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from airflow_provider_voucherify.load.sql.staging import Staging
    from airflow_provider_voucherify.warehouse.database import Database

_WHOLE = "whole"
_OPEN = "open"
#: More customers are not looked up one by one: to read all names there are takes less time then.
_MOST_LOOKED_UP = 10_000


@dataclass(slots=True)
class _Listed:
    """What the pages of one call say of one segment.

    :param latest: the page that says how the list goes on: the one that came last, whatever its time says.
    :param members: each customer once, with the time and the place among all pages of the last that names them.
    :param begins_anew: whether one of the pages is the first of the list.
    """

    latest: MembershipPage
    members: dict[str, tuple[Member, datetime, int]] = field(default_factory=dict)
    begins_anew: bool = False

    def take(self, page: MembershipPage, place: int) -> None:
        """Add a page that came after those before."""
        self.latest = page
        if page.is_first:
            self.begins_anew = True
            self.members.clear()
        moment = as_utc(page.observed_at)
        self.members.update((member.customer_id, (member, moment, place)) for member in page.members)


class StagedPages:
    """The part of a staging table that holds segments' lists."""

    def __init__(self, database: Database, staging: Staging) -> None:
        self._database = database
        self._staging = staging
        self._table = staging.table
        #: Segments this try wrote pages of.
        self._begun: set[str] = set()
        self._places = count()

    def write(self, pages: Sequence[MembershipPage]) -> None:
        """Hold pages in one transaction, each in place of what came before: clocks of workers tell no order."""
        by_segment: dict[str, _Listed] = {}
        for page in pages:
            by_segment.setdefault(page.segment.id, _Listed(page)).take(page, next(self._places))
        if any(page.members or page.is_first for page in pages):
            self._staging.expect_members()
        if any(listed.begins_anew and listed.latest.segment.id in self._begun for listed in by_segment.values()):
            self._staging.make_key()
        self._begun |= by_segment.keys()

        def work(connection: Connection) -> None:
            self._staging.own_header(connection)
            for listed in by_segment.values():
                if listed.begins_anew:
                    self._forget_list(connection, listed.latest.segment.id)
                self._forget_members(connection, listed)
                insert_rows(connection, self._table, self._member_rows(listed))
            for batch in batches(by_segment, IDS_PER_STATEMENT):
                connection.execute(statements.forget_walks(self._table, batch))
            insert_rows(connection, self._table, [_walk_row(listed.latest) for listed in by_segment.values()])

        self._database.write("store pages of segments' members", work)

    def walks(self) -> dict[str, StoredWalk]:
        """Return how far each segment's list is held, by segment id."""

        def work(connection: Connection) -> dict[str, StoredWalk]:
            stored = connection.execute(statements.select_walks(self._table))
            return {id_: StoredWalk(json.loads(resume), state == _WHOLE) for id_, resume, state in stored}

        if self._staging.holds_nothing:
            return {}
        return self._database.read("read how far segments are listed", work)

    def unlisted(self, customer_ids: Collection[str]) -> IdSet:
        """Return those of the customers that no page names."""

        def work(connection: Connection) -> IdSet:
            streaming = connection.execution_options(yield_per=ROWS_PER_FETCH)
            names = streaming.scalars(statements.select_listed(self._table))
            listed = IdSet(customer_id for customer_id in names if customer_id in customer_ids)
            return IdSet(customer_id for customer_id in customer_ids if customer_id not in listed)

        return self._database.read("read which customers no segment lists", work)

    def settle(self, customer_ids: Sequence[str], unknown: AbstractSet[str], observed_at: datetime) -> None:
        """Give customers their answers, in one transaction: found where a page names them."""
        to_settle = dict.fromkeys(customer_ids)
        to_forget = self._staging.answers_to_forget(to_settle)

        def work(connection: Connection) -> None:
            self._staging.own_header(connection)
            self._staging.drop_doubles(connection)
            listed = self._listed_among(connection, to_settle.keys())
            for batch in batches(to_forget, IDS_PER_STATEMENT):
                connection.execute(statements.forget_answers(self._table, batch))
            insert_rows(connection, self._table, (_answer_row(id_, listed, unknown, observed_at) for id_ in to_settle))

        self._database.write("store the customers' answers", work)

    def _listed_among(self, connection: Connection, customer_ids: AbstractSet[str]) -> set[str]:
        """Return those of the customers a page names: looked up while they are few, else read from all there are."""
        if len(customer_ids) <= (_MOST_LOOKED_UP if self._staging.has_key else IDS_PER_STATEMENT):
            queries = (
                statements.select_listed_among(self._table, batch) for batch in batches(customer_ids, IDS_PER_STATEMENT)
            )
            return {customer_id for query in queries for customer_id in connection.scalars(query)}
        streaming = connection.execution_options(yield_per=ROWS_PER_FETCH)
        listed = streaming.scalars(statements.select_listed(self._table))
        return {customer_id for customer_id in listed if customer_id in customer_ids}

    def settle_everyone(self, total: int, observed_at: datetime) -> None:
        """Give everyone a page names an answer, and remember how many are left, in one transaction."""
        self._staging.expect_answers()

        def work(connection: Connection) -> None:
            self._staging.own_header(connection)
            self._staging.prepare_joins(connection)
            self._staging.drop_doubles(connection)
            connection.execute(statements.forget_all_answers(self._table))
            connection.execute(statements.answer_everyone_listed(self._table, as_utc(observed_at)))
            answered = connection.execute(statements.count_answers(self._table)).scalar_one()
            insert_rows(
                connection, self._table, [row(statements.REST, observed_at, detail=str(max(total - answered, 0)))]
            )

        self._database.write("store everyone's answers", work)

    def _forget_list(self, connection: Connection, segment_id: str) -> None:
        """Drop what an earlier reading of a list left, if there was one."""
        if not connection.scalars(statements.select_walk(self._table, segment_id)).all():
            return
        # Read first: MySQL removes nothing from a table it selects from in the same statement.
        answered = list(connection.scalars(statements.select_found_by(self._table, segment_id)))
        for batch in batches(answered, IDS_PER_STATEMENT):
            connection.execute(statements.forget_answers(self._table, batch))
        connection.execute(statements.forget_list(self._table, segment_id))

    def _forget_members(self, connection: Connection, listed: _Listed) -> None:
        """Make room for a segment's members where they are found by their key.

        Without it nobody is looked up: should a walk repeat somebody, the earlier row goes before anything is made of
        them.
        """
        if not self._staging.has_key:
            return
        for batch in batches(listed.members, IDS_PER_STATEMENT):
            connection.execute(statements.forget_members(self._table, listed.latest.segment.id, batch))

    def _member_rows(self, listed: _Listed) -> Iterator[Row]:
        segment, has_key = listed.latest.segment, self._staging.has_key
        for member, observed_at, place in listed.members.values():
            # Told apart by place where they may be there twice: the one that came later is the one that counts.
            detail = "" if has_key else f"{place:09d}"
            yield membership_row(member.customer_id, segment, observed_at, member.source_id, detail)


def _walk_row(page: MembershipPage) -> Row:
    return row(
        statements.WALK,
        page.observed_at,
        segment_id=page.segment.id,
        segment_name=page.segment.name,
        outcome=_WHOLE if page.is_last else _OPEN,
        detail=json.dumps(page.resume),
    )


def _answer_row(customer_id: str, listed: AbstractSet[str], unknown: AbstractSet[str], observed_at: datetime) -> Row:
    if customer_id in listed:
        outcome = Outcome.FOUND
    else:
        outcome = Outcome.UNKNOWN if customer_id in unknown else Outcome.NO_SEGMENT
    return row(statements.ANSWER, observed_at, customer_id=customer_id, outcome=outcome.value)
