"""Memberships as XCom carries them, and how large they may be."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TypeAlias

from airflow_provider_voucherify.ledger.held import MembershipRow

XComRow: TypeAlias = dict[str, str | None]

#: Airflow has no limit and would put any size into its metadata database.
MAX_JSON_BYTES = 1024 * 1024


def xcom_rows(rows: Iterable[MembershipRow], *, with_source_id: bool) -> list[XComRow]:
    """Return rows as plain dicts.

    :param with_source_id: whether rows say the merchant's id besides Voucherify's.
    """
    return [_xcom_row(row, with_source_id=with_source_id) for row in rows]


def json_bytes(rows: Iterable[MembershipRow], *, with_source_id: bool) -> int:
    """Return the size of rows as one JSON text."""
    sizes = [len(json.dumps(_xcom_row(row, with_source_id=with_source_id))) for row in rows]
    return sum(sizes) + 2 * max(len(sizes), 1)  # two brackets, and a comma and a blank between each two


def _xcom_row(row: MembershipRow, *, with_source_id: bool) -> XComRow:
    told: XComRow = {
        "customer_id": row.customer_id,
        "segment_id": row.segment_id,
        "segment_name": row.segment_name,
        "observed_at": row.observed_at.isoformat(),
    }
    return {**told, "source_id": row.source_id} if with_source_id else told
