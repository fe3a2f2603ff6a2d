"""Exported objects for XCom, while they are few."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from airflow_provider_voucherify.load.errors import XComTooLarge
from airflow_provider_voucherify.load.exports.destinations import columns_of_fields
from airflow_provider_voucherify.load.xcom.rows import MAX_JSON_BYTES

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.models import Json, Row


def rows_for_xcom(rows: Iterable[Row], fields: Sequence[str], max_rows: int) -> list[Json]:
    """Return rows as plain dicts by column; no more are read than XCom should carry.

    :param max_rows: rows at most; they are held to 1 MiB of JSON besides.
    :raises XComTooLarge: if they are more.
    """
    columns = columns_of_fields(fields)
    found: list[Json] = []
    size = 0
    for row in rows:
        told: dict[str, Json] = {name: _json(cell) for name, cell in zip(columns, row, strict=True)}
        found.append(told)
        size += len(json.dumps(told))
        if len(found) > max_rows:
            raise _too_large(f"has more rows than max_rows={max_rows:,}")
        if size > MAX_JSON_BYTES:
            raise _too_large(f"has more than {MAX_JSON_BYTES:,} bytes of JSON")
    return found


def _json(cell: object) -> Json:
    if isinstance(cell, dict):
        return {str(key): str(text) for key, text in cell.items()}
    return None if cell is None else str(cell)


def _too_large(excess: str) -> XComTooLarge:
    return XComTooLarge(
        f"the export {excess}: XCom is for small results. Use destination=ExportTable(...) or "
        "destination=ObjectFiles(...), let such results go to files with XComRows(overflow=ObjectFiles(...)), or "
        "export less with filters"
    )
