"""A run through the sink, and the least a database can do to take the same rows."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias, cast

from sqlalchemy import Column, Connection, MetaData, Table, delete, insert, literal, select

from airflow_provider_voucherify.api.models import CustomerAnswer, Member, MembershipPage, Outcome, Scope, Segment
from airflow_provider_voucherify.load.base import RunIdentity
from airflow_provider_voucherify.load.destinations import WriteMode
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.load.sql.visible import target_table
from airflow_provider_voucherify.operators.pace import Pace
from airflow_provider_voucherify.warehouse.many_rows import copy_from_client, insert_lists
from benchmarks.load.databases import Warehouse

#: How the sink is told: customers' answers, all alike or each another, or pages of segments' members that are settled
#: at the end.
Way: TypeAlias = Literal["answers alike", "answers that differ", "lists"]

SEGMENTS = tuple(Segment(f"seg_{number:020d}", f"Segment number {number}") for number in range(40))
SEGMENTS_PER_CUSTOMER = 5
#: What the operator stores at a time: half a chunk.
CUSTOMERS_PER_PART = PAGES_PER_PART = Pace().chunk_size // 2
MEMBERS_PER_PAGE = 99
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
TABLE = "customer_segments"

Row: TypeAlias = tuple[str, str, str, datetime]


def seconds_of_runs(url: str, memberships: int, way: Way, write: WriteMode, runs: int) -> list[tuple[float, float]]:
    """Load the same rows run after run, day after day; return the seconds of writing and of publishing of each."""
    return [_run(url, memberships, way, write, NOON + timedelta(days=number)) for number in range(runs)]


def _run(url: str, memberships: int, way: Way, write: WriteMode, as_of: datetime) -> tuple[float, float]:
    identity = RunIdentity(f"{as_of:%Y-%m-%d}", "benchmark", as_of=as_of)
    sink = TableSink(Warehouse(url), TABLE, write, identity, lambda: as_of)
    sink.open()
    began_at = time.perf_counter()
    customers = memberships // SEGMENTS_PER_CUSTOMER
    if way != "lists":
        for answers in _answers(customers, way):
            sink.write(answers)
    else:
        for pages in _pages(customers):
            sink.write_pages(pages)
        sink.settle_everyone(customers, as_of)
    written_at = time.perf_counter()
    assert sink.finish(Scope(everyone=way == "lists")).memberships == memberships
    finished_at = time.perf_counter()
    sink.close()
    return written_at - began_at, finished_at - written_at


def seconds_by_hand(url: str, memberships: int, way: Way, write: WriteMode) -> list[float]:
    """Load the same rows by hand, twice; return the seconds of each time.

    COPY (PostgreSQL, in its binary format), lists (DuckDB) or executemany into a table without index, then one INSERT
    ... SELECT into the table with its key, all in one transaction. The second time the table is full of the same rows:
    they are removed first, but for ``append``, whose rows carry the name of their run.
    """
    names_runs = write == "append"
    target = target_table(TABLE, None, "append" if names_runs else "merge")
    columns = [Column(column.name, column.type) for column in target.columns if column.name != "run_key"]
    staged = Table("by_hand", MetaData(), *columns)
    engine = Warehouse(url).get_sqlalchemy_engine()
    with engine.begin() as connection:
        target.create(connection, checkfirst=False)
        staged.create(connection, checkfirst=False)
    seconds = []
    for is_full in (False, True):
        began_at = time.perf_counter()
        with engine.begin() as connection:
            _stage(connection, staged, _rows(memberships // SEGMENTS_PER_CUSTOMER, way))
            if is_full and not names_runs:
                connection.execute(delete(target))
            run = {"run_key": literal(f"2026-01-{31 if is_full else 30}")} if names_runs else {}
            rows = select(*staged.columns, *run.values())
            connection.execute(insert(target).from_select([*staged.columns.keys(), *run], rows))
        seconds.append(time.perf_counter() - began_at)
        with engine.begin() as connection:
            staged.drop(connection)
            staged.create(connection)
    return seconds


def _stage(connection: Connection, staged: Table, chunks: Iterator[list[Row]]) -> None:
    names = staged.columns.keys()
    if connection.dialect.name == "duckdb":
        for rows in chunks:
            lists = map(list, zip(*rows, strict=True))
            connection.execute(insert_lists(staged), dict(zip(names, lists, strict=True)))
        return
    if connection.dialect.name != "postgresql":
        for rows in chunks:
            connection.execute(insert(staged), [dict(zip(names, row, strict=True)) for row in rows])
        return
    cursor = connection.connection.cursor()
    with cursor.copy(copy_from_client(staged, binary=True)) as copy:
        copy.set_types(["text", "text", "text", "timestamptz"])
        write_row = cast("Callable[[Row], None]", copy.write_row)
        for rows in chunks:
            for row in rows:
                write_row(row)


def _rows(customers: int, way: Way) -> Iterator[list[Row]]:
    if way != "lists":
        for answers in _answers(customers, way):
            yield [(one.customer_id, each.id, each.name, one.observed_at) for one in answers for each in one.segments]
        return
    for pages in _pages(customers):
        yield [
            (member.customer_id, page.segment.id, page.segment.name, page.observed_at)
            for page in pages
            for member in page.members
        ]


def _answers(customers: int, way: Way) -> Iterator[list[CustomerAnswer]]:
    """Yield answers of customers in five segments each: all in the same five, or each in five of forty."""
    chance, alike = random.Random(1), SEGMENTS[:SEGMENTS_PER_CUSTOMER]
    for start in range(0, customers, CUSTOMERS_PER_PART):
        yield [
            CustomerAnswer(
                _name(number),
                NOON,
                Outcome.FOUND,
                alike if way == "answers alike" else tuple(chance.sample(SEGMENTS, SEGMENTS_PER_CUSTOMER)),
            )
            for number in range(start, min(start + CUSTOMERS_PER_PART, customers))
        ]


def _pages(customers: int) -> Iterator[Sequence[MembershipPage]]:
    """Yield pages of five segments that everyone is in, one segment after the other."""
    for segment in SEGMENTS[:SEGMENTS_PER_CUSTOMER]:
        pages = []
        for start in range(0, customers, MEMBERS_PER_PAGE):
            end = min(start + MEMBERS_PER_PAGE, customers)
            # Lists are ordered by age, not by id.
            members = tuple(Member(_name(number * 7_919 % customers)) for number in range(start, end))
            pages.append(MembershipPage(segment, members, NOON, {"after": end}, end == customers, start == 0))
            if len(pages) == PAGES_PER_PART:
                yield pages
                pages = []
        yield pages


def _name(number: int) -> str:
    return f"customer-{number:09d}"
