"""A Redshift to test with: a PostgreSQL that refuses what the vendor says Redshift lacks, and enforces no keys.

From the vendor's pages on unsupported PostgreSQL features, data types and functions, on COPY, CREATE TABLE and quotas,
and on snapshots: a transaction sees what was there at its first statement but LOCK.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Sized

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
_KEY = re.compile(r",\s*PRIMARY KEY \([^)]*\)")


class Lacking(NotImplementedError):
    """What was asked of Redshift it does not have."""


def refuse_what_it_lacks(engine: Engine) -> None:
    """Let an engine to a PostgreSQL execute what Redshift would, and nothing else."""
    event.listen(engine, "before_cursor_execute", _look, retval=True)
    event.listen(engine, "begin", _see_one_moment)


def _look(
    _connection: object, _cursor: object, statement: str, parameters: object, _context: object, many: bool
) -> tuple[str, object]:
    if found := LACKING.search(statement):
        raise Lacking(f"{found[0]!r} in {statement}")
    if many and isinstance(parameters, Sequence) and len(parameters) > 100:
        raise Lacking(f"{len(parameters)} statements of one row: {statement}")
    if isinstance(parameters, Sized) and len(parameters) > MOST_VALUES:
        raise Lacking(f"{len(parameters)} values: {statement[:200]}")
    if len(statement.encode()) > MOST_BYTES:
        raise Lacking(f"{len(statement)} characters: {statement[:200]}")
    return _KEY.sub("", statement), parameters


def _see_one_moment(connection: Connection) -> None:
    connection.exec_driver_sql("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    connection.connection.commit()  # by the driver, which then begins another: psycopg2 would not know of a COMMIT
