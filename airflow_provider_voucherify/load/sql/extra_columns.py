"""Columns of the user's own: one value for all rows of a run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from airflow_provider_voucherify.load.columns import OUR_NAMES
from airflow_provider_voucherify.load.errors import InvalidDestination

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement

ExtraValue: TypeAlias = str | int | float | bool | date | None
ExtraColumns: TypeAlias = Mapping[str, ExtraValue]

NO_EXTRA_COLUMNS: ExtraColumns = MappingProxyType({})

_MAX_NAME_BYTES = 63
_LARGEST_INT = 2**63 - 1


def check_extra_columns(columns: ExtraColumns) -> None:
    """Check names and values.

    :raises InvalidDestination: if a name is no column's, is one of ours or there twice, or a value has no column type.
    """
    if not isinstance(columns, Mapping):
        raise InvalidDestination(f'extra_columns={columns!r} should be a dict, such as {{"ds": "{{{{ ds }}}}"}}')
    seen: set[str] = set()
    for name, value in columns.items():
        _check_name(name, seen)
        if isinstance(value, datetime) or not isinstance(value, str | int | float | date | None):
            raise InvalidDestination(
                f"extra_columns[{name!r}] is a {type(value).__name__}: use a str, int, float, bool, date or None; "
                "a time of day as text"
            )
        if isinstance(value, int) and not -_LARGEST_INT <= value <= _LARGEST_INT:
            raise InvalidDestination(f"extra_columns[{name!r}]={value} does not fit into a BIGINT: write it as text")


def _check_name(name: object, seen: set[str]) -> None:
    if not isinstance(name, str) or name != name.strip() or not name.isprintable() or not name:
        raise InvalidDestination(f"extra_columns has the name {name!r}: write a column's name, without blanks around")
    if len(name.encode()) > _MAX_NAME_BYTES:
        raise InvalidDestination(f"extra_columns has the name {name!r}: at most {_MAX_NAME_BYTES} bytes, please")
    if name.lower() in OUR_NAMES:  # whatever their case, since most databases do not tell them apart
        raise InvalidDestination(f"extra_columns has the name {name!r}, which is a column of ours: choose another")
    if name.lower() in seen:
        raise InvalidDestination(f"extra_columns has the name {name!r} twice, in another case: choose another")
    seen.add(name.lower())


def columns_of(extra: ExtraColumns) -> list[Column[object]]:
    """Return the columns, which may be null, with the types of their values; text where the value is ``None``."""
    from sqlalchemy import Column

    from airflow_provider_voucherify.warehouse.column_types import type_of

    return [
        Column(name, type_of(value), nullable=True, info={"is_filled": value is not None})
        for name, value in extra.items()
    ]


def values_of(extra: ExtraColumns) -> dict[str, ColumnElement[object]]:
    """Return the values, bound, with the types of their columns."""
    from sqlalchemy import literal

    return {column.name: literal(extra[column.name], column.type) for column in columns_of(extra)}
