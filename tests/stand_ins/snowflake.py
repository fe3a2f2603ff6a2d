"""A Snowflake to test with: fakesnow's server (DuckDB beneath), with what it lacks of the vendor's transactions.

As the vendor documents it: primary keys are written down and not enforced; UPDATE, DELETE and MERGE lock their table
until the transaction ends, and others wait; a transaction whose client is gone is rolled back once it keeps others
waiting (there after five minutes, here sooner); each user has a stage ``@~``, whose files are listed and removed by how
their names begin. fakesnow itself commits at DDL, and makes databases and schemas as clients name them. Run as ``python
-m tests.stand_ins.snowflake PORT``.
"""

from __future__ import annotations

import json
import math
import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import fakesnow.arrow
import fakesnow.conn
import fakesnow.server
import pyarrow as pa
import uvicorn
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.dialect import parse_one
from fakesnow.transforms import stage
from sqlglot import exp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from fakesnow.fakes import FakeSnowflakeConnection

#: From when on a transaction that keeps others waiting counts as left behind (seconds without a word of its client).
LEFT_BEHIND_AFTER = 5.0
#: Where the stage of each user is kept.
HOME = "_HOME.PUBLIC.STAGE"

_moments_of = fakesnow.arrow.timestamp_to_sf_struct
_as_named_stage: Callable[[str, str | None, str | None], tuple[str, str, str]] = stage.parts_from_var


class Locks:
    """Which connection has which table to itself, until its transaction ends."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._owners: dict[str, FakeSnowflakeConnection] = {}
        #: When each connection had its last statement done; while it has one to do, never.
        self._idle_since: dict[int, float] = {}

    def begin(self, connection: FakeSnowflakeConnection) -> None:
        """Take note that a client waits for an answer."""
        self._idle_since[id(connection)] = math.inf

    def end(self, connection: FakeSnowflakeConnection) -> None:
        """Take note that it has it."""
        self._idle_since[id(connection)] = time.monotonic()

    def take(self, connection: FakeSnowflakeConnection, table: str) -> None:
        """Wait until a table is free, and keep it."""
        with self._changed:
            while (owner := self._owners.get(table)) not in {None, connection}:
                assert owner is not None
                if time.monotonic() - self._idle_since[id(owner)] > LEFT_BEHIND_AFTER:
                    owner.rollback()
                    self._release(owner)
                else:
                    self._changed.wait(0.1)
            self._owners[table] = connection

    def release(self, connection: FakeSnowflakeConnection) -> None:
        """Let others have what a connection kept."""
        with self._changed:
            self._release(connection)

    def _release(self, connection: FakeSnowflakeConnection) -> None:
        self._owners = {table: owner for table, owner in self._owners.items() if owner is not connection}
        self._changed.notify_all()


LOCKS = Locks()
_DEFINING = threading.Lock()
#: Names of the temporary tables of each session.
_TEMPORARY: dict[int, set[str]] = {}


#: Of a transaction: whatever creates, changes or drops something ends it as well.
_ENDINGS = (exp.Commit, exp.Rollback, exp.Create, exp.Drop, exp.Alter)


class LockingCursor(FakeSnowflakeCursor):  # type: ignore[misc]
    """Executes statements as the vendor's transactions would have it."""

    def execute(self, command: str, *args: object, **kwargs: object) -> FakeSnowflakeCursor:
        """Wait for the table's lock if the statement needs one, then execute it."""
        LOCKS.begin(self._conn)
        try:
            return self._execute_in_turn(command, *args, **kwargs)
        finally:
            LOCKS.end(self._conn)

    def _execute_in_turn(self, command: str, *args: object, **kwargs: object) -> FakeSnowflakeCursor:
        connection = self._conn
        if of_stage := re.fullmatch(r"(LIST|REMOVE) @~/(\S*)", command):
            command = _names_in_stage(of_stage[2], removed=of_stage[1] == "REMOVE")
        if planned := re.match(r"EXPLAIN (DELETE .*)", command, re.DOTALL):
            # fakesnow has no plans. What is removed, to see whether it can be, is nothing.
            command = planned[1]
        statement = parse_one(command)
        if any((_take_out_of_schemas(statement, connection), _quote_what_duckdb_reserves(statement))):
            command = statement.sql(dialect="snowflake")
        if isinstance(statement, exp.Update | exp.Delete | exp.Merge):
            LOCKS.take(connection, _full_name(statement.this, connection))
        if isinstance(statement, exp.Create):
            command = _without_keys(statement).sql(dialect="snowflake")
        if isinstance(statement, exp.Create | exp.Drop | exp.Alter):
            # fakesnow notes columns in a table of its own, which takes no two of them at once.
            with _DEFINING:
                done = super().execute("COMMIT" if _is_there(statement, connection) else command, *args, **kwargs)
        else:
            done = super().execute(command, *args, **kwargs)
        if isinstance(statement, _ENDINGS) or connection._autocommit:
            LOCKS.release(connection)
        return done


