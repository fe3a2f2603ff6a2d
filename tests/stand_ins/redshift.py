"""A Redshift to test with: a PostgreSQL that refuses what the vendor says Redshift lacks, and enforces no keys.

From the vendor's pages on unsupported PostgreSQL features, data types and functions, on COPY, CREATE TABLE and quotas,
and on snapshots: a transaction sees what was there at its first statement but LOCK. COPY reads from the S3 that the
environment names, as ``AWS_ENDPOINT_URL_S3``.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Sequence, Sized
from typing import Any, Protocol, Self

import psycopg
import psycopg.abc
from sqlalchemy import Connection, Engine, event

#: What its server says of itself.
VERSION = (
    "PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 (Red Hat 3.4.2-6.fc3), Redshift 1.0.12103"
)
#: Of a statement's values, and of its text (bytes).
MOST_VALUES, MOST_BYTES = 32_767, 16 * 2**20
#: What it lacks; TEXT it has, as a text of 256 bytes.
LACKING = re.compile(
    "|".join(
        (
            r"pg_(try_)?advisory",
            r"\bFOR (UPDATE|SHARE|NO KEY UPDATE)\b",
            r"\bCREATE (UNIQUE )?INDEX\b",
            r"\bON CONFLICT\b",
            r"\bRETURNING\b",
            r"\bON COMMIT\b",
            r"\bFROM STDIN\b",
            r"\bhas_any_column_privilege\b",
            r"\bto_reg\w+\(",
            r"\b(TEXT|BYTEA|JSONB?|UUID|SERIAL|ARRAY|INTERVAL)\b",
            r"\b(generate_series|unnest|string_agg|array_agg|every|clock_timestamp|pg_sleep|overlay|convert_from)\(",
            r"\bIS (NOT )?DISTINCT FROM\b",
            r"\bSAVEPOINT\b",
            r"\bNULLS (FIRST|LAST)\b",
            r"\bFROM \(\s*VALUES\b",
            r"\bSET LOCAL\b|\bset_config\(",
            r"\benable_nestloop\b",
        )
    ),
    re.IGNORECASE,
)
_LACKING_AT_CONNECT = re.compile(r"standard_conforming_strings|\btyparray\b")
#: Its COPY as we write it, in the order of the vendor's synopsis.
_COPY = re.compile(
    r"COPY (?P<table>\S+) \((?P<columns>[^)]+)\) FROM 's3://(?P<bucket>[^/']+)/(?P<prefix>[^']+)'"
    r" IAM_ROLE (default|'arn:aws:iam::\d{12}:role/[\w/]+')"
    r" FORMAT AS JSON 'auto' GZIP COMPUPDATE OFF( REGION '[a-z0-9-]+')?"
)
_COPIED = "pg_last_copy_count()"
_KEY = re.compile(r",\s*PRIMARY KEY \([^)]*\)")


class _Cursor(Protocol):
    """What is asked of the cursors of psycopg and psycopg2."""

    def execute(self, statement: str, parameters: tuple[str, ...]) -> object: ...

    def fetchall(self) -> list[tuple[str, int]]: ...


class Lacking(NotImplementedError):
    """What was asked of Redshift it does not have."""


class _Psycopg3Cursor(psycopg.Cursor[object]):
    """Sees what dialect and driver ask a new connection for, of which SQLAlchemy tells nobody."""

    def execute(self, query: psycopg.abc.Query, *arguments: Any, **options: Any) -> Self:
        if found := _LACKING_AT_CONNECT.search(str(query)):
            raise psycopg.errors.UndefinedObject(f"{found[0]} is not known")
        return super().execute(query, *arguments, **options)


def _see_what_connects(_dialect: object, _record: object, _arguments: object, options: dict[str, object]) -> None:
    options["cursor_factory"] = _Psycopg3Cursor


def refuse_what_it_lacks(engine: Engine) -> None:
    """Let an engine to a PostgreSQL execute what Redshift would, and nothing else."""
    if engine.dialect.driver == "psycopg":
        event.listen(engine, "do_connect", _see_what_connects)
    event.listen(engine, "before_cursor_execute", _look, retval=True)
    event.listen(engine, "begin", _see_one_moment)


def _look(
    connection: Connection, cursor: _Cursor, statement: str, parameters: object, _context: object, many: bool
) -> tuple[str, object]:
    if statement.startswith("COPY ") and (copy := _COPY.fullmatch(statement)):
        return _copy(connection, cursor, copy)
    if found := LACKING.search(statement):
        raise Lacking(f"{found[0]!r} in {statement}")
    if many and isinstance(parameters, Sequence) and len(parameters) > 100:
        raise Lacking(f"{len(parameters)} statements of one row: {statement}")
    if isinstance(parameters, Sized) and len(parameters) > MOST_VALUES:
        raise Lacking(f"{len(parameters)} values: {statement[:200]}")
    if len(statement.encode()) > MOST_BYTES:
        raise Lacking(f"{len(statement)} characters: {statement[:200]}")
    statement = statement.replace(_COPIED, str(connection.info.get(_COPIED, 0)))
    return _KEY.sub("", statement), parameters


def _copy(connection: Connection, cursor: _Cursor, copy: re.Match[str]) -> tuple[str, object]:
    """Return what to execute instead of a copy, which fails where Redshift's would."""
    cursor.execute(
        "SELECT attname, atttypmod - 4 FROM pg_attribute WHERE attrelid = %s::regclass AND atttypmod > 4",
        (copy["table"].replace("%%", "%"),),  # doubled for drivers
    )
    lengths = cursor.fetchall()
    files = _files(copy["bucket"], copy["prefix"].replace("%%", "%"))
    rows = [json.loads(line) for file in files for line in gzip.decompress(file).splitlines()]
    if not files or any(len((row.get(name) or "").encode()) > most for row in rows for name, most in lengths):
        return "DO $$ BEGIN RAISE EXCEPTION 'Load into table failed' USING ERRCODE = 'XX000'; END $$", ()
    connection.info[_COPIED] = len(rows)
    table, columns = copy["table"], copy["columns"]
    texts = f"json_populate_recordset(NULL::{table}, %(rows)s)"
    return f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {texts}", {"rows": json.dumps(rows)}


def _files(bucket: str, prefix: str) -> list[bytes]:
    import boto3

    store = boto3.client("s3")
    found = store.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return [store.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in found]


def _see_one_moment(connection: Connection) -> None:
    connection.exec_driver_sql("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    connection.connection.commit()  # by the driver, which then begins another: psycopg2 would not know of a COMMIT
