"""The columns of exported objects in a table: their types, and values read off the file's texts."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias, cast

from airflow_provider_voucherify.api.models import Cell, Row
from airflow_provider_voucherify.load.errors import ValueUnfit
from airflow_provider_voucherify.load.exports.destinations import ColumnKind, ExportTable, column_of

if TYPE_CHECKING:
    from sqlalchemy import Column, Dialect
    from sqlalchemy.types import TypeEngine

Value: TypeAlias = str | int | Decimal | bool | date | datetime | None
Record: TypeAlias = tuple[Value, ...]
_Reader: TypeAlias = Callable[[Cell], Value]

_TRUTHS = {"true": True, "false": False}
_LARGEST_INT = 2**63 - 1
#: Digits of a decimal, and how many of them are behind the point, in tables that we make and where one does not say.
_DIGITS, _DIGITS_BEHIND = 38, 10
_EXACT = Context(prec=_DIGITS, traps=[Inexact, InvalidOperation])
_INTEGER = re.compile(r"[+-]?[0-9]+").fullmatch
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?").fullmatch
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.,+Z-]+)?").fullmatch
_NO_DIGITS: Mapping[str, int | None] = MappingProxyType({})


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


def losing_columns(
    destination: ExportTable, fields: Sequence[str], existing: Mapping[str, TypeEngine[object]], dialect: Dialect
) -> list[str]:
    """Return which columns of a table that exists would lose part of what goes there, each with both types.

    :param existing: types by column. What a database refuses by itself is not looked for.
    """
    from sqlalchemy import FLOAT, REAL, Date, Integer, Numeric, Time

    losing: list[str] = []
    for name in fields:
        kind, type_ = destination.types.get(name, "text"), existing.get(column_of(name))
        loses_time = kind == "timestamp" and (isinstance(type_, Date | Time) or _cuts_seconds(type_))
        is_whole = isinstance(type_, Integer) or (isinstance(type_, Numeric) and type_.scale == 0)
        is_single = isinstance(type_, FLOAT | REAL)  # of doubles SQLAlchemy has other types
        if type_ is not None and (
            loses_time or (kind == "decimal" and (is_whole or is_single)) or (kind == "integer" and is_single)
        ):
            losing.append(f"{column_of(name)} (is {type_.compile(dialect)}, and gets a {kind})")
    return losing


def _cuts_seconds(type_: TypeEngine[object] | None) -> bool:
    """Return whether a type of times has less than milliseconds, which Voucherify's have: MySQL's say so by ``fsp``, of
    which none is zero."""
    from sqlalchemy import DateTime

    digits = getattr(type_, "precision", None), getattr(type_, "fsp", 6) or 0
    return isinstance(type_, DateTime) and any(one is not None and one < 3 for one in digits)


def digits_behind(
    fields: Sequence[str], types: Mapping[str, TypeEngine[object]], dialect: Dialect
) -> dict[str, int | None]:
    """Return how many digits behind the point a table keeps of a number, by field; ``None`` for as many as there are.

    :param types: by column.
    """
    return {name: _digits_behind(types.get(column_of(name)), dialect) for name in fields}


def _digits_behind(type_: TypeEngine[object] | None, dialect: Dialect) -> int | None:
    from sqlalchemy import Float, Numeric

    if isinstance(type_, Numeric) and type_.scale is not None:
        return type_.scale
    # Without a scale other databases' NUMERIC has one all the same, and what is read of their catalogs calls floats so.
    is_unbounded = isinstance(type_, Float) or (isinstance(type_, Numeric) and dialect.name == "postgresql")
    return None if is_unbounded else _DIGITS_BEHIND


def records(
    destination: ExportTable,
    fields: Sequence[str],
    rows: Iterable[Row],
    behind: Mapping[str, int | None] = _NO_DIGITS,
    naive: Collection[str] = (),
) -> Iterator[Record]:
    """Yield rows with values of the columns' types.

    :param behind: how many digits behind the point are kept of a decimal, by field, where that is not ten; ``None`` for
        as many as there are.
    :param naive: fields of times whose columns have no zone: a database would put its session's time there.
    :raises ValueUnfit: naming row and field, if a text is no value of the field's type, or would not be kept whole.
    """
    kinds: list[ColumnKind] = [destination.types.get(name, "text") for name in fields]
    special: dict[ColumnKind, Callable[[str], _Reader]] = {
        "decimal": lambda name: partial(_decimal, behind=behind.get(name, _DIGITS_BEHIND)),
        "timestamp": lambda name: partial(_timestamp, is_naive=name in naive),
    }
    readers = [
        special[kind](name) if kind in special else _READERS[kind] for name, kind in zip(fields, kinds, strict=True)
    ]
    for number, row in enumerate(rows, start=1):
        try:
            yield tuple([None if cell is None else read(cell) for read, cell in zip(readers, row, strict=True)])
        except (ValueError, ArithmeticError):
            place = next(place for place, read in enumerate(readers) if not _is_read(read, row[place]))
            name, kind = fields[place], kinds[place]
            most = _most_digits(kind, behind.get(name, _DIGITS_BEHIND))
            # The row holds what may be a customer's: the value is not repeated.
            raise ValueUnfit(
                f"row {number:,} of the export has no {kind} in {name!r}{most}: write types={{{name!r}: 'text'}}, or "
                "leave it out of types"
            ) from None


def _is_read(read: _Reader, cell: Cell) -> bool:
    try:
        return cell is None or read(cell) is not None
    except (ValueError, ArithmeticError):
        return False


def _most_digits(kind: ColumnKind, behind: int | None) -> str:
    if kind != "decimal" or behind is None:
        return ""
    return f" of at most {_DIGITS - behind} digits before the point and {behind} behind it"


def _text(cell: Cell) -> Value:
    return json.dumps(cell, ensure_ascii=False) if isinstance(cell, dict) else cell


def _integer(cell: Cell) -> Value:
    text = str(cell)
    # int() and Decimal() take "1_000" and other scripts' digits as well.
    number = int(text) if _INTEGER(text) else _LARGEST_INT + 1
    if not -_LARGEST_INT <= number <= _LARGEST_INT:
        raise ValueError("no integer, or does not fit into a BIGINT")
    return number


def _decimal(cell: Cell, behind: int | None) -> Value:
    text = str(cell)
    if not _DECIMAL(text):
        raise ValueError("no number")
    number = Decimal(text)
    if behind is not None:
        _EXACT.quantize(number, Decimal((0, (1,), -behind)))  # raises if the database would round it
    elif not math.isfinite(float(number)):
        raise ValueError("too large for a float")
    return number


def _boolean(cell: Cell) -> Value:
    if (truth := _TRUTHS.get(str(cell).lower())) is None:
        raise ValueError("neither true nor false")
    return truth


def _date(cell: Cell) -> Value:
    return _moment(cell).date()


def _timestamp(cell: Cell, *, is_naive: bool) -> Value:
    moment = _moment(cell)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.replace(tzinfo=None) if is_naive else moment


def _moment(cell: Cell) -> datetime:
    text = str(cell)
    if not _TIME(text):
        raise ValueError("no date, and no time")
    return datetime.fromisoformat(text)


_READERS: dict[ColumnKind, _Reader] = {
    "text": _text,
    "integer": _integer,
    "boolean": _boolean,
    "date": _date,
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
