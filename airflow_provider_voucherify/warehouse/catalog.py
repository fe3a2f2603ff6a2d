"""What a database says of the tables it has, and of what its user may do with them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

from airflow_provider_voucherify.load.errors import TableUnfit
from airflow_provider_voucherify.warehouse.bigquery.tables import TableResources, check_permissions
from airflow_provider_voucherify.warehouse.databricks.transactions import known_tables
from airflow_provider_voucherify.warehouse.table_names import end_of_log_name, for_people, is_log_name
from airflow_provider_voucherify.warehouse.traits import traits_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, FromClause, Table
    from sqlalchemy.engine import Connection
    from sqlalchemy.engine.interfaces import (
        ReflectedColumn,
        ReflectedIndex,
        ReflectedPrimaryKeyConstraint,
        ReflectedUniqueConstraint,
    )
    from sqlalchemy.types import TypeEngine

    Condition: TypeAlias = ColumnElement[bool]


class Catalog(Protocol):
    """The part of SQLAlchemy's ``Inspector`` that is asked for here; ``None`` is the connection's own schema."""

    def has_schema(self, schema_name: str) -> bool:
        """Return whether there is such a schema."""

    def has_table(self, table_name: str, schema: str | None = None) -> bool:
        """Return whether there is such a table or view."""

    def get_table_names(self, schema: str | None = None) -> list[str]:
        """Return the names of a schema's tables."""

    def get_columns(self, table_name: str, schema: str | None = None) -> list[ReflectedColumn]:
        """Return a table's columns, in order."""

    def get_pk_constraint(self, table_name: str, schema: str | None = None) -> ReflectedPrimaryKeyConstraint:
        """Return a table's primary key; one of no columns if it has none."""

    def get_unique_constraints(self, table_name: str, schema: str | None = None) -> list[ReflectedUniqueConstraint]:
        """Return a table's unique constraints."""

    def get_indexes(self, table_name: str, schema: str | None = None) -> list[ReflectedIndex]:
        """Return a table's indexes."""


def catalog_of(connection: Connection) -> Catalog:
    """Return the catalog of the database a connection is to, as the connection's transaction sees it."""
    from sqlalchemy import inspect

    if connection.dialect.name == "bigquery":
        return TableResources(connection)
    has_standard = traits_of(connection.dialect).has_standard_catalog
    return InformationSchema(connection) if has_standard else inspect(connection)


def runs_with_log(connection: Connection, target: Table) -> set[str]:
    """Return what tells the runs apart that have a log beside a target, as ``end_of_log_name`` does."""
    names = catalog_of(connection).get_table_names(schema=target.schema)
    return {end_of_log_name(name).lower() for name in names if is_log_name(name, target.name)}


def column_types(connection: Connection, table: Table) -> dict[str, TypeEngine[object]]:
    """Return the types of the columns that a table has in the database, by their names: for a domain of PostgreSQL's
    the one it is made of."""
    from sqlalchemy.dialects.postgresql import DOMAIN

    columns = catalog_of(connection).get_columns(table.name, schema=table.schema)
    types = {column["name"]: column["type"] for column in columns}
    has_domains = any(isinstance(one, DOMAIN) for one in types.values())
    return types | _types_of_domains(connection, table) if has_domains else types


def _types_of_domains(connection: Connection, table: Table) -> dict[str, TypeEngine[object]]:
    """Return the types that a table's domains are made of: SQLAlchemy leaves out digits, and then the zone."""
    from sqlalchemy import DateTime, func, select
    from sqlalchemy.dialects.postgresql import TIMESTAMP
    from sqlalchemy.types import NullType

    from airflow_provider_voucherify.warehouse.column_types import type_named

    said = ("column_name", "data_type", "datetime_precision", "numeric_precision", "numeric_scale")
    columns = information_view("columns", "table_schema", "table_name", "domain_name", *said)
    named = for_people(connection.dialect.identifier_preparer.format_table(table), connection.dialect)
    place = func.format("%I.%I", columns.c.table_schema, columns.c.table_name)
    query = select(*(columns.c[one] for one in said)).where(
        columns.c.table_name == table.name,
        func.to_regclass(place) == func.to_regclass(named),
        columns.c.domain_name.is_not(None),
    )
    types: dict[str, TypeEngine[object]] = {}
    for name, type_, precision, *digits in connection.execute(query):
        found = type_named(type_, *digits, timestamp_has_zone=False)
        if isinstance(found, DateTime):
            found = TIMESTAMP(found.timezone, precision)
        if not isinstance(found, NullType):  # as of a domain of a domain
            types[name] = cast("TypeEngine[object]", found)
    return types


