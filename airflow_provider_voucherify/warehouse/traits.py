"""What each database is like, where that matters to us: said here once, and asked for by its trait, not by its name.

How its statements differ is with what makes them: types, locks, bulk loaders and the catalog.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

#: How long a passing table is there: temporary ones go with the transaction or the connection, BigQuery's and
#: Databricks' with the connection, or else within a day, or with the next run.
Lasting: TypeAlias = Literal["transaction", "connection", "a day", "until removed"]

#: By SQLAlchemy's name: the two servers that speak MySQL's language.
MYSQL = ("mysql", "mariadb")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a database is like.

    :param title: its name, for people.
    :param asking: the query by which its server says what it is, where other servers speak the same language.
    :param temporary: how long its temporary tables last, if it has such as can be used.
    :param has_temporary_in_schema: whether these are in a schema, as others are.
    :param joins_by_keys: whether it looks through a table without a key for each row of another; others make hashes.
    :param enforces_keys: whether it refuses two rows of one key; if not, a key is a remark.
    :param ends_with_ddl: whether creating something lets a lock go that runs take turns by, or is refused under it.
    :param defines_at_once: whether two may create or drop the same at once, where it is said to be no matter.
    :param ends_one_of_two_writers: whether of two that change rows of one table at once one is ended.
    :param loads_in_transactions: whether many rows go in within a transaction, as few do.
    :param keeps_session: whether another session costs more than a statement, and an idle one hinders nobody.
    :param has_standard_catalog: whether it is read through the catalog of the SQL standard; others as SQLAlchemy does.
    :param has_catalog_per_database: whether each database of a server has a catalog of its own.
    :param reaches_other_databases: whether one connection writes to several databases.
    :param takes_cases_alike: whether ``Segments`` and ``segments`` are one name, in quotes as well.
    :param finds_exact_names: whether its catalog finds tables by exact names all the same.
    :param has_naive_times: whether times may be in a column without a zone, where they are written in UTC.
    :param shuns_naive_times: whether a history, whose moments are compared, refuses such a column.
    :param most_id_characters: how long an id may be; ``None`` for any length.
    :param most_name_length: how long the name of a column may be, and, but on BigQuery, of a table, which not every
        server says by itself; ``None`` if nobody writes so long a one.
    :param counts_name_bytes: whether that is in bytes, not characters.
    """

    title: str
    asking: str | None = None
    temporary: Lasting = "connection"
    has_temporary_in_schema: bool = False
    joins_by_keys: bool = False
    enforces_keys: bool = True
    ends_with_ddl: bool = False
    defines_at_once: bool = False
    ends_one_of_two_writers: bool = False
    loads_in_transactions: bool = True
    keeps_session: bool = False
    has_standard_catalog: bool = False
    has_catalog_per_database: bool = False
    reaches_other_databases: bool = False
    takes_cases_alike: bool = False
    finds_exact_names: bool = False
    has_naive_times: bool = False
    shuns_naive_times: bool = False
    most_id_characters: int | None = None
    most_name_length: int | None = None
    counts_name_bytes: bool = False


_MYSQL = Traits(
    title="MySQL",
    asking="SELECT concat(version(), ' ', @@version_comment)",
    has_temporary_in_schema=True,
    joins_by_keys=True,
    keeps_session=True,
    takes_cases_alike=True,
    most_id_characters=255,
    most_name_length=64,
)
#: By SQLAlchemy's dialect: the databases that tables may be in, those on which runs were tried.
PROVEN: Mapping[str, Traits] = MappingProxyType(
    {
        "postgresql": Traits(
            title="PostgreSQL",
            asking="SELECT version()",
            # PgBouncer may give the next transaction to another session of the server, and this session to others.
            temporary="transaction",
            keeps_session=True,
            has_naive_times=True,
            shuns_naive_times=True,
            most_name_length=63,
            counts_name_bytes=True,
        ),
        "sqlite": Traits(title="SQLite", joins_by_keys=True, takes_cases_alike=True, finds_exact_names=True),
        "duckdb": Traits(
            title="DuckDB",
            # duckdb-engine inherits PostgreSQL's inspection, which asks for catalogs DuckDB lacks, and finds a table by
            # its name in whatever schema.
            has_standard_catalog=True,
            reaches_other_databases=True,
            takes_cases_alike=True,
            finds_exact_names=True,
            has_naive_times=True,
            shuns_naive_times=True,
        ),
        "mysql": _MYSQL,
        "mariadb": replace(_MYSQL, title="MariaDB"),
        "snowflake": Traits(
            title="Snowflake",
            has_temporary_in_schema=True,
            enforces_keys=False,
            ends_with_ddl=True,
            keeps_session=True,
            # SQLAlchemy's takes a schema in another database for none.
            has_standard_catalog=True,
            has_catalog_per_database=True,
            reaches_other_databases=True,
            shuns_naive_times=True,
            most_name_length=255,
        ),
        "redshift": Traits(
            title="Redshift",
            asking="SELECT version()",
            enforces_keys=False,
            ends_one_of_two_writers=True,
            keeps_session=True,
            has_standard_catalog=True,
            has_naive_times=True,
            shuns_naive_times=True,
            most_name_length=127,
            counts_name_bytes=True,
        ),
        "bigquery": Traits(
            title="BigQuery",
            temporary="a day",
            has_temporary_in_schema=True,
            enforces_keys=False,
            ends_with_ddl=True,
            defines_at_once=True,
            ends_one_of_two_writers=True,
            loads_in_transactions=False,
            reaches_other_databases=True,
            takes_cases_alike=True,  # those of columns
            shuns_naive_times=True,
            most_name_length=300,
        ),
        "databricks": Traits(
            title="Databricks",
            asking="SELECT current_catalog()",
            temporary="a day",
            has_temporary_in_schema=True,
            enforces_keys=False,
            ends_with_ddl=True,
            defines_at_once=True,
            ends_one_of_two_writers=True,
            loads_in_transactions=False,
            keeps_session=True,
            has_standard_catalog=True,
            has_catalog_per_database=True,
            reaches_other_databases=True,
            takes_cases_alike=True,
            shuns_naive_times=True,
            most_name_length=255,
        ),
    }
)
#: Of a database that is in no list: nothing is taken for granted. Its statements are compiled, and it is refused.
_UNKNOWN = Traits(title="another database", temporary="until removed", reaches_other_databases=True)


def traits_of(dialect: Dialect) -> Traits:
    """Return what the database of a dialect is like."""
    return PROVEN.get(dialect.name, _UNKNOWN)
