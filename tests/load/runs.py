"""Runs to load: answers, identities, clocks and databases for the tests of this room."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import fsspec
from sqlalchemy import Connection, Engine, NullPool, create_engine, event

from airflow_provider_voucherify.api.models import CustomerAnswer, Member, MembershipPage, Outcome, Segment
from airflow_provider_voucherify.load.base import LoadSummary, RunIdentity, SegmentCount
from airflow_provider_voucherify.load.destinations import WriteMode
from airflow_provider_voucherify.load.files.directory import Directory
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.load.summary import count, latest, memberships
from airflow_provider_voucherify.warehouse import redshift_files
from airflow_provider_voucherify.warehouse.catalog import catalog_of
from airflow_provider_voucherify.warehouse.column_types import mysql_collation
from airflow_provider_voucherify.warehouse.databricks.files import Volume
from airflow_provider_voucherify.warehouse.databricks.transactions import CATALOG_COMMITS
from airflow_provider_voucherify.warehouse.many_rows import Stage
from airflow_provider_voucherify.warehouse.write_lock import LOCK_TABLE
from tests.stand_ins.redshift import refuse_what_it_lacks

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
TABLE = "customer_segments"
#: Texts that some way of loading takes for another.
ODD = [
    *("", "\\N", "\\", "NULL", "null", "'", '"', "`", "a,b", "a\tb", "a\nb\r\n", " blank ", "żółć", "🙂", "\x7f"),
    *("%s", "%%", "{}", ":id", "@id", "@~", "$1:c0"),
]

MembershipRow = tuple[str, str]


@dataclass
class Clock:
    """A clock that stands still until it is told otherwise."""

    moment: datetime = NOON

    def __call__(self) -> datetime:
        """Return the time."""
        return self.moment

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self.moment += by


def segment(name: str) -> Segment:
    """Return the segment ``seg_<name>``."""
    return Segment(id=f"seg_{name}", name=name.title())


def found(customer_id: str, *segments: str, at: datetime = NOON) -> CustomerAnswer:
    """Return the answer for a customer in some segments."""
    return CustomerAnswer(customer_id, at, Outcome.FOUND, tuple(segment(name) for name in segments))


def no_segment(customer_id: str) -> CustomerAnswer:
    """Return the answer for a customer in no segment."""
    return CustomerAnswer(customer_id, NOON, Outcome.NO_SEGMENT)


def unknown(customer_id: str) -> CustomerAnswer:
    """Return the answer for a customer Voucherify does not know."""
    return CustomerAnswer(customer_id, NOON, Outcome.UNKNOWN)


def failed(customer_id: str, reason: str = "ServerFault 502") -> CustomerAnswer:
    """Return the answer for a customer whose question failed."""
    return CustomerAnswer(customer_id, NOON, Outcome.FAILED, failure=reason)


def page(
    name: str,
    *customers: str,
    at: datetime = NOON,
    number: int = 1,
    is_last: bool = False,
    is_first: bool = False,
) -> MembershipPage:
    """Return a page of a segment's members, whose source ids are their ids in capitals."""
    members = tuple(Member(customer_id, customer_id.upper()) for customer_id in customers)
    return MembershipPage(segment(name), members, at, {"next": number + 1}, is_last, is_first)


def summarise(answers: Iterable[CustomerAnswer]) -> LoadSummary:
    """Count what the answers hold; of a customer that was answered twice the last answer counts."""
    outcomes: Counter[str] = Counter()
    customers: Counter[str] = Counter()
    names: dict[str, str] = {}
    for answer in latest(answers).values():
        outcomes[answer.outcome] += 1
        for segment in memberships(answer):
            customers[segment.id] += 1
            names[segment.id] = max(segment.name, names.get(segment.id, ""))
    return count(outcomes, [SegmentCount(id_, names[id_], number) for id_, number in customers.items()])


def identity(key: str = "dag/run/task/-1", fingerprint: str = "job", as_of: datetime | None = None) -> RunIdentity:
    """Return a run's identity."""
    return RunIdentity(key, fingerprint, as_of=as_of)


def _leave_to_the_system(connection: sqlite3.Connection, _record: object) -> None:
    """Let no commit wait for the disk: no test outlives the machine."""
    connection.execute("PRAGMA synchronous = OFF")


def engine_of(url: str, **arguments: object) -> Engine:
    """Return an engine; what stands in for Snowflake has no TLS."""
    if url.startswith("snowflake"):
        arguments["connect_args"] = {"protocol": "http"}
    return create_engine(url, **arguments)


