"""Rows as Parquet files of texts, which Snowflake and Databricks copy, and make of each text what its column holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from io import BytesIO
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Table

#: Rows of a file: several are read at once by a warehouse.
ROWS_PER_FILE = 250_000
_ROWS_PER_BATCH = 10_000


def in_files(rows: Iterable[Sequence[object]]) -> Iterator[Iterator[Sequence[object]]]:
    """Yield the rows of a file after those of the other; each to be read before the next is asked for."""
    rest = iter(rows)
    while first := list(islice(rest, 1)):
        yield chain(first, islice(rest, ROWS_PER_FILE - 1))


def write_parquet(file: BytesIO | Path, table: Table, rows: Iterator[Sequence[object]]) -> int:
    """Write rows into a file, with columns named by their places (``c0``, ``c1``).

    :param rows: with a value for every column of the table, in its order.
    :returns: how many.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, held = pa.schema([(f"c{place}", pa.string()) for place, _ in enumerate(table.columns)]), 0
    with pq.ParquetWriter(file, schema) as writer:
        while batch := list(islice(rows, _ROWS_PER_BATCH)):
            columns = [pa.array(map(as_text, values), pa.string()) for values in zip(*batch, strict=True)]
            writer.write_batch(pa.record_batch(columns, schema=schema))
            held += len(batch)
    return held


def as_text(value: object) -> str | None:
    """Return a value as the text that a column of its type is made of."""
    match value:
        case None | str():
            return value
        case date():
            return value.isoformat()
        case _:
            return str(value).lower()
