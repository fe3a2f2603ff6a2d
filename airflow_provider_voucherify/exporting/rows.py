"""The rows of an export's file, cell by cell in the order of the fields; pure."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from airflow_provider_voucherify.api.errors import ExportFailed, InvalidArgument
from airflow_provider_voucherify.exporting.request import METADATA

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.models import Row


def exported_rows(lines: Iterator[str], fields: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a file. Titles are for people: a column is known by its place among the fields.

    :param lines: of the file, line ends included.
    :param fields: that were asked for. ``metadata`` is a column for each key of the project's schema, wherever it
        stands: its columns are what the fields before and behind it leave, and only there a title is read, the key.
    :raises ExportFailed: if the columns are not those asked for, or a row is not whole.
    :raises InvalidArgument: if a cell is too long to be read.
    """
    reader = csv.reader(lines, strict=True)
    try:
        titles = next(reader, None)
        if not titles:
            raise ExportFailed("the export's file is empty: not even titles are in it")
        columns = _Columns(titles, fields)
        for row in reader:
            if row or columns.are_one:
                yield columns.cells(row or [""], reader.line_num)
        return
    except csv.Error as error:
        is_too_long = "field limit" in str(error)
    if is_too_long:
        raise InvalidArgument(
            f"a cell of the row that ends at line {reader.line_num:,} of the export's file has more than "
            f"{csv.field_size_limit():,} characters: leave fields of long texts out, such as response_body"
        )
    raise ExportFailed(f"line {reader.line_num:,} of the export's file is no CSV: was it cut off?")


class _Columns:
    """What the columns of a file hold.

    :raises ExportFailed: if there are too few or too many columns.
    """

    def __init__(self, titles: Sequence[str], fields: Sequence[str]) -> None:
        has_metadata = METADATA in fields
        self._count = len(titles)
        self._before = fields.index(METADATA) if has_metadata else len(fields)
        self._behind = len(titles) - (len(fields) - self._before - 1) if has_metadata else len(titles)
        if self._count < len(fields) - has_metadata or (not has_metadata and self._count != len(fields)):
            raise ExportFailed(f"the export's file has {self._count} columns where {len(fields)} fields were asked for")
        self._keys = [_key(title) for title in titles[self._before : self._behind]] if has_metadata else None
        if self._keys is not None and len(set(self._keys)) < len(self._keys):
            raise ExportFailed("the export's file has two columns of the same metadata key")

    @property
    def are_one(self) -> bool:
        """Return whether an empty line is a row with an empty cell."""
        return self._count == 1

    def cells(self, row: Sequence[str], line: int) -> Row:
        """Return a cell for each field.

        :raises ExportFailed: if the row is not whole.
        """
        if len(row) != self._count:
            raise ExportFailed(
                f"the row that ends at line {line:,} of the export's file has {len(row)} of {self._count} cells: was "
                "it cut off?"
            )
        if self._keys is None:
            return [text or None for text in row]
        told = zip(self._keys, row[self._before : self._behind], strict=True)
        metadata = {key: text for key, text in told if text}
        return [
            *(text or None for text in row[: self._before]),
            metadata,
            *(text or None for text in row[self._behind :]),
        ]


def _key(title: str) -> str:
    head, dot, key = title.partition(".")
    return key if dot and head.strip().lower() == METADATA else title
