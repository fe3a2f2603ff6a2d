"""A BigQuery to test with: its REST API as Google's client asks for it, with DuckDB beneath.

As the vendor documents it: a job's statement commits by itself; sessions hold a transaction over several jobs, which
sees one moment, and outlive their client; of two transactions that change rows of one table at the same time the
second is aborted, as is one that changes a table that somebody changed since it began; other statements wait for
those; nothing but temporary tables is defined in a transaction; keys are remarks; a load job takes Parquet whose columns
are the table's, and is no part of a transaction; a job in a session runs where the session does. What GoogleSQL
does not have is refused. Run as ``python -m tests.stand_ins.bigquery PORT``.
"""

from __future__ import annotations

import base64
import io
import json
import re
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from sqlglot import exp

Json: TypeAlias = "dict[str, object]"

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
_BY_DUCKDB = {one: name for name, all_ in _TYPES.items() for one in all_}
_NO_TYPES_OF_GOOGLESQL = re.compile(r"\b(VARCHAR|TEXT|DOUBLE|CHAR|BLOB|TIMESTAMPTZ|REAL|FLOAT|TEMPORARY)\b", re.IGNORECASE)
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
        self.counts: Counter[str] = Counter()

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
        return [self.table(dataset, name) for (name,) in self.cursor().execute(query, [dataset]).fetchall()]


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
            one["name"]: (_type_of_parameter(one["parameterType"]), _value_of(one)) for one in body.get("queryParameters", [])
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
        warehouse.counts["CALL"] += 1
        warehouse.end_session(str(query.parameters[match[1]][1]))
        return
    statements = [one for one in sqlglot.parse(query.text, dialect="bigquery") if one is not None]
    assert len(statements) == 1, "the stand-in has no scripts"
    (statement,) = statements
    _refuse_what_it_lacks(query.text, statement)
    tables = [] if statement.args.get("kind") == "SCHEMA" else [*statement.find_all(exp.Table)]
    named = [_resolve(one, query) for one in tables if not isinstance(one.this, exp.Func)]
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
    warehouse.counts[word] += 1
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
    if isinstance(statement, exp.Create) and statement.find(exp.PrimaryKey) and "NOT ENFORCED" not in bare.upper():
        raise Refused("Primary key constraints must be NOT ENFORCED")
    if isinstance(statement, exp.Update | exp.Delete) and statement.args.get("where") is None:
        raise Refused(f"{statement.key.upper()} must have a WHERE clause")
    if any(column.args.get("db") for column in statement.find_all(exp.Column)):
        raise Refused("Unrecognized name: a column is named with its dataset")
    for inner in statement.find_all(exp.Exists):
        within = {table.alias_or_name for table in inner.find_all(exp.Table)}
        for comparison in inner.find_all(exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NEQ):
            tables = {column.table for column in comparison.find_all(exp.Column)}
            if tables - within and tables & within:
                raise Refused("Correlated subqueries that reference other tables are not supported unless they can be de-correlated")


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
        statement.set("properties", None)
        for remark in [*statement.find_all(exp.PrimaryKey)]:
            remark.pop()
    for parameter in [*statement.find_all(exp.Parameter)]:
        type_ = query.parameters[parameter.name][0]
        placeholder = exp.Placeholder(this=parameter.name)
        parameter.replace(
            placeholder if parameter.find_ancestor(exp.Limit) else exp.cast(placeholder, exp.DataType.build(type_, dialect="bigquery"))
        )
    for function in [*statement.find_all(exp.SessionUser, exp.CurrentUser)]:
        function.replace(exp.Literal.string(USER))
    return statement.sql(dialect="duckdb")


def run_load(warehouse: Warehouse, body: Json, project: str, content: bytes, job: Job) -> None:
    """Do a load job."""
    warehouse.counts["LOAD"] += 1
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
            raise Refused(f"Provided Schema does not match Table. Cannot add fields (field: {column.name})", reason="invalid")
        if kept["mode"] == "REQUIRED" and column.nullable:
            raise Refused(f"Field {column.name} has changed mode from REQUIRED to NULLABLE", reason="invalid")
        if kept["type"] != (said := _type_of_arrow(column.type)):
            raise Refused(f"Field {column.name} has changed type from {kept['type']} to {said}", reason="invalid")
    cursor = warehouse.cursor()
    cursor.register("loaded", rows)
    cursor.execute(f'INSERT INTO "{dataset}"."{name}" BY NAME SELECT * FROM loaded')
    job.affected = rows.num_rows


def _type_of_arrow(type_: pa.DataType) -> str:
    if pa.types.is_timestamp(type_):
        return "DATETIME" if type_.tz is None else "TIMESTAMP"
    if pa.types.is_decimal(type_):
        return "BIGNUMERIC" if type_.scale > 9 else "NUMERIC"
    names = {pa.string(): "STRING", pa.int64(): "INTEGER", pa.float64(): "FLOAT", pa.bool_(): "BOOLEAN"}
    return {**names, pa.date32(): "DATE", pa.binary(): "BYTES"}[type_]


