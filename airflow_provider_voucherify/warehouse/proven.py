"""The databases that tables may be in: those on which runs were tried; any other is refused before anything is asked.

A database that is much like another keeps most of its promises: Redshift speaks PostgreSQL's language and has neither
its locks nor its keys. So hook, dialect and what the server says of itself have to be known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, cast

from airflow_provider_voucherify.load.errors import InvalidDestination
from airflow_provider_voucherify.warehouse.databricks.tables import refuse_old_catalog
from airflow_provider_voucherify.warehouse.traits import PROVEN, traits_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine


class _PostgresqlDialect(Protocol):
    name: str
    use_native_hstore: bool
    _set_backslash_escapes: Callable[[Connection], None]


#: By part of a dialect's, connection type's or server's name: the database, and what loads files into it.
_OTHERS = {
    "trino": ("Trino", "GCSToTrinoOperator of apache-airflow-providers-trino"),
    "teradata": ("Teradata", "S3ToTeradataOperator of apache-airflow-providers-teradata"),
    **{name.casefold(): (name, "") for name in ("CockroachDB", "CrateDB", "Greenplum", "Materialize", "QuestDB")},
    **{name.casefold(): (name, "") for name in ("RisingWave", "Cloudberry", "TiDB", "SingleStore", "Doris")},
    **{name.casefold(): (name, "") for name in ("StarRocks", "OceanBase", "Vitess", "PlanetScale", "ClickHouse")},
    "-yb-": ("YugabyteDB", ""),
    "mssql": ("SQL Server", ""),
    "oracle": ("Oracle", ""),
}
_ANY_LOADER = (
    "SQLExecuteQueryOperator of apache-airflow-providers-common-sql, with the statement by which it loads files"
)


def make_engine(engines: object, make: Callable[[], Engine]) -> Engine:
    """Return the engine of a database that tables may be in.

    :param engines: the hook.
    :param make: makes the engine.
    :raises InvalidDestination: if the hook is of another database, or makes none.
    """
    from sqlalchemy.exc import ArgumentError  # that of an unknown dialect too

    kind = getattr(engines, "conn_type", None)
    if isinstance(kind, str):
        refuse_by_name(engines, kind, f"connection type {kind}")
    try:
        engine = make()
    except (ImportError, NotImplementedError, ArgumentError) as error:
        # What passes, such as a service for tokens that does not answer, goes its way: a retry may help.
        if kind == "snowflake" and "token_file_path" in str(error):
            raise InvalidDestination(
                f"{_whose(engines)} has the extra token_file_path, which holds for its queries, and of which "
                "snowflake-sqlalchemy lets no address tell: write the token itself into the extra token, or write "
                "ObjectFiles"
            ) from None
        module = f" (no module {error.name!r})" if isinstance(error, ModuleNotFoundError) else ""
        raise InvalidDestination(
            f"{_whose(engines)} gives no SQLAlchemy engine: {type(error).__name__}{module} from "
            f"{type(engines).__name__}. Look whether the database's provider is installed with its SQLAlchemy extra, "
            "or write ObjectFiles"
        ) from None
    if kind == "redshift" and engine.dialect.name == "postgresql":
        _speak_to_redshift(cast("_PostgresqlDialect", engine.dialect))
    name = engine.dialect.name
    if name not in PROVEN:
        refuse_by_name(engines, name, f"SQLAlchemy's dialect {name}")
        raise _unproven(engines, name, f"SQLAlchemy's dialect {name}", "")
    return engine


def _speak_to_redshift(dialect: _PostgresqlDialect) -> None:
    """Let a dialect of PostgreSQL's, which is the one of Redshift's hook, be called by its name, and not ask a new
    connection for what Redshift lacks: a setting, and types that extensions bring."""
    dialect.name = "redshift"
    dialect.use_native_hstore = False
    # Made by SQLAlchemy to be put out of the way for Redshift, whose strings are the standard's.
    dialect._set_backslash_escapes = lambda _: None  # noqa: SLF001


def check_server(engines: object, connection: Connection) -> None:
    """Look whether the server is the one its dialect is made for.

    :raises InvalidDestination: if it says that it is another.
    """
    if (asking := traits_of(connection.dialect).asking) is None:
        return
    said = str(connection.exec_driver_sql(asking).scalar_one())
    if connection.dialect.name == "databricks":
        refuse_old_catalog(said, _whose(engines))
        return
    refuse_by_name(engines, said, f"server version {said[:80]}")
    is_redshift = "redshift" in said.casefold()
    if is_redshift != (connection.dialect.name == "redshift"):
        right = "redshift" if is_redshift else "postgres"
        raise InvalidDestination(
            f"{_whose(engines)} leads to another database than its type says (server version {said[:80]}): make it a "
            f"connection of type {right}"
        )
    if connection.dialect.name == "postgresql" and not said.startswith("PostgreSQL "):
        raise _unproven(engines, "the server", f"server version {said[:80]}", "")


def refuse_by_name(engines: object, name: str, told_by: str) -> None:
    """Refuse a database that is known not to be one of those.

    :param engines: the hook.
    :param name: that of its dialect or connection type, or what the server says of itself.
    :param told_by: for people: how that is known.
    :raises InvalidDestination: if the name is of one on which nothing was tried.
    """
    for part, (database, loader) in _OTHERS.items():
        if part in name.casefold():
            raise _unproven(engines, database, told_by, loader)


def _unproven(engines: object, database: str, told_by: str, loader: str) -> InvalidDestination:
    proven = ", ".join(traits.title for traits in PROVEN.values())
    return InvalidDestination(
        f"{_whose(engines)} is of a database on which no run was tried: {database} ({told_by}). Tables may be in "
        f"{proven}. Write ObjectFiles instead, and load the files with {loader or _ANY_LOADER}"
    )


def _whose(engines: object) -> str:
    conn_id = getattr(engines, getattr(engines, "conn_name_attr", ""), None)
    return f"connection {conn_id!r}" if isinstance(conn_id, str) else "the connection"
