"""Memberships as XCom carries them, and how large they may be."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from airflow_provider_voucherify.api.models import CustomerAnswer, MembershipPage
from airflow_provider_voucherify.ledger.held import MembershipRow
from airflow_provider_voucherify.ledger.steps import Step
from airflow_provider_voucherify.load.columns import RowColumns, row_as_json
from airflow_provider_voucherify.load.summary import as_utc, memberships

XComRow: TypeAlias = dict[str, str | None]

#: Airflow has no limit and would put any size into its metadata database.
MAX_JSON_BYTES = 1024 * 1024


def xcom_rows(rows: Iterable[MembershipRow], columns: RowColumns) -> list[XComRow]:
    """Return rows as plain dicts."""
    return [row_as_json(row, columns) for row in rows]


def rows_told(steps: Iterable[Step]) -> Iterator[MembershipRow]:
    """Return the rows that steps tell of, settled or not."""
    for step in steps:
        if isinstance(step, CustomerAnswer):
            for one in memberships(step):
                yield MembershipRow(step.customer_id, one.id, one.name, as_utc(step.observed_at), step.source_id)
        elif isinstance(step, MembershipPage):
            segment, at = step.segment, as_utc(step.observed_at)
            for member in step.members:
                yield MembershipRow(member.customer_id, segment.id, segment.name, at, member.source_id)


def json_bytes(rows: Iterable[MembershipRow], columns: RowColumns) -> int:
    """Return the size of rows as one JSON text."""
    sizes = [len(json.dumps(row_as_json(row, columns))) for row in rows]
    return sum(sizes) + 2 * max(len(sizes), 1)  # two brackets, and a comma and a blank between each two