@dataclass
class Warehouse:
    """A database to load into, and the queries of its readers.

    :param url: address of an empty database.
    :param stage_url: directory of an S3, that the environment names, or of a volume, through which rows pass.
    """

    url: str
    clock: Clock = field(default_factory=Clock)
    stage_url: str | None = None

    def get_sqlalchemy_engine(self, engine_kwargs: dict[str, object] | None = None) -> Engine:
        """Return an engine, as an Airflow hook does."""
        engine = engine_of(self.url, **(engine_kwargs or {}))
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _leave_to_the_system)
        if self.is_redshift:
            refuse_what_it_lacks(engine)
        return engine

    def sink(self, write: WriteMode = "merge", run: RunIdentity | None = None, table: str = TABLE) -> TableSink:
        """Return a sink of a new process."""
        return TableSink(self, table, write, run or identity(), self.clock, stage=self.stage())

    def stage(self) -> Stage | None:
        """Return what rows pass through, as a process has it that may be a fork of another."""
        if self.stage_url is None:
            return None
        if self.stage_url.startswith("/Volumes/"):
            return Volume(self.stage_url)
        files = fsspec.filesystem("s3", skip_instance_cache=True)
        path = self.stage_url.removeprefix("s3://")
        directory = Directory(files, path, url=self.stage_url, protocol="s3")
        return redshift_files.S3Stage(directory, "arn:aws:iam::123456789012:role/loading")

    def staged(self) -> list[str]:
        """Return the names of the files in the stage."""
        match self.stage():
            case None:
                return []
            case Volume(path=path):
                return [str(name) for _, name, *_ in self.query(f"LIST '{path}/'")]
            case stage:
                return stage.files.names()

    def sink_opened(self, write: WriteMode = "merge", run: RunIdentity | None = None, table: str = TABLE) -> TableSink:
        """Return a sink of a new process, resumed or begun."""
        sink = self.sink(write, run, table)
        assert sink.open() is None
        return sink

    def load(
        self,
        *answers: CustomerAnswer,
        write: WriteMode = "merge",
        run: RunIdentity | None = None,
        table: str = TABLE,
    ) -> LoadSummary:
        """Load a whole run in chunks of two customers."""
        sink = self.sink_opened(write, run, table)
        for start in range(0, len(answers), 2):
            sink.write(answers[start : start + 2])
        summary = sink.finish()
        sink.close()
        return summary

    def execute(self, statement: str) -> None:
        """Run SQL of the test's own."""
        if self.is_databricks and statement.startswith("create table "):
            statement = f"{statement} {CATALOG_COMMITS}"
        with self._connection() as connection:
            connection.exec_driver_sql(self._escaped(statement))

    def query(self, statement: str) -> list[tuple[object, ...]]:
        """Return the rows of a query."""
        with self._connection() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(self._escaped(statement))]

    def memberships(self, table: str = TABLE) -> list[MembershipRow]:
        """Return (customer, segment) of the table, sorted."""
        rows = self.query(f"select customer_id, segment_id from {table}")
        return sorted((str(customer), str(segment_id)) for customer, segment_id in rows)

    def failures(self) -> list[tuple[object, ...]]:
        """Return (customer, reason, run) of the table of failures, sorted."""
        rows = self.query(f"select customer_id, reason, run_key from {TABLE}_failures")
        return sorted(rows, key=str)

    def tables(self) -> set[str]:
        """Return the names of the tables; but for those by which runs take turns on Snowflake and Databricks."""
        with self._connection() as connection:
            names = set(catalog_of(connection).get_table_names())
        return {name for name in names if not name.endswith(LOCK_TABLE)}

    def ledgers(self) -> set[str]:
        """Return the names of the tables of logs."""
        return {name for name in self.tables() if "__run_" in name}

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        engine = engine_of(self.url, poolclass=NullPool)
        with engine.begin() as connection:
            yield connection

    def _escaped(self, statement: str) -> str:
        doubles = self.is_mysql or self.url.startswith("postgresql")
        return statement.replace("%", "%%") if doubles else statement

    @property
    def is_mysql(self) -> bool:
        """Return whether it is a MariaDB or MySQL server's, which commits at DDL and has a grammar of its own."""
        return self.url.startswith(("mysql", "mariadb"))

    @property
    def is_redshift(self) -> bool:
        """Return whether it is what stands in for Redshift."""
        return "search_path%3Dredshift" in self.url

    @property
    def is_databricks(self) -> bool:
        """Return whether it is what stands in for Databricks."""
        return self.url.startswith("databricks")

    @property
    def conn_type(self) -> str | None:
        """Return the type of the connection, where more than the engine counts."""
        return "redshift" if self.is_redshift else None

    @property
    def enforces_keys(self) -> bool:
        """Return whether the database refuses two rows of one key."""
        return not (self.is_redshift or self.url.startswith(("bigquery", "databricks", "snowflake")))

    @property
    def id_type(self) -> str:
        """Return a type for columns of ids in tables of the test's own."""
        if self.is_redshift:
            return "varchar(1020)"
        if self.url.startswith(("bigquery", "databricks")):
            return "string"
        if not self.is_mysql:
            return "text"
        with self._connection() as connection:
            return f"varchar(255) character set utf8mb4 collate {mysql_collation(connection.dialect)}"

    def kept_as(self, name: str) -> str:
        """Return a table's name as the database has it: a server of MySQL's may be set to small letters."""
        is_small = self.is_mysql and self.query("select @@lower_case_table_names") == [(1,)]
        return name.lower() if is_small or self.is_redshift or self.is_databricks else name

    def quoted(self, name: str) -> str:
        """Return a table's name for SQL of the test's own."""
        name = name.lower() if self.is_redshift else name  # which its stand-in would keep in capitals
        # Doubled for drivers whose statements have parameters; ``_escaped`` does that.
        return engine_of(self.url).dialect.identifier_preparer.quote_identifier(name).replace("%%", "%")


def double_the_marks(warehouse: Warehouse) -> None:
    """Put each mark in twice, where no key refuses it."""
    warehouse.execute("create table doubled (run_key text, published_at datetime, detail text)")
    for _ in range(2):
        warehouse.execute(f"insert into doubled select * from {TABLE}__marks")
    warehouse.execute(f"drop table {TABLE}__marks")
    warehouse.execute(f"alter table doubled rename to {TABLE}__marks")


@dataclass
class Recorded(Warehouse):
    """A database whose statements are kept."""

    statements: list[str] = field(default_factory=list)

    def get_sqlalchemy_engine(self, engine_kwargs: dict[str, object] | None = None) -> Engine:
        """Return an engine that is listened to."""
        engine = super().get_sqlalchemy_engine(engine_kwargs)
        event.listen(engine, "before_cursor_execute", self._keep)
        return engine

    def _keep(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        self.statements.append(" ".join(statement.split()))

    def words(self) -> Counter[str]:
        """Return how often each kind of statement was sent."""
        return Counter(statement.split()[0] for statement in self.statements)
