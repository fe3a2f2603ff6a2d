"""Rows as files: Parquet or JSON Lines; the only module of this room that imports pyarrow, inside of functions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from airflow_provider_voucherify.load.columns import RowColumns, row_as_json
from airflow_provider_voucherify.load.errors import InvalidDestination
from airflow_provider_voucherify.load.summary import as_utc

if TYPE_CHECKING:
    import pyarrow

    from airflow_provider_voucherify.api.models import CustomerAnswer
    from airflow_provider_voucherify.ledger.held import MembershipRow
    from airflow_provider_voucherify.load.destinations import FileFormat

_FAILURE_KEYS = {"run_key", "customer_id", "reason", "observed_at"}


def schema_of(file_format: FileFormat, columns: RowColumns) -> list[dict[str, str]]:
    """Return name and type of each column, for the manifest."""
    time = "timestamp[us, tz=UTC]" if file_format == "parquet" else "string, ISO 8601 in UTC"
    return [{"name": one.name, "type": time if one.type == "moment" else "string"} for one in columns]


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


def encode(rows: Sequence[MembershipRow], file_format: FileFormat, columns: RowColumns) -> bytes:
    """Return rows as a whole file."""
    as_bytes = _as_parquet if file_format == "parquet" else _as_json_lines
    return as_bytes(rows, columns)


def encode_failures(failed: Sequence[CustomerAnswer], run_key: str) -> bytes:
    """Return failed customers as JSON Lines."""
    return b"".join(
        json_line(
            {
                "run_key": run_key,
                "customer_id": answer.customer_id,
                "reason": answer.failure or "failed",
                "observed_at": as_utc(answer.observed_at).isoformat(),
            }
        )
        for answer in failed
    )


def json_line(values: Mapping[str, object]) -> bytes:
    """Return an object as a line of JSON Lines.

    :param values: as JSON has them.
    """
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"


def parquet_of(values: Mapping[str, Sequence[object]], schema: pyarrow.Schema) -> bytes:
    """Return columns of one length as a whole Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    target = BytesIO()
    pq.write_table(pa.table(values, schema=schema), target, compression="zstd")
    return target.getvalue()


def holds_failures(data: bytes) -> bool:
    """Return whether a file is one that ``encode_failures`` made."""
    try:
        lines = [json.loads(line) for line in data.splitlines()]
    except (RecursionError, ValueError):
        return False
    return bool(lines) and all(isinstance(line, dict) and line.keys() == _FAILURE_KEYS for line in lines)


def _as_parquet(rows: Sequence[MembershipRow], columns: RowColumns) -> bytes:
    import pyarrow as pa

    text, time = pa.string(), pa.timestamp("us", tz="UTC")
    schema = pa.schema(
        [pa.field(one.name, time if one.type == "moment" else text, nullable=one.may_be_null) for one in columns]
    )
    return parquet_of({one.name: [getattr(row, one.name) for row in rows] for one in columns}, schema)


def _as_json_lines(rows: Sequence[MembershipRow], columns: RowColumns) -> bytes:
    return b"".join(json_line(row_as_json(row, columns)) for row in rows)
