"""Answers as XCom carries them, and how large they are; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TypeAlias

from airflow_provider_voucherify.api.models import CustomerAnswer
from airflow_provider_voucherify.load.summary import membership_times

XComRow: TypeAlias = dict[str, str | None]


def rows_of(answer: CustomerAnswer, *, with_source_id: bool) -> list[XComRow]:
    """Return a row per membership of a customer.

    :param with_source_id: whether rows say the merchant's id besides Voucherify's.
    """
    source_id: XComRow = {"source_id": answer.source_id} if with_source_id else {}
    return [
        {
            "customer_id": answer.customer_id,
            "segment_id": segment.id,
            "segment_name": segment.name,
            "observed_at": observed_at.isoformat(),
            **source_id,
        }
        for segment, observed_at in membership_times(answer)
    ]


class Size:
    """How large the rows are as XCom.

    :param with_source_id: as of the rows.
    :param rows: how many.
    :param row_bytes: their JSON, with a separator each.
    """

    def __init__(self, *, with_source_id: bool, rows: int = 0, row_bytes: int = 0) -> None:
        self.rows = rows
        self._row_bytes = row_bytes
        self._with_source_id = with_source_id

    @property
    def json_bytes(self) -> int:
        """Return the size of the whole list: the last row has no separator, the list has two brackets."""
        return max(self._row_bytes, 2)

    def after(self, removed: Iterable[CustomerAnswer], added: Iterable[CustomerAnswer]) -> Size:
        """Return the size with some answers in place of others."""
        rows, row_bytes = self.rows, self._row_bytes
        for sign, answers in ((-1, removed), (1, added)):
            for answer in answers:
                sizes = [len(json.dumps(row)) + 2 for row in rows_of(answer, with_source_id=self._with_source_id)]
                rows += sign * len(sizes)
                row_bytes += sign * sum(sizes)
        return Size(with_source_id=self._with_source_id, rows=rows, row_bytes=row_bytes)
