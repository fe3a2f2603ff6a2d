"""What the BigQuery to test with does: statements and load jobs, on DuckDB, as the vendor documents them."""

from __future__ import annotations

import base64
import io
import re
import threading
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from sqlglot import exp

Json: TypeAlias = dict[str, Any]

#: Where its datasets are, and where a job runs that names neither a place nor a table.
LOCATION, ELSEWHERE = "EU", "US"
USER = "loader@shop.iam.gserviceaccount.com"
#: How long a statement waits for transactions that changed rows of its table (seconds).
PATIENCE = 60.0

_TYPES = {
    "STRING": ("VARCHAR",),
    "BYTES": ("BLOB",),
    "INTEGER": ("BIGINT", "INTEGER", "HUGEINT", "UBIGINT"),
    "FLOAT": ("DOUBLE", "FLOAT"),
    "BOOLEAN": ("BOOLEAN",),
    "DATE": ("DATE",),
    "DATETIME": ("TIMESTAMP",),
    "TIMESTAMP": ("TIMESTAMP WITH TIME ZONE",),
    "TIME": ("TIME",),
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
#: What stands for decimals without digits of their own.
_BARE = {exp.DataType.Type.DECIMAL: "DECIMAL(38,9)", exp.DataType.Type.BIGDECIMAL: "DECIMAL(38,19)"}
_BY_DUCKDB = {one: name for name, all_ in _TYPES.items() for one in all_}
_NO_TYPES_OF_GOOGLESQL = re.compile(
    r"\b(VARCHAR|TEXT|DOUBLE|CHAR|BLOB|TIMESTAMPTZ|REAL|FLOAT|TEMPORARY)\b", re.IGNORECASE
)
_QUOTED = re.compile(r"`[^`]*`|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_ABORT = re.compile(r"\s*CALL\s+BQ\.ABORT_SESSION\(@(\w+)\)\s*;?\s*$", re.IGNORECASE)


class Refused(Exception):
    """What BigQuery answers as an error."""

    def __init__(self, message: str, code: int = 400, reason: str = "invalidQuery") -> None:
        super().__init__(message)
        self.code, self.reason = code, reason

    def to_json(self) -> Json:
        """Return the error as the API has it."""
        one = {"reason": self.reason, "message": str(self), "domain": "global"}
        return {"code": self.code, "message": str(self), "errors": [one], "status": self.reason}


@dataclass
class Session:
    """A session and its transaction.

    :param since: the number of the change that was the last when the transaction began.
    :param changed: tables in which it changed rows.
    """

    location: str
    cursor: duckdb.DuckDBPyConnection
    is_open: bool = False
    since: int = 0
    changed: set[str] = field(default_factory=set)
    busy: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Job:
    """A job that is done."""

    id: str
    kind: str
    location: str
    text: str
    columns: list[Json] = field(default_factory=list)
    rows: list[tuple[object, ...]] = field(default_factory=list)
    affected: int | None = None
    session: str | None = None
    problem: Refused | None = None


class Warehouse:
    """All projects, and who changes what."""

    def __init__(self) -> None:
        self._database = duckdb.connect(config={"threads": 2})
        self._database.execute("SET TimeZone = 'UTC'")
        self._database.execute("CREATE TABLE moment (now INTEGER)")
        self._state = threading.Condition()
        self._defining = threading.Lock()
        self._changes = 0
        #: By table, the number of the last change.
        self._changed_at: dict[str, int] = {}
        self.sessions: dict[str, Session] = {}
        self.jobs: dict[str, Job] = {}
        #: Tables in which the user may not what is named.
        self.denied: dict[str, list[str]] = {}
        self.partitioned: set[str] = set()
        #: Of each project, the kinds of statements the next of which fails within a transaction, and the reason.
        self.failing = defaultdict[str, dict[str, str]](dict)
        #: Of each project, how many requests and jobs there were, and of each kind of statement.
        self.counts = defaultdict[str, Counter[str]](Counter)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection of its own, which commits each statement."""
        cursor = self._database.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        return cursor

    def new_session(self, location: str) -> str:
        """Begin a session and return its id."""
        name = base64.b64encode(uuid.uuid4().bytes).decode()
        self.sessions[name] = Session(location, self.cursor())
        return name

    def end_session(self, name: str) -> None:
        """End a session; what it did not commit is gone."""
        session = self.sessions.pop(name, None)
        if session is None:
            raise Refused(f"Session {name} is not found or was terminated", 404, "notFound")
        with session.busy:
            self.end_transaction(session, "ROLLBACK")

    def begin(self, session: Session) -> None:
        """Begin a transaction, which sees this moment."""
        if session.is_open:
            raise Refused("Transaction is already in progress")
        with self._state:
            session.cursor.execute("BEGIN TRANSACTION")
            session.cursor.execute("SELECT count(*) FROM moment").fetchall()
            session.is_open, session.since = True, self._changes

    def end_transaction(self, session: Session, word: str) -> None:
        """Commit or roll back."""
        if not session.is_open:
            return
        with self._state:
            session.cursor.execute(word)
            if word == "COMMIT":
                self._note(session.changed)
            session.is_open, session.changed = False, set()
            self._state.notify_all()

    @contextmanager
    def changing(self, session: Session | None, table: str) -> Iterator[None]:
        """Let one transaction change rows of a table at a time; whoever has none waits for those."""
        if session is not None and session.is_open:
            with self._state:
                if self._holders(table, session) or self._changed_at.get(table, 0) > session.since:
                    session.cursor.execute("ROLLBACK")
                    session.is_open, session.changed = False, set()
                    self._state.notify_all()
                    raise Refused(
                        f"Transaction is aborted due to concurrent update against table {table}. Transaction ID: 1"
                    )
                session.changed.add(table)
            yield
            return
        with self._state:
            if not self._state.wait_for(lambda: not self._holders(table, None), PATIENCE):
                raise Refused(f"Could not serialize access to table {table} due to concurrent update")
            yield
            self._note({table})

    def _holders(self, table: str, but: Session | None) -> list[Session]:
        return [one for one in self.sessions.values() if one is not but and table in one.changed]

    def _note(self, tables: set[str]) -> None:
        self._changes += 1
        self._changed_at.update(dict.fromkeys(tables, self._changes))

    @contextmanager
    def defining(self) -> Iterator[None]:
        """Let one statement define tables at a time."""
        with self._defining:
            yield

    def location_of(self, dataset: str) -> str:
        """Return where a dataset is."""
        found = self.cursor().execute("SELECT 1 FROM duckdb_schemas() WHERE schema_name = ?", [dataset]).fetchone()
        if found is None:
            raise Refused(f"Not found: Dataset {dataset.replace('.', ':')}", 404, "notFound")
        return LOCATION

    def table(self, dataset: str, name: str) -> Json:
        """Return a table's resource."""
        self.location_of(dataset)
        cursor = self.cursor()
        kinds = "SELECT table_type FROM information_schema.tables WHERE table_schema = ? AND table_name = ?"
        if (found := cursor.execute(kinds, [dataset, name]).fetchone()) is None:
            raise Refused(f"Not found: Table {dataset.replace('.', ':')}.{name}", 404, "notFound")
        said = cursor.execute(
            "SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns "
            "WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position",
            [dataset, name],
        ).fetchall()
        project, _, short = dataset.rpartition(".")
        fields: list[Json] = [
            {"name": column, "type": _type_named(type_), "mode": "NULLABLE" if is_nullable == "YES" else "REQUIRED"}
            | _digits_named(type_)
            | ({} if default is None else {"defaultValueExpression": default})
            for column, type_, is_nullable, default in said
        ]
        return {
            "tableReference": {"projectId": project, "datasetId": short, "tableId": name},
            "type": "VIEW" if found[0] == "VIEW" else "TABLE",
            "schema": {"fields": fields},
            "location": LOCATION,
            "requirePartitionFilter": f"{dataset}.{name}" in self.partitioned,
        }

    def tables(self, dataset: str) -> list[Json]:
        """Return the tables of a dataset."""
        self.location_of(dataset)
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema = ? ORDER BY 1"
        project, _, short = dataset.rpartition(".")
        return [
            {"tableReference": {"projectId": project, "datasetId": short, "tableId": name}, "type": "TABLE"}
            for (name,) in self.cursor().execute(query, [dataset]).fetchall()
        ]


@dataclass
class Query:
    """A query job's configuration."""

    text: str
    project: str
    dataset: str | None
    session: str | None
    creates_session: bool
    location: str | None
    parameters: dict[str, tuple[str, object]]

    @classmethod
    def of(cls, body: Json, project: str, location: str | None) -> Query:
        """Read it as the API has it."""
        if body.get("useLegacySql", True):
            raise Refused("the stand-in has no legacy SQL")
        default = body.get("defaultDataset") or {}
        properties = {one["key"]: one["value"] for one in body.get("connectionProperties", [])}
        parameters = {
            one["name"]: (_type_of_parameter(one["parameterType"]), _value_of(one))
            for one in body.get("queryParameters", [])
        }
        dataset = f"{default.get('projectId', project)}.{default['datasetId']}" if default else None
        return cls(
            str(body["query"]),
            project,
            dataset,
            properties.get("session_id"),
            bool(body.get("createSession")),
            location,
            parameters,
        )


def run_query(warehouse: Warehouse, query: Query, job: Job) -> None:
    """Do a query job."""
    if len(query.text) > 1_048_576:
        raise Refused("The query is too large. The maximum standard SQL query length is 1024.00K characters")
    if len(query.parameters) > 10_000:
        raise Refused("Too many query parameters")
    if query.creates_session:
        job.session = warehouse.new_session(query.location or ELSEWHERE)
        query.session = job.session
    session = None if query.session is None else warehouse.sessions.get(query.session)
    if query.session is not None and session is None:
        raise Refused("Session is terminated or was not found", reason="resourceInUse")
    if match := _ABORT.match(query.text):
        warehouse.counts[query.project]["CALL"] += 1
        warehouse.end_session(str(query.parameters[match[1]][1]))
        return
    statements = [one for one in sqlglot.parse(query.text, dialect="bigquery") if one is not None]
    assert len(statements) == 1, "the stand-in has no scripts"
    (statement,) = statements
    _refuse_what_it_lacks(query.text, statement)
    tables = [] if statement.args.get("kind") == "SCHEMA" else [*statement.find_all(exp.Table)]
    named = [_resolve(one, query) for one in tables if not isinstance(one.this, exp.Func)]
    if isinstance(statement, exp.Insert) and isinstance(statement.expression, exp.Select) and len(named) == 2:
        _refuse_coercion(warehouse, statement, *named)
    job.location = query.location or (LOCATION if named else ELSEWHERE)
    if session is not None and job.location != session.location:
        raise Refused(f"Session is in {session.location}, the job in {job.location}", 404, "notFound")
    if session is None:
        _run(warehouse, None, warehouse.cursor(), statement, query, job)
    elif not session.busy.acquire(blocking=False):
        raise Refused("Concurrent queries in the same session are not allowed")
    else:
        try:
            _run(warehouse, session, session.cursor, statement, query, job)
        finally:
            session.busy.release()


def _run(
    warehouse: Warehouse,
    session: Session | None,
    cursor: duckdb.DuckDBPyConnection,
    statement: exp.Expression,
    query: Query,
    job: Job,
) -> None:
    word = query.text.split(None, 1)[0].upper().rstrip(";")
    warehouse.counts[query.project][word] += 1
    if session is not None and session.is_open and (reason := warehouse.failing[query.project].pop(word, None)):
        warehouse.end_transaction(session, "ROLLBACK")
        raise Refused("Error encountered during execution. Retrying may solve the problem.", 503, reason)
    if word in ("BEGIN", "COMMIT", "ROLLBACK"):
        if session is None:
            raise Refused(f"{word} TRANSACTION outside of a session or script")
        if word == "BEGIN":
            warehouse.begin(session)
        elif not session.is_open:
            raise Refused("There is no active transaction")
        else:
            warehouse.end_transaction(session, word)
        return
    if isinstance(statement, exp.Create | exp.Drop | exp.Alter):
        if session is not None and session.is_open:
            raise Refused("Transaction control: DDL on permanent tables is not supported in a transaction")
        with warehouse.defining():
            _execute(cursor, _for_duckdb(statement, query), query)
        return
    text = _for_duckdb(statement, query)
    if isinstance(statement, exp.Update | exp.Delete | exp.Merge):
        with warehouse.changing(session, _full_name(statement.this)):
            done = _execute(cursor, text, query)
    else:
        done = _execute(cursor, text, query)
    if isinstance(statement, exp.Insert | exp.Update | exp.Delete | exp.Merge):
        job.affected = done.fetchall()[0][0]
        return
    job.columns = [
        {"name": re.sub(r"\W", "_", str(column[0])) or "f0_", "type": _type_named(str(column[1])), "mode": "NULLABLE"}
        for column in done.description or []
    ]
    job.rows = done.fetchall()


def _execute(cursor: duckdb.DuckDBPyConnection, text: str, query: Query) -> duckdb.DuckDBPyConnection:
    given = {name: value for name, (_, value) in query.parameters.items() if f"${name}" in text}
    try:
        return cursor.execute(text, given)
    except duckdb.CatalogException as error:
        if "already exists" in str(error):
            raise Refused(f"Already Exists: {error}", 409, "duplicate") from None
        raise Refused(f"Not found: Table; it does not exist: {error}", 404, "notFound") from None
    except duckdb.Error as error:
        raise Refused(str(error)) from None


def _refuse_what_it_lacks(text: str, statement: exp.Expression) -> None:
    bare = _QUOTED.sub(" ", text)
    if isinstance(statement, exp.Create) and (match := _NO_TYPES_OF_GOOGLESQL.search(bare)):
        raise Refused(f"Syntax error: Type not found: {match[0]}")
    if isinstance(statement, exp.Create) and re.search(r"\bUNIQUE\b", bare, re.IGNORECASE):
        raise Refused("Syntax error: Unexpected keyword UNIQUE")
    if isinstance(statement, exp.Create) and statement.find(exp.PrimaryKey) and "NOT ENFORCED" not in bare.upper():
        raise Refused("Primary key constraints must be NOT ENFORCED")
    if isinstance(statement, exp.Update | exp.Delete) and statement.args.get("where") is None:
        raise Refused(f"{statement.key.upper()} must have a WHERE clause")
    if any(column.args.get("db") for column in statement.find_all(exp.Column)):
        raise Refused("Unrecognized name: a column is named with its dataset")
    if any(column.name.lower() == "session_user" for column in statement.find_all(exp.Column)):
        raise Refused("Unrecognized name: session_user")
    for inner in statement.find_all(exp.Exists):
        within = {table.alias_or_name for table in inner.find_all(exp.Table)}
        for comparison in inner.find_all(exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NEQ):
            tables = {column.table for column in comparison.find_all(exp.Column)}
            if tables - within and tables & within:
                raise Refused("Correlated subqueries are not supported unless they can be de-correlated")


def _resolve(table: exp.Table, query: Query) -> str:
    """Name a table as it is kept: in a schema of DuckDB's that is named ``project.dataset``."""
    parts = [part.name for part in table.parts]
    path = ".".join(parts).split(".")
    if len(path) == 1:
        if query.dataset is None:
            raise Refused(f'Table "{path[0]}" must be qualified with a dataset (e.g. dataset.table).')
        path = [*query.dataset.split("."), *path]
    if len(path) == 2:
        path = [query.project, *path]
    table.set("catalog", None)
    table.set("db", exp.to_identifier(".".join(path[:2]), quoted=True))
    table.set("this", exp.to_identifier(path[2], quoted=True))
    return ".".join(path)


def _full_name(table: exp.Expression) -> str:
    named = table.find(exp.Table)
    assert named is not None
    return f"{named.db}.{named.name}"


def _for_duckdb(statement: exp.Expression, query: Query) -> str:
    if isinstance(statement, exp.Create | exp.Drop) and statement.args.get("kind") == "SCHEMA":
        named = statement.find(exp.Table)
        assert named is not None
        path = ".".join(part.name for part in named.parts)
        name = path if "." in path else f"{query.project}.{path}"
        statement.set("this", exp.Table(db=exp.to_identifier(name, quoted=True)))
    if isinstance(statement, exp.Create):
        for type_ in [*statement.find_all(exp.DataType)]:
            if type_.this in _BARE and not type_.expressions:
                type_.replace(exp.DataType.build(_BARE[type_.this], dialect="duckdb"))
            elif type_.this is exp.DataType.Type.DECIMAL and not _is_numeric(
                *(int(one.name) for one in type_.expressions)
            ):
                raise Refused(f"Invalid NUMERIC: {type_.sql()}")
        statement.set("properties", None)
        for remark in [*statement.find_all(exp.PrimaryKey)]:
            remark.pop()
    for parameter in [*statement.find_all(exp.Parameter)]:
        type_ = query.parameters[parameter.name][0]
        placeholder = exp.Placeholder(this=parameter.name)
        parameter.replace(
            placeholder
            if parameter.find_ancestor(exp.Limit)
            else exp.cast(placeholder, exp.DataType.build(type_, dialect="bigquery"))
        )
    for function in [*statement.find_all(exp.SessionUser, exp.CurrentUser)]:
        function.replace(exp.Literal.string(USER))
    return str(statement.sql(dialect="duckdb"))


def run_load(warehouse: Warehouse, body: Json, project: str, content: bytes, job: Job) -> None:
    """Do a load job."""
    warehouse.counts[project]["LOAD"] += 1
    place = body["destinationTable"]
    dataset, name = f"{place.get('projectId', project)}.{place['datasetId']}", str(place["tableId"])
    assert (body["sourceFormat"], body["writeDisposition"]) == ("PARQUET", "WRITE_APPEND")
    assert body["createDisposition"] == "CREATE_NEVER"
    job.location = warehouse.location_of(dataset)
    rows = pq.read_table(io.BytesIO(content))
    there = {str(one["name"]): one for one in warehouse.table(dataset, name)["schema"]["fields"]}
    for column in rows.schema:
        kept = there.get(column.name)
        if kept is None:
            raise Refused(
                f"Provided Schema does not match Table. Cannot add fields (field: {column.name})", reason="invalid"
            )
        if kept["mode"] == "REQUIRED" and column.nullable:
            raise Refused(f"Field {column.name} has changed mode from REQUIRED to NULLABLE", reason="invalid")
        if kept["type"] != (said := _type_of_arrow(column.type, body.get("decimalTargetTypes", ["NUMERIC"]))):
            raise Refused(f"Field {column.name} has changed type from {kept['type']} to {said}", reason="invalid")
    cursor = warehouse.cursor()
    cursor.register("loaded", rows)
    cursor.execute(f'INSERT INTO "{dataset}"."{name}" BY NAME SELECT * FROM loaded')
    job.affected = rows.num_rows


def _is_numeric(precision: int, scale: int = 0) -> bool:
    """Return whether a NUMERIC has so many digits."""
    return scale <= 9 and precision - scale <= 29


def _type_of_arrow(type_: pa.DataType, decimals: list[str]) -> str:
    if pa.types.is_timestamp(type_):
        return "DATETIME" if type_.tz is None else "TIMESTAMP"
    if pa.types.is_decimal(type_):
        is_numeric = _is_numeric(type_.precision, type_.scale)
        # Where none of those listed holds all digits, it is the widest of them.
        return "NUMERIC" if "BIGNUMERIC" not in decimals or (is_numeric and "NUMERIC" in decimals) else "BIGNUMERIC"
    names = {pa.string(): "STRING", pa.int64(): "INTEGER", pa.float64(): "FLOAT", pa.bool_(): "BOOLEAN"}
    return {**names, pa.date32(): "DATE", pa.binary(): "BYTES"}[type_]


def _type_named(type_: str) -> str:
    if match := _DECIMAL.match(type_):
        return "NUMERIC" if _is_numeric(int(match[1]), int(match[2])) else "BIGNUMERIC"
    return _BY_DUCKDB[type_]


def _digits_named(type_: str) -> Json:
    """Return the digits of a decimal, which are told of those that were made with some."""
    match = _DECIMAL.match(type_)
    return {} if match is None or type_ in _BARE.values() else {"precision": match[1], "scale": match[2]}


def _refuse_coercion(warehouse: Warehouse, statement: exp.Insert, target: str, source: str) -> None:
    """Refuse to make NUMERIC of BIGNUMERIC without a cast."""
    of_target, of_source = (
        {one["name"]: one["type"] for one in warehouse.table(*name.rsplit(".", 1))["schema"]["fields"]}
        for name in (target, source)
    )
    if not statement.this.expressions:  # all columns, as they stand
        return
    for column, value in zip(statement.this.expressions, statement.expression.expressions, strict=True):
        types = of_source.get(value.name), of_target[column.name]
        if isinstance(value, exp.Column) and types == ("BIGNUMERIC", "NUMERIC"):
            raise Refused(f"Query column has type BIGNUMERIC which cannot be inserted into column {column.name}")


def _type_of_parameter(type_: Json) -> str:
    return f"ARRAY<{type_['arrayType']['type']}>" if type_["type"] == "ARRAY" else str(type_["type"])


def _value_of(parameter: Json) -> object:
    value = parameter["parameterValue"]
    if "arrayValues" in value:
        item = parameter["parameterType"]["arrayType"]["type"]
        return [_scalar(item, one["value"]) for one in value["arrayValues"]]
    return _scalar(str(parameter["parameterType"]["type"]), value.get("value"))


def _scalar(type_: str, text: object) -> object:
    if text is None or type_ not in ("INT64", "INTEGER", "FLOAT64", "BOOL", "BOOLEAN", "BYTES"):
        return text
    readers: dict[str, Callable[[str], object]] = {
        **dict.fromkeys(("INT64", "INTEGER"), int),
        **dict.fromkeys(("BOOL", "BOOLEAN"), lambda word: word == "true"),
        "FLOAT64": float,
        "BYTES": base64.b64decode,
    }
    return readers[type_](str(text))
