"""A Databricks to test with: what stands in for the driver's connections, and a server of their sessions.

The server has DuckDB beneath, with sqlglot in between, and does as the vendor documents (see ``databricks_sessions``);
a session ends with the connection of its client, whatever became of that. It has none of Databricks' parser, types,
limits but that of a statement's values, or rights. Run as ``python -m tests.stand_ins.databricks PORT``.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from multiprocessing.connection import Client, Listener
from multiprocessing.connection import Connection as Channel

import databricks.sql
from databricks.sql.exc import NotSupportedError, ServerOperationError
from databricks.sql.parameters.native import dbsql_parameter_from_primitive
from databricks.sql.types import Row

from tests.stand_ins.databricks_sessions import Answer, Lakehouse, Parameter, Refused, Session

#: Where the server is, for the processes of tests: its port.
SERVER = "DATABRICKS_STAND_IN_PORT"
_KEY = b"stand-in"


class Cursor:
    """A cursor of the driver's: what Airflow's hook, SQLAlchemy and ours ask of one."""

    query_id = None

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._answer = Answer()
        self._next = 0

    @property
    def description(self) -> list[tuple[object, ...]] | None:
        """Return name and type of the columns of what was executed."""
        return [(name, kind, None, None, None, None, None) for name, kind in self._answer.columns] or None

    @property
    def rowcount(self) -> int:
        """Return how many rows were changed."""
        return self._answer.changed

    def execute(
        self,
        operation: str,
        parameters: Mapping[str, object] | Sequence[object] | None = None,
        *,
        input_stream: BytesIO | None = None,
    ) -> Cursor:
        """Execute a statement, with its parameters as the driver makes them."""
        bound: list[Parameter] = []
        named = parameters or {}
        assert isinstance(named, Mapping), "the stand-in takes named parameters only"
        for name, value in named.items():
            made = dbsql_parameter_from_primitive(value, name=name).as_tspark_param(named=True)
            bound.append((name, made.type, None if made.value is None else made.value.stringValue))
        self._channel.send((operation, bound, None if input_stream is None else input_stream.read()))
        answer = self._channel.recv()
        if isinstance(answer, str):
            raise ServerOperationError(answer, {})
        self._answer, self._next = answer, 0
        return self

    def executemany(self, operation: str, seq_of_parameters: Sequence[Mapping[str, object]]) -> None:
        """Execute a statement for each of the parameters."""
        for parameters in seq_of_parameters:
            self.execute(operation, parameters)

    def fetchone(self) -> Row | None:
        """Return the next row."""
        return next(iter(self.fetchmany(1)), None)

    def fetchmany(self, size: int) -> list[Row]:
        """Return up to so many rows."""
        make = Row(*(name for name, _ in self._answer.columns))
        part = self._answer.rows[self._next : self._next + size]
        self._next += len(part)
        return [make(*row) for row in part]

    def fetchall(self) -> list[Row]:
        """Return all rows that are left."""
        return self.fetchmany(len(self._answer.rows))

    def close(self) -> None:
        """Do nothing: it is gone with the connection."""

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Connection:
    """A connection of the driver's, which knows nothing of transactions unless it is told otherwise.

    :param catalog: where names without one are.
    """

    autocommit = True

    def __init__(self, catalog: str | None, schema: str | None) -> None:
        self._channel = Client(("127.0.0.1", int(os.environ[SERVER])), authkey=_KEY)
        self._channel.send((catalog or "workspace", schema or "default"))

    def cursor(self) -> Cursor:
        """Return a cursor."""
        return Cursor(self._channel)

    def commit(self) -> None:
        """Do nothing."""

    def rollback(self) -> None:
        """Refuse."""
        raise NotSupportedError("Transactions are not supported on Databricks")

    def close(self) -> None:
        """Close it."""
        self._channel.close()


def connect(
    server_hostname: str,
    http_path: str,
    access_token: str | None = None,
    *,
    catalog: str | None = None,
    schema: str | None = None,
    **_: object,
) -> Connection:
    """Connect as the driver does."""
    assert server_hostname
    assert http_path
    assert access_token
    return Connection(catalog, schema)


def install() -> None:
    """Let the driver connect to the stand-in, in this process and its forks."""
    databricks.sql.connect = connect


def tell(*said: object) -> Counter[str]:
    """Tell the server something no Databricks is told; return the counts of a catalog's statements."""
    with Client(("127.0.0.1", int(os.environ[SERVER])), authkey=_KEY) as channel:
        channel.send(said)
        answer: Counter[str] = channel.recv()
    return answer


def serve(port: int) -> None:
    """Serve until ended."""
    lakehouse = Lakehouse()
    with Listener(("127.0.0.1", port), backlog=128, authkey=_KEY) as listener:
        while True:
            with suppress(OSError, EOFError):  # of a client that went away
                channel = listener.accept()
                threading.Thread(target=_serve_one, args=(lakehouse, channel), daemon=True).start()


def _serve_one(lakehouse: Lakehouse, channel: Channel) -> None:
    with channel, suppress(OSError, EOFError):
        match channel.recv():
            case ("counts", str(catalog)):
                channel.send(Counter(lakehouse.counts[catalog]))
            case ("kind", str(table), str(kind), form):
                lakehouse.kinds[table] = (kind, form)
                channel.send(Counter())
            case ("old", str(table)):
                lakehouse.old.add(table)
                channel.send(Counter())
            case (catalog, schema):
                _serve_session(Session(lakehouse, catalog, schema), channel)


def _serve_session(session: Session, channel: Channel) -> None:
    try:
        while True:
            text, parameters, file = channel.recv()
            try:
                answer: Answer | str = session.execute(text, parameters, file)
            except Refused as refused:
                answer = str(refused)
            except Exception as error:  # noqa: BLE001 - the test that caused it is to see it
                answer = f"[INTERNAL_ERROR] stand-in: {error!r}"
            channel.send(answer)
    finally:
        session.close()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
