"""Rows as files: Parquet or JSON Lines; the only module of this room that imports pyarrow, inside of functions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from airflow_provider_voucherify.load.errors import InvalidDestination
from airflow_provider_voucherify.load.summary import as_utc

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.models import CustomerAnswer, Json
    from airflow_provider_voucherify.ledger.held import MembershipRow
    from airflow_provider_voucherify.load.destinations import FileFormat

_FAILURE_KEYS = {"run_key", "customer_id", "reason", "observed_at"}
_COLUMNS = ("customer_id", "segment_id", "segment_name", "observed_at")


def columns_of(*, with_source_id: bool) -> tuple[str, ...]:
    """Return the names of the columns, in order."""
    return (*_COLUMNS, "source_id") if with_source_id else _COLUMNS


def schema_of(file_format: FileFormat, *, with_source_id: bool) -> list[dict[str, str]]:
    """Return name and type of each column, for the manifest."""
    time = "timestamp[us, tz=UTC]" if file_format == "parquet" else "string, ISO 8601 in UTC"
    names = columns_of(with_source_id=with_source_id)
    return [{"name": name, "type": time if name == "observed_at" else "string"} for name in names]


def check_can_write(file_format: FileFormat) -> None:
    """See that what the format needs is installed, before any call is made.

    :raises InvalidDestination: if not.
    """
    if file_format == "parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise InvalidDestination(
                "format='parquet' needs pyarrow: install airflow-provider-voucherify[files], or write format='jsonl'"
            ) from None


def encode(rows: Sequence[MembershipRow], file_format: FileFormat, *, with_source_id: bool) -> bytes:
    """Return rows as a whole file."""
    as_bytes = _as_parquet if file_format == "parquet" else _as_json_lines
    return as_bytes(rows, columns_of(with_source_id=with_source_id))


def encode_failures(failed: Sequence[CustomerAnswer], run_key: str) -> bytes:
    """Return failed customers as JSON Lines."""
    return b"".join(
        _line(
            {
                "run_key": run_key,
                "customer_id": answer.customer_id,
                "reason": answer.failure or "failed",
                "observed_at": as_utc(answer.observed_at).isoformat(),
            }
        )
        for answer in failed
    )


def holds_failures(data: bytes) -> bool:
    """Return whether a file is one that ``encode_failures`` made."""
    try:
        lines = [json.loads(line) for line in data.splitlines()]
    except (RecursionError, ValueError):
        return False
    return bool(lines) and all(isinstance(line, dict) and line.keys() == _FAILURE_KEYS for line in lines)


def _as_parquet(rows: Sequence[MembershipRow], columns: Sequence[str]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, time = pa.string(), pa.timestamp("us", tz="UTC")
    schema = pa.schema(
        [pa.field(name, time if name == "observed_at" else text, nullable=name == "source_id") for name in columns]
    )
    values = {name: [getattr(row, name) for row in rows] for name in columns}
    target = BytesIO()
    pq.write_table(pa.table(values, schema=schema), target, compression="zstd")
    return target.getvalue()


def _as_json_lines(rows: Sequence[MembershipRow], columns: Sequence[str]) -> bytes:
    lines = []
    for row in rows:
        values: dict[str, Json] = {name: getattr(row, name) for name in columns if name != "observed_at"}
        lines.append(_line({**values, "observed_at": row.observed_at.isoformat()}))
    return b"".join(lines)


def _line(values: dict[str, Json]) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"
