"""A run's answers in a passing SQLite database of this process, on disk, so that memory stays flat.

It is no ledger: what it holds is lost with the process and told again from the log of the run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_voucherify.api.models import CustomerAnswer, MembershipPage, Scope
from airflow_provider_voucherify.load.base import LoadSummary
from airflow_provider_voucherify.load.errors import StorageFailed
from airflow_provider_voucherify.load.summary import as_utc
from airflow_provider_voucherify.load.xcom.entries import Everyone, Forgotten
from airflow_provider_voucherify.load.xcom.steps import Settled, Step
from airflow_provider_voucherify.warehouse.database import Database

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine import Connection

    from airflow_provider_voucherify.load.errors import StatementFailed
    from airflow_provider_voucherify.load.sql.staged_pages import StagedPages
    from airflow_provider_voucherify.load.sql.staging import Staging


class MembershipRow(NamedTuple):
    """A customer in a segment, as readers see it; the time in UTC."""

    customer_id: str
    segment_id: str
    segment_name: str
    observed_at: datetime
    source_id: str | None


class Scratch:
    """Holds steps as a warehouse's staging table does, and gives out the rows of a finished run.

    :param begun_at: when the run began (UTC).
    """

    def __init__(self, begun_at: datetime) -> None:
        # Imported here: these import SQLAlchemy.
        from airflow_provider_voucherify.load.sql import statements
        from airflow_provider_voucherify.load.sql.staged_pages import StagedPages
        from airflow_provider_voucherify.load.sql.staging import LedgerHeader, Staging

        self._engine = _passing_database()
        self._database: Database = _PassingFile(_Only(self._engine))
        self.staging: Staging = Staging(self._database, statements.staging_table("run", None))
        self.pages: StagedPages = StagedPages(self._database, self.staging)
        self.staging.start(LedgerHeader("", "", begun_at))

    def take(self, steps: Sequence[Step]) -> None:
        """Hold steps; the same again change nothing."""
        if answers := [step for step in steps if isinstance(step, CustomerAnswer)]:
            self.staging.write(answers)
        if pages := [step for step in steps if isinstance(step, MembershipPage)]:
            self.pages.write(pages)
        for step in steps:
            match step:
                case Settled():
                    self.pages.settle(step.customer_ids, step.unknown, step.observed_at)
                case Everyone():
                    self.pages.settle_everyone(step.total, step.observed_at)
                case Forgotten():
                    self.staging.forget(step.customer_ids)

    def summarise(self, scope: Scope) -> LoadSummary:
        """Count what a scope shows."""
        from airflow_provider_voucherify.load.sql.target import parts_of

        def work(connection: Connection) -> LoadSummary:
            summary, _ = self.staging.summarise(connection, parts_of(scope))
            return summary

        return self._database.read("count the run", work)

    def read_rows(self, scope: Scope, rows_at_once: int, use: Callable[[list[MembershipRow]], None]) -> None:
        """Hand out the rows a scope shows, ordered by customer and segment, so many at a time."""
        from airflow_provider_voucherify.load.sql.staged_rows import ROWS_PER_FETCH, batches
        from airflow_provider_voucherify.load.sql.visible import select_memberships

        def rows(connection: Connection) -> Iterator[MembershipRow]:
            streaming = connection.execution_options(yield_per=ROWS_PER_FETCH)
            # Other segments are left out here: a statement takes so many names, and several would break the order.
            for customer, segment, name, at, source in streaming.execute(select_memberships(self.staging.table)):
                if scope.segment_ids is None or segment in scope.segment_ids:
                    yield MembershipRow(customer, segment, name, as_utc(at), source)

        def work(connection: Connection) -> None:
            for batch in batches(rows(connection), rows_at_once):
                use(batch)

        self._database.read("read the run's rows", work)

    def close(self) -> None:
        """Give the room on disk back."""
        self._engine.dispose()


def _passing_database() -> Engine:
    """Open a database in a file that has no name any more, so that nothing is left of it after a SIGKILL.

    SQLite makes such a file where it is opened without a name, and removes the name at once. It is there for one
    connection only.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    return create_engine("sqlite:///file:?uri=true", poolclass=StaticPool, hide_parameters=True)


class _PassingFile(Database):
    """Says where the file is, once there is no room for it: it has no name that an error could tell."""

    def without_room(self, problem: StatementFailed) -> StorageFailed:
        folder = _folder_of_passing_files()
        return StorageFailed(
            f"{problem}. The worker's folder {folder}, where a passing file holds the answers, is full, or a quota is: "
            "make room there, or name another folder in SQLITE_TMPDIR or TMPDIR of the worker; a retry goes on with "
            "what is held"
        )


def _folder_of_passing_files() -> str:
    """Return the folder SQLite takes for files without a name: the first of these that can be written to."""
    named = (os.environ.get(name) for name in ("SQLITE_TMPDIR", "TMPDIR"))
    folders = (*filter(None, named), "/var/tmp", "/usr/tmp", "/tmp")  # noqa: S108 - SQLite's own choice
    return next((one for one in folders if os.path.isdir(one) and os.access(one, os.W_OK | os.X_OK)), ".")


class _Only:
    """Gives an engine that is there already, as a hook gives one it makes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get_sqlalchemy_engine(self, engine_kwargs: dict[str, object] | None = None) -> Engine:  # noqa: ARG002 - made
        return self._engine
