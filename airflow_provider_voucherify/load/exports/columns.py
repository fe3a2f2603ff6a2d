"""The columns of exported objects in a table: their types, and values read off the file's texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, TypeAlias, cast

from airflow_provider_voucherify.load.errors import ValueUnfit
from airflow_provider_voucherify.load.exports.destinations import Cell, ColumnKind, ExportTable, Row, column_of

if TYPE_CHECKING:
    from sqlalchemy import Column
    from sqlalchemy.types import TypeEngine

Value: TypeAlias = str | int | Decimal | bool | date | datetime | None
Record: TypeAlias = tuple[Value, ...]

_TRUTHS = {"true": True, "false": False}
_LARGEST_INT = 2**63 - 1
#: Digits of a decimal where a database needs to be told: before and behind the point.
_DIGITS, _DIGITS_BEHIND = 38, 10


def columns_of(destination: ExportTable, fields: Sequence[str], *, is_quoted: bool) -> list[Column[object]]:
    """Return a column for each field, in their order; all may be null.

    :param is_quoted: whether names are written in quotes always: SQLAlchemy does not know of all words that are
        reserved in a database; in others quotes keep a name from being in the case the database likes.
    """
    from sqlalchemy import Column

    kinds = [destination.types.get(name, "text") for name in fields]
    return [
        Column(column_of(name), _type_of(kind), nullable=True, quote=is_quoted or None)
        for name, kind in zip(fields, kinds, strict=True)
    ]


def records(destination: ExportTable, fields: Sequence[str], rows: Iterable[Row]) -> Iterator[Record]:
    """Yield rows with values of the columns' types.

    :raises ValueUnfit: naming row and field, if a text is no value of the field's type.
    """
    kinds: list[ColumnKind] = [destination.types.get(name, "text") for name in fields]
    readers = [_READERS[kind] for kind in kinds]
    for number, row in enumerate(rows, start=1):
        try:
            yield tuple([None if cell is None else read(cell) for read, cell in zip(readers, row, strict=True)])
        except (ValueError, InvalidOperation, OverflowError):
            raise _unfit(number, fields, kinds, row) from None


def _unfit(number: int, fields: Sequence[str], kinds: Sequence[ColumnKind], row: Row) -> ValueUnfit:
    """Return the error of a row, which holds what may be a customer's: the value is not repeated."""
    for name, kind, cell in zip(fields, kinds, row, strict=True):
        try:
            if cell is not None:
                _READERS[kind](cell)
        except (ValueError, InvalidOperation, OverflowError):
            return ValueUnfit(
                f"row {number:,} of the export has no {kind} in {name!r}: write types={{{name!r}: 'text'}}, or leave "
                "it out of types"
            )
    return ValueUnfit(f"row {number:,} of the export cannot be read")


def _text(cell: Cell) -> Value:
    return json.dumps(cell, ensure_ascii=False) if isinstance(cell, dict) else cell


def _integer(cell: Cell) -> Value:
    number = int(str(cell))
    if not -_LARGEST_INT <= number <= _LARGEST_INT:
        raise ValueError("does not fit into a BIGINT")
    return number


def _decimal(cell: Cell) -> Value:
    number = Decimal(str(cell))
    if not number.is_finite():
        raise ValueError("no finite number")
    return number


def _boolean(cell: Cell) -> Value:
    if (truth := _TRUTHS.get(str(cell).lower())) is None:
        raise ValueError("neither true nor false")
    return truth


def _date(cell: Cell) -> Value:
    return date.fromisoformat(str(cell)[:10])


def _timestamp(cell: Cell) -> Value:
    moment = datetime.fromisoformat(str(cell))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


_READERS: dict[ColumnKind, Callable[[Cell], Value]] = {
    "text": _text,
    "integer": _integer,
    "decimal": _decimal,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
}


def _type_of(kind: ColumnKind) -> TypeEngine[object]:
    from sqlalchemy import BigInteger, Boolean, Date, Double, Numeric

    from airflow_provider_voucherify.warehouse.column_types import long_text, utc_time

    match kind:
        case "integer":
            found: object = BigInteger()
        case "decimal":
            bounded = Numeric(_DIGITS, _DIGITS_BEHIND)
            found = bounded.with_variant(Numeric(), "postgresql").with_variant(Double(), "sqlite")
        case "boolean":
            found = Boolean()
        case "date":
            found = Date()
        case "timestamp":
            found = utc_time()
        case _:
            found = long_text()
    return cast("TypeEngine[object]", found)