def _is_there(statement: exp.Expression, connection: FakeSnowflakeConnection) -> bool:
    """Return whether a statement creates, if it is missing, a table that is there."""
    if not isinstance(statement, exp.Create) or not statement.args.get("exists"):
        return False
    names = _full_name(statement.this, connection).split(".")
    place = "(upper(database_name), upper(schema_name), upper(table_name))"
    with connection._duck_conn.cursor() as cursor:
        return cursor.execute(f"SELECT 1 FROM duckdb_tables() WHERE {place} = (?, ?, ?)", names).fetchone() is not None


def _quote_what_duckdb_reserves(statement: exp.Expression) -> bool:
    """Quote a name that Snowflake takes without, and return whether there is one."""
    named = [one for one in statement.find_all(exp.Identifier) if one.name.upper() == "AT" and not one.quoted]
    for one in named:
        one.set("this", "AT")
        one.set("quoted", True)
    return bool(named)


def _take_out_of_schemas(statement: exp.Expression, connection: FakeSnowflakeConnection) -> bool:
    """Name temporary tables without their schema, as DuckDB has them in none, and return whether there are any."""
    temporary = _TEMPORARY.setdefault(id(connection), set())
    tables = list(statement.find_all(exp.Table))
    if isinstance(statement, exp.Create) and statement.find(exp.TemporaryProperty):
        temporary.add(tables[0].name.upper())
    columns = [one for one in statement.find_all(exp.Column) if one.db and one.table.upper() in temporary]
    named = [*columns, *(one for one in tables if one.db and one.name.upper() in temporary)]
    for one in named:
        one.set("db", None)
        one.set("catalog", None)
    return bool(named)


def _full_name(table: exp.Expression, connection: FakeSnowflakeConnection) -> str:
    named = table.find(exp.Table)
    assert named is not None
    database, schema = named.catalog or str(connection.database), named.db or str(connection.schema)
    return ".".join(part.upper() for part in (database, schema, named.name))


def _without_keys(statement: exp.Create) -> exp.Create:
    for key in [*statement.find_all(exp.PrimaryKey), *statement.find_all(exp.PrimaryKeyColumnConstraint)]:
        key.pop()
    return statement


def _names_in_stage(beginning: str, *, removed: bool) -> str:
    """Return the query of the names of files in the user's stage, which are removed if they are to be."""
    home = Path(stage.internal_dir(HOME))
    found = {str(one.relative_to(home)): one for one in home.rglob("*") if one.is_file()}
    names = sorted(name for name in found if name.startswith(beginning))
    for name in names if removed else ():
        found[name].unlink()
    return " UNION ALL ".join(f"SELECT '{name}' AS \"name\"" for name in names) or "SELECT '' AS \"name\" WHERE FALSE"


def _parts_of_stage(var: str, current_database: str | None, current_schema: str | None) -> tuple[str, str, str]:
    """Take the user's own stage for a named one, which fakesnow has."""
    return _as_named_stage(HOME if var == "~" else var, current_database, current_schema)


async def _query(request: Request) -> Response:
    """Answer what fakesnow cannot do as an error: the driver asks again and again after a server's fault."""
    try:
        answer: Response = await fakesnow.server.query_request(request)
    except Exception as error:  # noqa: BLE001 - whatever it is, the test that caused it is to see it
        return _refusal(repr(error))
    if answer.status_code == 500:
        return _refusal(json.loads(bytes(answer.body))["message"])
    return answer


def _refusal(message: str) -> Response:
    return JSONResponse({"data": {"sqlState": "0A000"}, "code": "261000", "message": message, "success": False})


async def _session(request: Request) -> Response:
    """End a session as the vendor does: what it had not committed is rolled back."""
    if request.query_params.get("delete"):
        connection = fakesnow.server.to_conn(fakesnow.server.to_token(request))
        connection.rollback()
        LOCKS.release(connection)
        connection.close()
    answer: Response = await fakesnow.server.session(request)
    return answer


def _moments(moments: pa.ChunkedArray) -> pa.StructArray:
    """Return moments as the driver reads them; fakesnow makes 1970 of one that is not there."""
    structs = _moments_of(moments)
    return pa.StructArray.from_arrays(
        structs.flatten(), fields=[field.with_nullable(True) for field in structs.type], mask=_null(moments)
    )


def _null(moments: pa.ChunkedArray | pa.Array) -> pa.Array:
    whole = moments.combine_chunks() if isinstance(moments, pa.ChunkedArray) else moments
    return whole.is_null()


def application() -> Starlette:
    """Return the server."""
    fakesnow.arrow.timestamp_to_sf_struct = _moments
    fakesnow.conn.FakeSnowflakeCursor = LockingCursor
    stage.parts_from_var = _parts_of_stage
    home = fakesnow.server.shared_fs.connect("_HOME", "PUBLIC")
    home.cursor().execute("CREATE STAGE STAGE")
    ours = [
        Route("/session", _session, methods=["POST"]),
        Route("/queries/v1/query-request", _query, methods=["POST"]),
    ]
    return Starlette(routes=[*ours, *fakesnow.server.routes])


def main(port: int, run: Callable[..., None] = uvicorn.run) -> None:
    """Serve until ended."""
    run(application(), port=port, log_level="error")


if __name__ == "__main__":
    main(int(sys.argv[1]))
