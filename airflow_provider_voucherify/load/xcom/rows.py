"""Answers as XCom carries them, and how large they are; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TypeAlias

from airflow_provider_voucherify.api.models import CustomerAnswer
from airflow_provider_voucherify.load.columns import RowColumns, row_as_json
from airflow_provider_voucherify.load.files.scratch import MembershipRow
from airflow_provider_voucherify.load.summary import membership_times

XComRow: TypeAlias = dict[str, str | None]


def rows_of(answer: CustomerAnswer, columns: RowColumns) -> list[XComRow]:
    """Return a row per membership of a customer."""
    return [
        row_as_json(MembershipRow(answer.customer_id, segment.id, segment.name, observed_at, answer.source_id), columns)
        for segment, observed_at in membership_times(answer)
    ]


class Size:
    """How large the rows are as XCom.

    :param columns: of the rows.
    :param rows: how many.
    :param row_bytes: their JSON, with a separator each.
    """

    def __init__(self, columns: RowColumns, *, rows: int = 0, row_bytes: int = 0) -> None:
        self.rows = rows
        self._row_bytes = row_bytes
        self._columns = columns

    @property
    def json_bytes(self) -> int:
        """Return the size of the whole list: the last row has no separator, the list has two brackets."""
        return max(self._row_bytes, 2)

    def after(self, removed: Iterable[CustomerAnswer], added: Iterable[CustomerAnswer]) -> Size:
        """Return the size with some answers in place of others."""
        rows, row_bytes = self.rows, self._row_bytes
        for sign, answers in ((-1, removed), (1, added)):
            for answer in answers:
                sizes = [len(json.dumps(row)) + 2 for row in rows_of(answer, self._columns)]
                rows += sign * len(sizes)
                row_bytes += sign * sum(sizes)
        return Size(self._columns, rows=rows, row_bytes=row_bytes)
