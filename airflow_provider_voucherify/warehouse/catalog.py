"""What a database says of the tables it has."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Date, DateTime, FromClause, Integer, Table
    from sqlalchemy.engine import Connection
    from sqlalchemy.engine.interfaces import (
        ReflectedColumn,
        ReflectedIndex,
        ReflectedPrimaryKeyConstraint,
        ReflectedUniqueConstraint,
    )
    from sqlalchemy.types import NullType

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

    # duckdb-engine inherits PostgreSQL's inspection, which asks for catalogs DuckDB lacks, and finds a table by its
    # name in whatever schema.
    return InformationSchema(connection) if connection.dialect.name == "duckdb" else inspect(connection)


def column_names(connection: Connection, table: Table) -> set[str]:
    """Return the names of the columns that a table has in the database; none if it was dropped meanwhile."""
    from sqlalchemy.exc import NoSuchTableError

    try:
        return {column["name"] for column in catalog_of(connection).get_columns(table.name, schema=table.schema)}
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
    if not catalog_of(connection).has_table(table.name, schema=table.schema):
        table.create(connection, checkfirst=False)


def drop_if_there(connection: Connection, table: Table) -> None:
    """Drop a table, if there is one of its name in its schema."""
    if catalog_of(connection).has_table(table.name, schema=table.schema):
        table.drop(connection, checkfirst=False)


class InformationSchema:
    """The catalog as the SQL standard has it.

    :param connection: to a database that has ``current_database()`` and ``current_schema()``.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def has_schema(self, schema_name: str) -> bool:
        """Return whether there is such a schema."""
        from sqlalchemy import func, select

        schemata = information_view("schemata", "catalog_name", "schema_name")
        database, schema = _parts(schema_name)
        is_it = (schemata.c.catalog_name == database) & (schemata.c.schema_name == schema)
        query = select(func.count()).select_from(schemata).where(is_it)
        return self._connection.execute(query).scalar_one() > 0

    def has_table(self, table_name: str, schema: str | None = None) -> bool:
        """Return whether there is such a table or view."""
        return table_name in self.get_table_names(schema)

    def get_table_names(self, schema: str | None = None) -> list[str]:
        """Return the names of a schema's tables and views."""
        from sqlalchemy import select

        tables = information_view("tables", "table_catalog", "table_schema", "table_name")
        return list(self._connection.scalars(select(tables.c.table_name).where(_in_schema(tables, schema))))

    def get_columns(self, table_name: str, schema: str | None = None) -> list[ReflectedColumn]:
        """Return a table's columns, in order; types that nobody here asks about are ``NullType``."""
        from sqlalchemy import select

        said = ("column_name", "data_type", "is_nullable", "column_default")
        columns = information_view("columns", "table_catalog", "table_schema", "table_name", "ordinal_position", *said)
        query = select(*(columns.c[name] for name in said)).where(
            _in_schema(columns, schema) & (columns.c.table_name == table_name)
        )
        return [
            {"name": name, "type": _type_named(type_), "nullable": is_nullable == "YES", "default": default}
            for name, type_, is_nullable, default in self._connection.execute(
                query.order_by(columns.c.ordinal_position)
            )
        ]

    def get_pk_constraint(self, table_name: str, schema: str | None = None) -> ReflectedPrimaryKeyConstraint:
        """Return a table's primary key; one of no columns if it has none."""
        keys = self._keys("PRIMARY KEY", table_name, schema)
        return {"name": None, "constrained_columns": next(iter(keys.values()), [])}

    def get_unique_constraints(self, table_name: str, schema: str | None = None) -> list[ReflectedUniqueConstraint]:
        """Return a table's unique constraints."""
        keys = self._keys("UNIQUE", table_name, schema)
        return [{"name": name, "column_names": columns} for name, columns in keys.items()]

    def get_indexes(self, table_name: str, schema: str | None = None) -> list[ReflectedIndex]:  # noqa: ARG002 - as inspectors have it
        """Return none: the standard knows of no indexes."""
        return []

    def _keys(self, kind: str, table_name: str, schema: str | None) -> dict[str, list[str]]:
        """Return the columns of a table's keys of a kind, by the key's name."""
        from sqlalchemy import select

        place = ("table_catalog", "table_schema", "table_name", "constraint_name")
        keys = information_view("key_column_usage", *place, "column_name", "ordinal_position")
        constraints = information_view("table_constraints", *place, "constraint_type")
        same = [keys.c[name] == constraints.c[name] for name in place]
        query = select(keys.c.constraint_name, keys.c.column_name).join(constraints, _all_of(same))
        query = query.where(
            _in_schema(keys, schema) & (keys.c.table_name == table_name), constraints.c.constraint_type == kind
        )
        found = defaultdict[str, list[str]](list)
        for name, column in self._connection.execute(query.order_by(keys.c.ordinal_position)):
            found[name].append(column)
        return found


def information_view(name: str, *columns: str) -> FromClause:
    """Return a view of the SQL standard's catalog, with the columns asked for."""
    from sqlalchemy import column, table

    return table(name, *(column(each) for each in columns), schema="information_schema")


def _in_schema(view: FromClause, schema: str | None) -> Condition:
    from sqlalchemy import func

    database, name = (func.current_database(), func.current_schema()) if schema is None else _parts(schema)
    return (view.c.table_catalog == database) & (view.c.table_schema == name)


def _parts(schema: str) -> tuple[object, object]:
    """Cut ``database.schema``; without a database it is the connection's."""
    from sqlalchemy import func

    database, dot, name = schema.rpartition(".")
    return (database if dot else func.current_database()), name


def _all_of(conditions: list[Condition]) -> Condition:
    from sqlalchemy import and_

    return and_(*conditions)


def _type_named(name: str) -> Date | DateTime | Integer | NullType:
    from sqlalchemy import Date, DateTime, Integer
    from sqlalchemy.types import NullType

    types: dict[str, Date | DateTime | Integer] = {
        "DATE": Date(),
        "SMALLINT": Integer(),
        "TIMESTAMP": DateTime(timezone=False),
        "TIMESTAMP WITH TIME ZONE": DateTime(timezone=True),
        "INTEGER": Integer(),
        "BIGINT": Integer(),
    }
    return types[name] if name in types else NullType()