def column_names(connection: Connection, table: Table) -> set[str]:
    """Return the names of the columns that a table has in the database; none if it was dropped meanwhile."""
    from sqlalchemy.exc import NoSuchTableError

    try:
        return {*column_types(connection, table)}
    except NoSuchTableError:
        return set()


def unique_keys(connection: Connection, table: Table) -> list[list[str]]:
    """Return the columns of each key that no two rows of a table may have alike; those of expressions or of some rows
    are left out.
    """
    catalog, of_expressions = catalog_of(connection), _keys_of_expressions(connection, table)
    primary = catalog.get_pk_constraint(table.name, schema=table.schema)["constrained_columns"]
    constraints = [
        one
        for one in catalog.get_unique_constraints(table.name, schema=table.schema)
        if one["name"] not in of_expressions
    ]
    indexes = [
        [name for name in index["column_names"] if name is not None]
        for index in catalog.get_indexes(table.name, schema=table.schema)
        if index["unique"] and None not in index["column_names"] and not _is_partial(index)
        if index["name"] not in of_expressions
    ]
    return [primary, *(one["column_names"] for one in constraints), *indexes]


def _keys_of_expressions(connection: Connection, table: Table) -> set[str]:
    """Return the names of MySQL's keys with an expression in them: SQLAlchemy leaves it out, as if there were none."""
    from sqlalchemy import func, select

    if connection.dialect.name != "mysql" or getattr(connection.dialect, "is_mariadb", False):
        return set()
    parts = information_view("statistics", "table_schema", "table_name", "index_name", "expression")
    schema = func.database() if table.schema is None else table.schema
    of_table = (parts.c.table_schema == schema) & (parts.c.table_name == table.name)
    return set(connection.scalars(select(parts.c.index_name).where(of_table, parts.c.expression.is_not(None))))


def _is_partial(index: ReflectedIndex) -> bool:
    return any(
        name.endswith("_where") and value is not None for name, value in index.get("dialect_options", {}).items()
    )


def create_if_missing(connection: Connection, table: Table) -> None:
    """Create a table, if there is none of its name in its schema."""
    from sqlalchemy.schema import CreateTable

    if catalog_of(connection).has_table(table.name, schema=table.schema):
        return
    if traits_of(connection.dialect).ends_with_ddl:
        # Nothing keeps others from doing the same at this moment: one of the two finds it there. It has no indexes.
        connection.execute(CreateTable(table, if_not_exists=True))
    else:
        table.create(connection, checkfirst=False)


def drop_if_there(connection: Connection, table: Table) -> None:
    """Drop a table, if there is one of its name in its schema."""
    from sqlalchemy.schema import DropTable

    if catalog_of(connection).has_table(table.name, schema=table.schema):
        connection.execute(DropTable(table, if_exists=traits_of(connection.dialect).defines_at_once))


