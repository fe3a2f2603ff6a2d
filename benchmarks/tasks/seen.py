"""What readers see: a line for each row of a table or of a directory's files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psycopg
import pyarrow.parquet
from psycopg import sql

from benchmarks.tasks.models import Appended, History, Model

_LEDGER: Final = "%\\_\\_run\\_%"
_DAY: Final = "to_char({} at time zone 'UTC', 'YYYY-MM-DD')"
_SNAPSHOT: Final = "concat_ws('|', customer_id, segment_id, segment_name)"
_APPENDED: Final = "concat_ws('|', customer_id, segment_id, segment_name, run_key)"
_HISTORY: Final = (
    "concat_ws('|', customer_id, segment_id, segment_name, "
    + _DAY.format("valid_from")
    + ", coalesce("
    + _DAY.format("valid_to")
    + ", ''))"
)


def line_of(model: Model) -> sql.SQL:
    """Return the expression that writes a row as a model does."""
    if isinstance(model, History):
        return sql.SQL(_HISTORY)
    return sql.SQL(_APPENDED if isinstance(model, Appended) else _SNAPSHOT)


def digest_of(lines: Sequence[str]) -> str:
    """Return a short text that tells these lines from others."""
    return hashlib.md5("\n".join(lines).encode(), usedforsecurity=False).hexdigest()


def exists(connection: psycopg.Connection, table: str) -> bool:
    """Return whether there is a table."""
    return connection.execute("select to_regclass(%s)", (table,)).fetchone() != (None,)


def ledgers(connection: psycopg.Connection) -> list[str]:
    """Return the names of the ledgers' tables there are."""
    query = "select relname from pg_class where relkind = 'r' and relname like %s"
    return [str(row[0]) for row in connection.execute(query, (_LEDGER,)).fetchall()]


def digest_of_table(connection: psycopg.Connection, table: str, line: sql.SQL) -> str | None:
    """Return the digest of a table's lines, made by the database; ``None`` if there is no table."""
    if not exists(connection, table):
        return None
    query = sql.SQL("""select md5(coalesce(string_agg({0}, E'\\n' order by {0} collate "C"), '')) from {1}""")
    try:
        row = connection.execute(query.format(line, sql.Identifier(table))).fetchone()
    except psycopg.errors.UndefinedTable:  # it went meanwhile
        return None
    return None if row is None else str(row[0])


def lines_of_table(connection: psycopg.Connection, table: str, line: sql.SQL) -> list[str]:
    """Return a table's lines, in order."""
    if not exists(connection, table):
        return []
    rows = connection.execute(sql.SQL("select {} from {}").format(line, sql.Identifier(table))).fetchall()
    return sorted(str(row[0]) for row in rows)


def lines_of_files(folder: Path) -> list[str] | None:
    """Return the lines of the files a manifest names; ``None`` if there is none, or it was replaced meanwhile."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        files = [folder / one["name"] for one in manifest["files"]]
        rows = [row for file in files for row in _rows_of(file)]
    except FileNotFoundError:
        return None
    return sorted("|".join((row["customer_id"], row["segment_id"], row["segment_name"])) for row in rows)


def _rows_of(file: Path) -> list[dict[str, str]]:
    if file.suffix == ".parquet":
        rows: list[dict[str, str]] = pyarrow.parquet.read_table(file).to_pylist()
        return rows
    return [json.loads(line) for line in file.read_text().splitlines()]


def lines_of_xcom(rows: object) -> list[str]:
    """Return the lines of what a task returned."""
    assert isinstance(rows, list)
    return sorted("|".join((row["customer_id"], row["segment_id"], row["segment_name"])) for row in rows)
