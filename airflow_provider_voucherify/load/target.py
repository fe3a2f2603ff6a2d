"""The table people read, and beside it the table of failures: is it fit, and how a run becomes visible in it."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_voucherify.load import statements
from airflow_provider_voucherify.load.errors import InvalidDestination, TableUnfit
from airflow_provider_voucherify.load.staging import MAX_NAME_BYTES

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.engine import Connection, Dialect
    from sqlalchemy.engine.interfaces import ReflectedColumn
    from sqlalchemy.engine.reflection import Inspector

    from airflow_provider_voucherify.load.database import Database
    from airflow_provider_voucherify.load.destinations import TableName, WriteMode

log = logging.getLogger(__name__)

FAILURES_SUFFIX = "_failures"


def schema_of(name: TableName, database: Database) -> str | None:
    """Return the schema as SQLAlchemy wants it.

    :raises InvalidDestination: if the name is in another database than the connection's, where the database
        cannot reach across.
    """
    if name.database is None:
        return name.schema
    if database.dialect.name not in ("postgresql", "sqlite"):
        return f"{name.database}.{name.schema}"
    if name.database == database.name:
        return name.schema
    raise InvalidDestination(
        f"table={str(name)!r} is in database {name.database!r}, the connection is to {database.name!r}: "
        f"write {name.schema}.{name.table} and use a connection to {name.database}"
    )


@dataclass(frozen=True, slots=True)
class Target:
    """The tables a run is published to.

    :param display_name: full name as the user wrote it.
    """

    table: Table
    failures: Table
    display_name: str
    write: WriteMode
    run_key: str

    @classmethod
    def of(cls, name: TableName, schema: str | None, write: WriteMode, run_key: str) -> Target:
        """Define the tables for a name and a write mode.

        :raises InvalidDestination: if the name leaves no room for that of the failures table.
        """
        room = MAX_NAME_BYTES - len(FAILURES_SUFFIX)
        if (length := len(name.table.encode())) > room:
            raise InvalidDestination(
                f"table={str(name)!r} has a name of {length} bytes: at most {room}, as "
                f"<name>{FAILURES_SUFFIX} has to fit into {MAX_NAME_BYTES}"
            )
        return cls(
            table=statements.target_table(name.table, schema, with_run_key=write == "append"),
            failures=statements.failures_table(name.table + FAILURES_SUFFIX, schema),
            display_name=str(name),
            write=write,
            run_key=run_key,
        )

    def check(self, connection: Connection) -> None:
        """Look whether what exists can take the run's rows.

        :raises TableUnfit: if not, with the statement that would help where there is one.
        """
        from sqlalchemy import inspect

        inspector = inspect(connection)
        schema = self.table.schema
        if schema is not None and not inspector.has_schema(schema):
            raise TableUnfit(f"there is no schema {schema!r}: create it, or correct table={self.display_name!r}")
        for table in (self.table, self.failures):
            if inspector.has_table(table.name, schema=schema):
                _check_columns(table, inspector.get_columns(table.name, schema=schema), connection.dialect)
        if inspector.has_table(self.table.name, schema=schema):
            self._check_key(inspector)

    def _check_key(self, inspector: Inspector) -> None:
        existing = inspector.get_pk_constraint(self.table.name, schema=self.table.schema)["constrained_columns"]
        needed = [column.name for column in self.table.primary_key]
        if existing and set(existing) < set(needed):
            raise TableUnfit(
                f"the primary key of {self.display_name} is ({', '.join(existing)}), which is too few columns for "
                f"write={self.write!r}: make it ({', '.join(needed)}), or name another table"
            )

    def lock(self, connection: Connection) -> None:
        """Let one run at a time publish to this target, until the transaction ends.

        Of two merges that share a customer, the second cannot see rows the first inserts while it waits for
        the rows the first deletes, and would break the primary key. On PostgreSQL an advisory lock makes them
        take turns: it is held for the publishing only, and hinders neither readers nor other writers, as a
        table lock would. SQLite has one writer at a time anyway. On other databases the loser of such a race
        fails with nothing changed, and its retry publishes without asking anything again.
        """
        if connection.dialect.name != "postgresql":
            return
        schema = self.table.schema or connection.dialect.default_schema_name
        digest = hashlib.blake2b(f"{schema}.{self.table.name}".encode(), digest_size=8).digest()
        connection.execute(statements.lock_until_commit(int.from_bytes(digest, signed=True)))

    def publish(self, connection: Connection, staging: Table) -> None:
        """Make the target show the staged run; the caller holds the lock and commits."""
        # DDL first: a database that commits at DDL (MySQL) has nothing to commit yet.
        self.table.create(connection, checkfirst=True)
        self.record_failures(connection, staging)
        match self.write:
            case "append":
                connection.execute(statements.forget_appended(self.table, staging, self.run_key))
            case "replace":
                connection.execute(statements.forget_replaced(self.table, staging))
            case "merge":
                connection.execute(statements.forget_merged(self.table, staging))
        naive = self._observed_at_is_naive(connection)
        connection.execute(statements.insert_memberships(self.table, staging, self.run_key, observed_at_is_naive=naive))

    def record_failures(self, connection: Connection, staging: Table) -> None:
        """Put the staged failures into the table of failures, in place of those this run recorded before.

        The table is created once there is something to put into it.
        """
        from sqlalchemy import inspect

        some = connection.execute(statements.count_failed(staging)).scalar_one() > 0
        if some:
            self.failures.create(connection, checkfirst=True)
        elif not inspect(connection).has_table(self.failures.name, schema=self.failures.schema):
            return
        connection.execute(statements.forget_failures(self.failures, self.run_key))
        connection.execute(statements.insert_failures(self.failures, staging, self.run_key))

    def _observed_at_is_naive(self, connection: Connection) -> bool:
        from sqlalchemy import DateTime, inspect

        if connection.dialect.name != "postgresql":
            return False
        columns = inspect(connection).get_columns(self.table.name, schema=self.table.schema)
        types = {column["name"]: column["type"] for column in columns}
        observed_at = types["observed_at"]
        return isinstance(observed_at, DateTime) and not observed_at.timezone


def _check_columns(table: Table, existing: list[ReflectedColumn], dialect: Dialect) -> None:
    names = {column["name"] for column in existing}
    missing = [column.name for column in table.columns if column.name not in names]
    if missing:
        help_ = "; ".join(statements.add_column(table, name, dialect) for name in missing)
        raise TableUnfit(
            f"table {table.fullname} exists but lacks {', '.join(missing)}. To use it, run: {help_}; "
            "or name another table"
        )
    needy = [column["name"] for column in existing if column["name"] not in table.c and _needs_value(column)]
    if needy:
        raise TableUnfit(
            f"table {table.fullname} has columns that may not be null and have no default, and are not ours to "
            f"fill: {', '.join(needy)}. Give them a default, or name another table"
        )


def _needs_value(column: ReflectedColumn) -> bool:
    from sqlalchemy import Integer

    if column["nullable"] or column.get("default") is not None:
        return False
    # SQLite fills an INTEGER PRIMARY KEY by itself, and says no more of it than that it is in the key.
    counted = column.get("primary_key") and isinstance(column["type"], Integer)
    return not (counted or column.get("autoincrement") or column.get("computed") or column.get("identity"))