def _type_named(type_: str) -> str:
    if match := re.match(r"DECIMAL\((\d+),\s*(\d+)\)", type_):
        return "BIGNUMERIC" if int(match[2]) > 9 else "NUMERIC"
    return _BY_DUCKDB[type_]


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


def cell(value: object, *, as_micros: bool) -> Json:
    """Return a value as results have it."""
    match value:
        case None:
            return {"v": None}
        case bool():
            return {"v": str(value).lower()}
        case bytes():
            return {"v": base64.b64encode(value).decode()}
        case datetime() if value.tzinfo is not None:
            micros = (value - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND
            return {"v": str(micros) if as_micros else str(micros / 1e6)}
        case datetime() | date():
            return {"v": value.isoformat()}
        case Decimal():
            return {"v": format(value, "f")}
        case _:
            return {"v": str(value)}


_MICROSECOND = datetime(1970, 1, 1, 0, 0, 0, 1) - datetime(1970, 1, 1)  # noqa: DTZ001 - a difference


class Handler(BaseHTTPRequestHandler):
    """The REST API."""

    warehouse = Warehouse()
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    uploads: dict[str, tuple[str, Json, bytearray]] = {}  # noqa: RUF012 - one server a process

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        content = self._read()
        parts = urlsplit(self.path)
        asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        path = parts.path.strip("/").removeprefix("bigquery/v2/").split("/")
        self.warehouse.counts["request"] += 1
        try:
            code, answer = self._route(method, path, asked, content)
        except Refused as refused:
            code, answer = refused.code, {"error": refused.to_json()}
        except Exception as error:  # noqa: BLE001 - the test that caused it is to see it
            code, answer = 400, {"error": Refused(f"stand-in: {error!r}", reason="invalid").to_json()}
        body = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if "upload" in answer:
            self.send_header("Location", str(answer["upload"]))
        if "read" in answer:
            self.send_header("Range", f"bytes=0-{answer['read']}")
        self.end_headers()
        self.wfile.write(body)

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            read = bytearray()
            while size := int(self.rfile.readline(), 16):
                read += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return bytes(read)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _route(self, method: str, path: list[str], asked: dict[str, str], content: bytes) -> tuple[int, Json]:  # noqa: PLR0911 - a line a resource
        match method, path:
            case "POST", ["token"]:
                return 200, {"access_token": "any", "token_type": "Bearer", "expires_in": 3600}
            case "GET", ["stand_in", "counts"]:
                return 200, dict(self.warehouse.counts)
            case "POST", ["stand_in", "deny"]:
                self.warehouse.denied.update(json.loads(content))
                return 200, {}
            case "POST", ["stand_in", "partitioned", name]:
                self.warehouse.partitioned.add(name)
                return 200, {}
            case _, ["projects", project, "datasets", *rest]:
                return self._resource(method, project, rest, content)
            case "POST", ["projects", project, "queries"]:
                body = json.loads(content)
                job = self._done("query", body, project, str(body.get("location") or "") or None)
                if job.problem is not None:
                    raise job.problem
                return 200, self._results(job, project, body)
            case "POST", ["projects", project, "jobs"]:
                body = json.loads(content)
                reference = body.get("jobReference", {})
                job = self._done("query", body["configuration"]["query"], project, reference.get("location"), reference.get("jobId"))
                return 200, self._job(job, project)
            case "GET", ["projects", project, "queries", name]:
                job = self._find(name)
                if job.problem is not None:
                    raise job.problem
                return 200, self._results(job, project, {**asked, "formatOptions": {"useInt64Timestamp": asked.get("formatOptions.useInt64Timestamp", "false").lower() == "true"}})
            case "GET", ["projects", project, "jobs", name]:
                return 200, self._job(self._find(name), project)
            case "POST", ["upload", "bigquery", "v2", "projects", project, "jobs"]:
                return self._begin_upload(project, asked, content)
            case "PUT", ["upload", name]:
                return self._go_on_with_upload(name, content)
            case _:
                raise Refused(f"stand-in: no {method} {'/'.join(path)}", 404, "notFound")

    def _resource(self, method: str, project: str, rest: list[str], content: bytes) -> tuple[int, Json]:
        warehouse = self.warehouse
        dataset = f"{project}.{rest[0]}" if rest else ""
        reference = {"projectId": project, "datasetId": rest[0] if rest else ""}
        match method, rest:
            case "GET", [_]:
                return 200, {"datasetReference": reference, "location": warehouse.location_of(dataset)}
            case "GET", [_, "tables"]:
                return 200, {"tables": warehouse.tables(dataset), "totalItems": len(warehouse.tables(dataset))}
            case "GET", [_, "tables", name]:
                return 200, warehouse.table(dataset, name)
            case "DELETE", [_, "tables", name]:
                warehouse.table(dataset, name)
                with warehouse.defining():
                    warehouse.cursor().execute(f'DROP TABLE IF EXISTS "{dataset}"."{name}"')
                return 200, {}
            case "POST", [_, "tables", name] if name.endswith(":testIamPermissions"):
                short = name.removesuffix(":testIamPermissions")
                warehouse.table(dataset, short)
                denied = warehouse.denied.get(f"{dataset}.{short}", [])
                return 200, {"permissions": [one for one in json.loads(content)["permissions"] if one not in denied]}
            case _:
                raise Refused(f"stand-in: no {method} datasets/{'/'.join(rest)}", 404, "notFound")

    def _find(self, name: str) -> Job:
        if (job := self.warehouse.jobs.get(name)) is None:
            raise Refused(f"Not found: Job {name}", 404, "notFound")
        return job

    def _done(self, kind: str, body: Json, project: str, location: str | None, name: str | None = None, content: bytes = b"") -> Job:
        job = Job(name or uuid.uuid4().hex, kind, location or ELSEWHERE)
        self.warehouse.counts["job"] += 1
        try:
            if kind == "load":
                run_load(self.warehouse, body, project, content, job)
            else:
                run_query(self.warehouse, Query.of(body, project, location), job)
        except Refused as refused:
            job.problem = refused
        self.warehouse.jobs[job.id] = job
        return job

    def _reference(self, job: Job, project: str) -> Json:
        return {"projectId": project, "jobId": job.id, "location": job.location}

    def _job(self, job: Job, project: str) -> Json:
        status: Json = {"state": "DONE"}
        if job.problem is not None:
            one = {"reason": job.problem.reason, "message": str(job.problem)}
            status |= {"errorResult": one, "errors": [one]}
        statistics: Json = {"creationTime": str(int(time.time() * 1e3)), "query": {"numDmlAffectedRows": str(job.affected or 0)}}
        if job.session is not None:
            statistics["sessionInfo"] = {"sessionId": job.session}
        configuration = {"jobType": job.kind.upper(), job.kind: {}}
        if job.kind == "query":
            configuration["query"] = {"query": "", "useLegacySql": False}
        return {
            "id": job.id,
            "jobReference": self._reference(job, project),
            "configuration": configuration,
            "status": status,
            "statistics": statistics,
        }

    def _results(self, job: Job, project: str, wished: Json) -> Json:
        first = int(str(wished.get("pageToken") or wished.get("startIndex") or 0))
        most = int(str(wished.get("maxResults") or 10_000))
        as_micros = bool((wished.get("formatOptions") or {}).get("useInt64Timestamp"))
        page = job.rows[first : first + most]
        answer: Json = {
            "kind": "bigquery#queryResponse",
            "jobReference": self._reference(job, project),
            "jobComplete": True,
            "schema": {"fields": job.columns},
            "totalRows": str(len(job.rows)),
            "rows": [{"f": [cell(value, as_micros=as_micros) for value in row]} for row in page],
        }
        if first + most < len(job.rows):
            answer["pageToken"] = str(first + most)
        if job.affected is not None:
            answer["numDmlAffectedRows"] = str(job.affected)
        if job.session is not None:
            answer["sessionInfo"] = {"sessionId": job.session}
        return answer

    def _begin_upload(self, project: str, asked: dict[str, str], content: bytes) -> tuple[int, Json]:
        if asked["uploadType"] == "resumable":
            name = uuid.uuid4().hex
            self.uploads[name] = project, json.loads(content), bytearray()
            return 200, {"upload": f"http://{self.headers['Host']}/upload/{name}"}
        boundary = re.search(r'boundary="?([^";]+)', self.headers["Content-Type"])
        assert boundary is not None
        _, told, file, _ = content.split(b"--" + boundary[1].encode(), 3)
        body = json.loads(told.split(b"\r\n\r\n", 1)[1])
        return self._load(project, body, file.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n"))

    def _go_on_with_upload(self, name: str, content: bytes) -> tuple[int, Json]:
        project, body, read = self.uploads[name]
        read += content
        match = re.match(r"bytes (?:\d+-(\d+)|\*)/(\d+|\*)", self.headers["Content-Range"])
        assert match is not None
        if match[2] == "*" or int(match[2]) > len(read):
            return 308, {"read": len(read) - 1}
        del self.uploads[name]
        return self._load(project, body, bytes(read))

    def _load(self, project: str, body: Json, content: bytes) -> tuple[int, Json]:
        reference = body.get("jobReference", {})
        job = self._done("load", body["configuration"]["load"], project, reference.get("location"), reference.get("jobId"), content)
        return 200, self._job(job, project)


def key_of(server: str) -> Json:
    """Return the key of a service account that gets its tokens from a server."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    private = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "project_id": "shop",
        "private_key_id": "1",
        "private_key": private.decode(),
        "client_email": USER,
        "token_uri": f"{server}/token",
    }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main(port: int) -> None:
    """Serve until ended."""
    _Server(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