class InformationSchema:
    """The catalog as the SQL standard has it.

    :param connection: to a database that has ``current_schema()`` and ``current_database()``, or what Databricks calls
        that.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        dialect = connection.dialect
        # Snowflake writes names in capitals that SQLAlchemy has in small letters.
        self._as_stored = dialect.denormalize_name if dialect.requires_name_normalize else str
        self._as_named = dialect.normalize_name if dialect.requires_name_normalize else str
        self._traits = traits_of(dialect)
        self._is_databricks = dialect.name == "databricks"
        self._float_is_single = dialect.name in ("databricks", "duckdb")

    def has_schema(self, schema_name: str) -> bool:
        """Return whether there is such a schema."""
        from sqlalchemy import func, select

        schemata = self._view(schema_name, "schemata", "catalog_name", "schema_name")
        database, schema = self._parts(schema_name)
        is_it = (schemata.c.catalog_name == database) & (schemata.c.schema_name == schema)
        query = select(func.count()).select_from(schemata).where(is_it)
        return self._connection.execute(query).scalar_one() > 0

    def has_table(self, table_name: str, schema: str | None = None) -> bool:
        """Return whether there is such a table or view."""
        from sqlalchemy import func, select

        if (known := known_tables(self._connection)) is not None:
            return table_name in known  # and in its transaction Databricks answers no such question
        tables = self._view(schema, "tables", "table_catalog", "table_schema", "table_name")
        is_it = self._in_schema(tables, schema) & (tables.c.table_name == self._as_stored(table_name))
        return self._connection.execute(select(func.count()).select_from(tables).where(is_it)).scalar_one() > 0

    def kind_of(self, table_name: str, schema: str | None) -> tuple[str, str | None] | None:
        """Return Databricks' type of a table or view, and the format of its data; ``None`` if there is none."""
        from sqlalchemy import select

        said = ("table_type", "data_source_format")
        tables = self._view(schema, "tables", "table_catalog", "table_schema", "table_name", *said)
        is_it = self._in_schema(tables, schema) & (tables.c.table_name == self._as_stored(table_name))
        found = self._connection.execute(select(*(tables.c[one] for one in said)).where(is_it)).first()
        return None if found is None else (str(found[0]), found[1])

    def get_table_names(self, schema: str | None = None) -> list[str]:
        """Return the names of a schema's tables and views."""
        from sqlalchemy import select

        tables = self._view(schema, "tables", "table_catalog", "table_schema", "table_name")
        names = self._connection.scalars(select(tables.c.table_name).where(self._in_schema(tables, schema)))
        return [self._as_named(name) for name in names]

    def names_since_yesterday(self, schema: str | None) -> list[str]:
        """Return the names of a schema's tables, on Databricks, that were made more than a day ago."""
        from sqlalchemy import func, select, text

        tables = self._view(schema, "tables", "table_catalog", "table_schema", "table_name", "created")
        is_old = tables.c.created < func.current_timestamp() - text("INTERVAL 1 DAY")
        return list(
            self._connection.scalars(select(tables.c.table_name).where(self._in_schema(tables, schema), is_old))
        )

    def get_columns(self, table_name: str, schema: str | None = None) -> list[ReflectedColumn]:
        """Return a table's columns, in order; types that nobody here asks about are ``NullType``."""
        from sqlalchemy import select

        from airflow_provider_voucherify.warehouse.column_types import type_named

        said = ("column_name", "data_type", "is_nullable", "column_default", "numeric_precision", "numeric_scale")
        of_table = ("table_catalog", "table_schema", "table_name", "ordinal_position")
        columns = self._view(schema, "columns", *of_table, *said)
        query = select(*(columns.c[name] for name in said)).where(
            self._in_schema(columns, schema) & (columns.c.table_name == self._as_stored(table_name))
        )
        return [
            {
                "name": self._as_named(name),
                "type": type_named(
                    type_,
                    *digits,
                    timestamp_has_zone=self._is_databricks,
                    float_is_single=self._float_is_single,
                ),
                "nullable": is_nullable == "YES",
                "default": default,
            }
            for name, type_, is_nullable, default, *digits in self._connection.execute(
                query.order_by(columns.c.ordinal_position)
            )
        ]

    def get_pk_constraint(self, table_name: str, schema: str | None = None) -> ReflectedPrimaryKeyConstraint:
        """Return a table's primary key; one of no columns if it has none that is enforced."""
        keys = self._keys("PRIMARY KEY", table_name, schema)
        return {"name": None, "constrained_columns": next(iter(keys.values()), [])}

    def get_unique_constraints(self, table_name: str, schema: str | None = None) -> list[ReflectedUniqueConstraint]:
        """Return a table's unique constraints, those that are enforced."""
        keys = self._keys("UNIQUE", table_name, schema)
        return [{"name": name, "column_names": columns} for name, columns in keys.items()]

    def get_indexes(self, table_name: str, schema: str | None = None) -> list[ReflectedIndex]:  # noqa: ARG002 - as inspectors have it
        """Return none: the standard knows of no indexes."""
        return []

    def _keys(self, kind: str, table_name: str, schema: str | None) -> dict[str, list[str]]:
        """Return the columns of a table's keys of a kind, by the key's name."""
        from sqlalchemy import select

        found = defaultdict[str, list[str]](list)
        if not self._traits.enforces_keys:
            return found
        place = ("table_catalog", "table_schema", "table_name", "constraint_name")
        keys = self._view(schema, "key_column_usage", *place, "column_name", "ordinal_position")
        constraints = self._view(schema, "table_constraints", *place, "constraint_type")
        same = [keys.c[name] == constraints.c[name] for name in place]
        query = select(keys.c.constraint_name, keys.c.column_name).join(constraints, _all_of(same))
        query = query.where(
            self._in_schema(keys, schema) & (keys.c.table_name == self._as_stored(table_name)),
            constraints.c.constraint_type == kind,
        )
        for name, column in self._connection.execute(query.order_by(keys.c.ordinal_position)):
            found[name].append(self._as_named(column))
        return found

    def _view(self, schema: str | None, name: str, *columns: str) -> FromClause:
        """Return a view of the catalog that tells of a schema."""
        database, _, _ = (schema or "").rpartition(".")
        its_own = database if self._traits.has_catalog_per_database else ""
        return information_view(name, *columns, database=its_own or None)

    def _in_schema(self, view: FromClause, schema: str | None) -> Condition:
        from sqlalchemy import func

        here = (self._database(), func.current_schema())
        database, name = here if schema is None else self._parts(schema)
        return (view.c.table_catalog == database) & (view.c.table_schema == name)

    def _parts(self, schema: str) -> tuple[object, object]:
        """Cut ``database.schema``; without a database it is the connection's."""
        database, dot, name = schema.rpartition(".")
        return (self._as_stored(database) if dot else self._database()), self._as_stored(name)

    def _database(self) -> ColumnElement[str]:
        from sqlalchemy import func

        return func.current_catalog(type_=None) if self._is_databricks else func.current_database()


