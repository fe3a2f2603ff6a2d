"""What the Databricks to test with does: statements of sessions, on DuckDB, as the vendor documents them.

A statement commits by itself, but between BEGIN TRANSACTION and COMMIT. There what a session sees is of one moment and
what it did itself; nobody waits for anybody: it commits unless another changed a table it wrote to, as the driver's
manual says; the vendor's newer pages have rows for that. In a transaction there are no definitions and no information
schema, and only tables with catalog commits are written to.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import NamedTuple, TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from sqlglot import exp

#: Of the driver's parameters: name, type, value as text.
Parameter: TypeAlias = tuple[str, str, str | None]

MOST_MARKERS = 255
_CATALOG_COMMITS = re.compile(r"'delta\.feature\.catalogManaged'\s*=\s*'supported'")
_QUOTED = re.compile(r"`[^`]*`|'(?:[^'\\]|\\.)*'")
#: What DuckDB would take, and Databricks does not have.
_LACKING = re.compile(
    r"\b(TEXT|BYTEA|BLOB|TIMESTAMPTZ|JSONB|UUID|SERIAL|TEMPORARY TABLE|INDEX|ON CONFLICT|RETURNING|FOR UPDATE|"
    r"UNIQUE)\b",
    re.IGNORECASE,
)
_IN_TRANSACTIONS = (exp.Select, exp.Insert, exp.Update, exp.Delete, exp.Merge)
_FILE = r"'(?P<path>/Volumes/[^']+)'"
_PUT = re.compile(rf"PUT '__input_stream__' INTO {_FILE}$")
_REMOVE, _LIST = re.compile(rf"REMOVE {_FILE}$"), re.compile(rf"LIST {_FILE}$")
_COPY = re.compile(
    rf"COPY INTO (?P<table>\S+) FROM \(SELECT (?P<values>.*) FROM {_FILE}\) FILEFORMAT = PARQUET "
    r"FILES = \((?P<files>.*)\)$"
)
_VOLUME = re.compile(r"CREATE VOLUME (\w+)\.(\w+)\.(\w+)$")
_KINDS = {"VARCHAR": "STRING", "TIMESTAMP WITH TIME ZONE": "TIMESTAMP", "TIMESTAMP": "TIMESTAMP_NTZ", "INTEGER": "INT"}
_KNOWN = " ".join(f"WHEN '{kind}' THEN '{name}'" for kind, name in _KINDS.items())
_TYPES = f"CASE data_type {_KNOWN} ELSE split_part(data_type, '(', 1) END"


class Refused(Exception):
    """What Databricks answers as an error: its name in brackets, and a text."""

    def __init__(self, name: str, text: str, sqlstate: str = "42000") -> None:
        super().__init__(f"[{name}] {text} SQLSTATE: {sqlstate}")


class Answer(NamedTuple):
    """Columns, by name and type, and rows of a statement; of one that changes rows, how many."""

    columns: list[tuple[str, str]] = []  # noqa: RUF012 - never changed
    rows: list[tuple[object, ...]] = []  # noqa: RUF012
    changed: int = -1


@dataclass
class Transaction:
    """What a session did since it began one.

    :param since: the number of the change that was the last.
    :param written: tables it wrote to, each kept as a temporary one until it commits.
    """

    since: int
    written: set[str] = field(default_factory=set)
    is_failed: bool = False


class Lakehouse:
    """All catalogs, and who changed what."""

    def __init__(self) -> None:
        self._database = duckdb.connect(config={"threads": 2})
        self._database.execute("CREATE TABLE moment (now INTEGER)")
        self._writing = threading.RLock()
        #: The number of the last change, and of the last one of each table.
        self.changes = 0
        self._changed_at: dict[str, int] = {}
        #: By table: its type, format and properties, where they are others than a managed Delta table's.
        self.properties: dict[str, dict[str, str]] = {}
        self.kinds: dict[str, tuple[str, str | None]] = {}
        #: Tables that were made long ago.
        self.old: set[str] = set()
        self.files: dict[str, bytes] = {}
        self.volumes: set[str] = set()
        #: Of each catalog, how many statements there were of each kind.
        self.counts = defaultdict[str, Counter[str]](Counter)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection of its own, which commits each statement."""
        cursor = self._database.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        return cursor

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Let one commit at a time."""
        with self._writing:
            yield

    def note(self, tables: set[str]) -> None:
        """Take note that tables changed."""
        self.changes += 1
        self._changed_at.update(dict.fromkeys(tables, self.changes))

    def refuse_if_overtaken(self, transaction: Transaction) -> None:
        """Refuse to commit what was overtaken."""
        for table in sorted(transaction.written):
            if self._changed_at.get(table, 0) > transaction.since:
                raise Refused(
                    "DELTA_CONCURRENT_APPEND.ROW_LEVEL_CHANGES", f"Transaction conflict detected on {table}.", "2D521"
                )


class Session:
    """A session of a client."""

    def __init__(self, lakehouse: Lakehouse, catalog: str, schema: str) -> None:
        self._lakehouse, self._catalog, self._schema = lakehouse, catalog.lower(), schema.lower()
        self._cursor = lakehouse.cursor()
        self._transaction: Transaction | None = None

    def close(self) -> None:
        """End it; what it did not commit is gone."""
        self._cursor.close()

    def execute(self, text: str, parameters: list[Parameter], file: bytes | None) -> Answer:
        """Do a statement."""
        if len(parameters) > MOST_MARKERS:
            raise Refused("TOO_MANY_PARAMETERS", "A statement has more than 255 parameters.")
        text = " ".join(text.split())
        word = text.split(None, 1)[0].upper()
        self._lakehouse.counts[self._catalog][word] += 1
        match word:
            case "BEGIN" | "COMMIT" | "ROLLBACK":
                self._control(word)
                return Answer()
            case "PUT" | "REMOVE" | "LIST" | "COPY" | "SHOW":
                self._refuse_in_transaction(word)
                return self._on_files(text, file)
        if match := _VOLUME.match(text):
            self._lakehouse.volumes.add(f"/Volumes/{'/'.join(match.groups())}")
            return Answer()
        return self._translated(text, parameters)

    def _control(self, word: str) -> None:
        transaction = self._transaction
        if word == "BEGIN":
            if transaction is not None:
                raise Refused("TRANSACTION_NOT_SUPPORTED.NESTED_TRANSACTION", "Nested.", "0A000")
            with self._lakehouse.writing():
                self._cursor.execute("BEGIN TRANSACTION")
                self._cursor.execute("SELECT count(*) FROM moment").fetchall()
                self._transaction = Transaction(self._lakehouse.changes)
        elif word == "ROLLBACK":
            if transaction is not None:
                self._cursor.execute("ROLLBACK")
            self._transaction = None
        elif transaction is None:
            raise Refused("NO_ACTIVE_TRANSACTION", "There is no active transaction.", "25000")
        else:
            self._commit(transaction)

    def _commit(self, transaction: Transaction) -> None:
        if transaction.is_failed:
            raise Refused("TRANSACTION_ABORTED", "The transaction is aborted: run ROLLBACK.", "25000")
        with self._lakehouse.writing():
            try:
                self._lakehouse.refuse_if_overtaken(transaction)
            except Refused:
                transaction.is_failed = True
                raise
            # Of what others see nothing was changed so far.
            self._cursor.execute("COMMIT")
            self._cursor.execute("BEGIN TRANSACTION")
            for table in transaction.written:
                kept, copy = _quoted(*table.split("/")), _quoted("temp", "main", table.split("/")[1])
                self._cursor.execute(f"DELETE FROM {kept}")
                self._cursor.execute(f"INSERT INTO {kept} SELECT * FROM {copy}")
                self._cursor.execute(f"DROP TABLE {copy}")
            self._cursor.execute("COMMIT")
            self._lakehouse.note(transaction.written)
        self._transaction = None

    def _refuse_in_transaction(self, what: str) -> None:
        if self._transaction is not None:
            self._transaction.is_failed = True
            raise Refused("TRANSACTION_NOT_SUPPORTED.COMMAND", f"Command {what} is not supported.", "0A000")

    def _on_files(self, text: str, file: bytes | None) -> Answer:
        lakehouse = self._lakehouse
        if match := _PUT.match(text):
            assert file is not None
            self._refuse_without_volume(match["path"])
            lakehouse.files[match["path"]] = file
        elif match := _REMOVE.match(text):
            if lakehouse.files.pop(match["path"], None) is None:
                raise Refused("RESOURCE_DOES_NOT_EXIST", "No such file.")
        elif match := _LIST.match(text):
            self._refuse_without_volume(match["path"])
            return self._listed(match["path"])
        elif match := _COPY.match(text):
            return self._copy(match)
        elif text.startswith("SHOW TBLPROPERTIES "):
            table = sqlglot.parse_one(text.removeprefix("SHOW TBLPROPERTIES "), into=exp.Table, read="databricks")
            named = self._resolve(table)
            return Answer([("key", "string"), ("value", "string")], [*lakehouse.properties.get(named, {}).items()])
        else:
            raise Refused("PARSE_SYNTAX_ERROR", text)
        return Answer()

    def _refuse_without_volume(self, path: str) -> None:
        if "/".join(path.split("/")[:5]) not in self._lakehouse.volumes:
            raise Refused("NO_SUCH_VOLUME_EXCEPTION", path)

    def _listed(self, path: str) -> Answer:
        names = [(one, one.removeprefix(path), len(data)) for one, data in self._lakehouse.files.items()]
        columns = [("path", "string"), ("name", "string"), ("size", "bigint")]
        return Answer(columns, [row for row in names if row[0].startswith(path)])

    def _copy(self, match: re.Match[str]) -> Answer:
        files = [match["path"] + name.strip(" '") for name in match["files"].split(",")]
        rows = pa.concat_tables(pq.read_table(BytesIO(self._lakehouse.files[one])) for one in files)
        self._cursor.register("copied", rows)
        text = f"INSERT INTO {match['table']} BY NAME SELECT {match['values']} FROM copied"
        changed = self._translated(text.replace("BY NAME ", ""), [], by_name=True).changed
        columns = [("num_affected_rows", "bigint"), ("num_inserted_rows", "bigint")]
        return Answer(columns, [(changed, changed)])

    def _translated(self, text: str, parameters: list[Parameter], *, by_name: bool = False) -> Answer:
        if match := _LACKING.search(_QUOTED.sub(" ", text)):
            raise Refused("PARSE_SYNTAX_ERROR", f"Syntax error at or near '{match[0]}'.")
        (statement,) = sqlglot.parse(text, read="databricks")
        assert statement is not None
        if not isinstance(statement, _IN_TRANSACTIONS):
            self._refuse_in_transaction(statement.key.upper())
        try:
            return self._done(statement, text, parameters, by_name=by_name)
        except (Refused, duckdb.Error) as error:
            if self._transaction is not None:
                self._transaction.is_failed = True
            if isinstance(error, Refused):
                raise
            is_missing = isinstance(error, duckdb.CatalogException) and "does not exist" in str(error)
            names: dict[type[duckdb.Error], str] = {
                duckdb.ConversionException: "CAST_INVALID_INPUT",
                duckdb.ConstraintException: "NOT_NULL_VIOLATION",
            }
            name = "TABLE_OR_VIEW_NOT_FOUND" if is_missing else names.get(type(error), "INTERNAL_ERROR")
            raise Refused(name, str(error)) from None

    def _done(self, statement: exp.Expression, text: str, parameters: list[Parameter], *, by_name: bool) -> Answer:
        if isinstance(statement, exp.Create | exp.Drop | exp.Alter):
            self._define(statement, text)
            return Answer()
        changed = statement.find(exp.Table) if isinstance(statement, exp.DML) else None
        written = None if changed is None else self._resolve(changed.copy())
        self._name_tables(statement, written)
        for kind, name in ((exp.CurrentCatalog, self._catalog), (exp.CurrentSchema, self._schema)):
            for function in [*statement.find_all(kind)]:
                function.replace(exp.Literal.string(name))
        values = self._bind(statement, parameters)
        translated = str(statement.sql(dialect="duckdb"))
        if by_name:
            translated = translated.replace(" SELECT ", " BY NAME SELECT ", 1)
        if written is None:
            return self._read(translated, values)
        if self._transaction is not None:
            return _counted(self._cursor.execute(translated, values).fetchall()[0][0])
        with self._lakehouse.writing():
            count = self._cursor.execute(translated, values).fetchall()[0][0]
            self._lakehouse.note({written})
        return _counted(count)

    def _read(self, text: str, values: dict[str, object]) -> Answer:
        done = self._cursor.execute(text, values)
        columns = [(str(name), str(kind).lower()) for name, kind, *_ in done.description or []]
        return Answer(columns, done.fetchall())

    def _define(self, statement: exp.Expression, text: str) -> None:
        kind = statement.args.get("kind")
        named = statement.find(exp.Table)
        assert named is not None
        if kind == "SCHEMA":
            path = [part.name for part in named.parts]
            catalog, name = path if len(path) == 2 else (self._catalog, path[0])
            statement.set("this", exp.Table(db=exp.to_identifier(f"{catalog}.{name}".lower(), quoted=True)))
        table = "" if kind == "SCHEMA" else self._resolve(named)
        for remark in [*statement.find_all(exp.PrimaryKey)]:
            remark.pop()
        for other in [*statement.find_all(exp.Table)][1:] if kind != "SCHEMA" else []:
            if isinstance(other.this, exp.Func):
                _read_files(other.this)
            else:
                self._resolve(other)
        if isinstance(statement, exp.Create):
            statement.set("properties", None)
        with self._lakehouse.writing():
            if "SET TBLPROPERTIES" not in text:
                self._cursor.execute(str(statement.sql(dialect="duckdb")))
            self._lakehouse.note({table})
        if isinstance(statement, exp.Create) and kind == "TABLE" and table not in self._lakehouse.properties:
            is_managed = _CATALOG_COMMITS.search(text)
            self._lakehouse.properties[table] = {"delta.feature.catalogManaged": "supported"} if is_managed else {}
        if isinstance(statement, exp.Alter) and _CATALOG_COMMITS.search(text):
            self._lakehouse.properties[table]["delta.feature.catalogManaged"] = "supported"
        if isinstance(statement, exp.Drop):
            self._lakehouse.properties.pop(table, None)

    def _name_tables(self, statement: exp.Expression, written: str | None) -> None:
        """Name tables as they are kept; those a transaction writes to by their temporary copies."""
        for table in [*statement.find_all(exp.Table)]:
            if isinstance(table.this, exp.Func):
                _read_files(table.this)
                continue
            if table.db.lower() == "information_schema":
                self._refuse_in_transaction("SELECT of the information schema")
                table.replace(self._information(table))
                continue
            if not table.db and table.name in ("copied",):
                continue
            named = self._resolve(table)
            if self._transaction is not None:
                self._keep_copy(table, named, is_written=named == written)
        for column in statement.find_all(exp.Column):
            column.set("db", None)
            column.set("catalog", None)

    def _keep_copy(self, table: exp.Table, named: str, *, is_written: bool) -> None:
        transaction, (schema, name) = self._transaction, named.split("/")
        assert transaction is not None
        if is_written and named not in transaction.written:
            if not self._lakehouse.properties.get(named):
                raise Refused(
                    "TRANSACTION_NOT_SUPPORTED.ILLEGAL_DATA_SOURCE", f"{named} is without catalog commits.", "0A000"
                )
            self._cursor.execute(f"CREATE TEMP TABLE {_quoted(name)} ({self._definitions(schema, name)})")
            self._cursor.execute(f"INSERT INTO temp.main.{_quoted(name)} SELECT * FROM {_quoted(schema, name)}")
            transaction.written.add(named)
        if named in transaction.written:
            table.set("db", exp.to_identifier("main"))
            table.set("catalog", exp.to_identifier("temp"))

    def _definitions(self, schema: str, name: str) -> str:
        """Return the columns of a table as they are defined."""
        said = "SELECT column_name, data_type, is_nullable, column_default FROM duckdb_columns()"
        rows = self._cursor.execute(
            f"{said} WHERE schema_name = ? AND table_name = ? AND database_name <> 'temp' ORDER BY column_index",
            [schema, name],
        ).fetchall()
        return ", ".join(
            f"{_quoted(column)} {type_}{'' if is_nullable else ' NOT NULL'}{f' DEFAULT {default}' if default else ''}"
            for column, type_, is_nullable, default in rows
        )

    def _resolve(self, table: exp.Table) -> str:
        """Name a table as it is kept, in a schema of DuckDB's named ``catalog.schema``; return ``that/table``."""
        path = [part.name.lower() for part in table.parts]
        path = [*[self._catalog, self._schema][: 3 - len(path)], *path]
        schema, name = ".".join(path[:2]), path[2]
        table.set("catalog", None)
        table.set("db", exp.to_identifier(schema, quoted=True))
        table.set("this", exp.to_identifier(name, quoted=True))
        return f"{schema}/{name}"

    def _bind(self, statement: exp.Expression, parameters: list[Parameter]) -> dict[str, object]:
        values: dict[str, object] = {name: value for name, _, value in parameters}
        kinds = {name: kind for name, kind, _ in parameters}
        for inline in [*statement.find_all(exp.Inline)]:
            marker = inline.find(exp.Placeholder)
            assert marker is not None
            rows = json.loads(str(values.pop(marker.name)))
            names = re.findall(r"(c\d+): STRING", inline.sql(dialect="databricks"))
            self._cursor.register(
                "inlined", pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in names})
            )
            inline.parent.replace(exp.to_table("inlined"))
        for marker in [*statement.find_all(exp.Placeholder)]:
            if marker.name not in kinds:
                raise Refused("UNBOUND_SQL_PARAMETER", marker.name)
            if marker.find_ancestor(exp.Limit):
                values[marker.name] = int(str(values[marker.name]))
            elif kinds[marker.name] == "VOID":
                values.pop(marker.name)
                marker.replace(exp.null())
            else:
                marker.replace(exp.cast(marker.copy(), exp.DataType.build(kinds[marker.name], dialect="databricks")))
        return values

    def _information(self, table: exp.Table) -> exp.Expression:
        catalog = table.catalog.lower() or self._catalog
        cut = "split_part(schema_name, '.', {0}) AS "
        match table.name.lower():
            case "schemata":
                text = f"SELECT {cut.format(1)} catalog_name, {cut.format(2)} schema_name FROM duckdb_schemas()"
            case "tables":
                text = (
                    f"SELECT {cut.format(1)} table_catalog, {cut.format(2)} table_schema, table_name, "
                    f"{self._kinds_as_sql()}, {self._created_as_sql()} AS created FROM "
                    "(SELECT schema_name, table_name, 'MANAGED' AS kind FROM duckdb_tables() WHERE NOT temporary "
                    "UNION ALL SELECT schema_name, view_name, 'VIEW' FROM duckdb_views() WHERE NOT internal)"
                )
            case _:
                text = (
                    f"SELECT {cut.format(1)} table_catalog, {cut.format(2)} table_schema, table_name, column_name, "
                    f"{_TYPES} AS data_type, CASE WHEN is_nullable THEN 'YES' ELSE 'NO' END AS is_nullable, "
                    "column_default, numeric_precision, numeric_scale, column_index AS ordinal_position "
                    "FROM duckdb_columns() WHERE NOT internal"
                )
        outer = f"SELECT * FROM ({text}) WHERE {'catalog_name' if 'schemata' in table.name else 'table_catalog'} = "
        query = sqlglot.parse_one(f"{outer}'{catalog}'", read="duckdb")
        return exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(table.alias_or_name)))

    def _created_as_sql(self) -> str:
        old = ", ".join(f"'{name}'" for name in self._lakehouse.old) or "''"
        return f"CASE WHEN schema_name || '/' || table_name IN ({old}) THEN now() - INTERVAL 2 DAYS ELSE now() END"

    def _kinds_as_sql(self) -> str:
        at, given = "WHEN schema_name || '/' || table_name =", self._lakehouse.kinds.items()
        kinds = " ".join(["WHEN false THEN ''", *(f"{at} '{name}' THEN '{kind}'" for name, (kind, _) in given)])
        forms = " ".join(f"{at} '{name}' THEN '{form}'" for name, (_, form) in given)
        forms += " WHEN kind = 'MANAGED' THEN 'DELTA'"
        return f"CASE {kinds} ELSE kind END AS table_type, CASE {forms} END AS data_source_format"


def _read_files(function: exp.Func) -> None:
    """Give the function that reads Parquet files DuckDB's name."""
    if isinstance(function, exp.Anonymous) and function.name.lower() == "read_files":
        path, form = function.expressions
        assert form.sql(dialect="databricks") == "format => 'parquet'"
        function.replace(exp.Anonymous(this="read_parquet", expressions=[path]))


def _counted(rows: int) -> Answer:
    return Answer([("num_affected_rows", "bigint")], [(rows,)], rows)


def _quoted(*names: str) -> str:
    return ".".join(exp.to_identifier(name, quoted=True).sql(dialect="duckdb") for name in names)