def information_view(name: str, *columns: str, database: str | None = None) -> FromClause:
    """Return a view of the SQL standard's catalog, with the columns asked for.

    :param database: whose catalog, where each database has its own; ``None`` for the connection's.
    """
    from sqlalchemy import column, table

    schema = "information_schema" if database is None else f"{database}.information_schema"
    return table(name, *(column(each) for each in columns), schema=schema).alias(f"{name}_asked")


def _all_of(conditions: list[Condition]) -> Condition:
    from sqlalchemy import and_

    return and_(*conditions)


#: Of a table whose rows a run puts in place of others.
REPLACE = ("SELECT", "INSERT", "DELETE")
#: Of a table whose rows a run changes as well.
CHANGE = (*REPLACE, "UPDATE")
#: Of a table that only grows.
ADD = ("SELECT", "INSERT")


def check_rights(table: Table, rights: Sequence[str], connection: Connection) -> None:
    """Look whether the user has rights in a table, if it exists; on PostgreSQL and BigQuery, others are asked when it
    is used.

    :param rights: names of PostgreSQL's privileges; one for some columns is taken for the whole.
    :raises TableUnfit: if not, with the statement that grants them.
    """
    if connection.dialect.name == "bigquery":
        check_permissions(table, rights, connection)
    if connection.dialect.name != "postgresql":
        return
    from sqlalchemy import func, select

    names = connection.dialect.identifier_preparer
    name = for_people(names.format_table(table), connection.dialect)
    held = [_is_held(name, right) for right in rights]
    user, *is_held = connection.execute(select(func.current_user(), *held)).one()
    # NULL is the answer where there is no such table.
    if missing := [right for right, has in zip(rights, is_held, strict=True) if has is False]:
        to = for_people(names.quote(user), connection.dialect)
        raise TableUnfit(
            f"the connection's user may not {', '.join(missing)} in {table.fullname}, which a run does at its end. "
            "Name another table, or let its owner run what follows:",
            [f"GRANT {', '.join(missing)} ON {name} TO {to}"],
        )


def _is_held(table_name: str, right: str) -> ColumnElement[bool]:
    from sqlalchemy import func

    table = func.to_regclass(table_name)
    # There is no DELETE of a column.
    has = func.has_table_privilege if right == "DELETE" else func.has_any_column_privilege
    return has(table, right)
