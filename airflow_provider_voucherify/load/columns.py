"""The columns of a run's rows, said once: tables, files, XCom, lineage and the check of the user's own names read them.

The value of a column is the field of its name in the row that a place holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

from airflow_provider_voucherify.api.errors import shown
from airflow_provider_voucherify.api.id_text import wrong_in_text
from airflow_provider_voucherify.load.errors import InvalidDestination

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement


#: A text that is an id or a name, a moment in UTC, or the key of the run that wrote the row.
ColumnType: TypeAlias = Literal["id", "name", "moment", "run"]


@dataclass(frozen=True, slots=True)
class RowColumn:
    """A column of ours.

    :param is_key: whether it is one of those that tell rows apart.
    :param may_be_null: whether rows may be without.
    """

    name: str
    type: ColumnType
    is_key: bool = False
    may_be_null: bool = False


RowColumns: TypeAlias = tuple[RowColumn, ...]

#: Of a row: a customer in a segment.
COLUMNS: RowColumns = (
    RowColumn("customer_id", "id", is_key=True),
    RowColumn("segment_id", "id", is_key=True),
    RowColumn("segment_name", "name"),
    RowColumn("observed_at", "moment"),
)
#: Where everyone is asked about: the merchant's id beside Voucherify's; not every customer has one.
COLUMNS_OF_EVERYONE: RowColumns = (*COLUMNS, RowColumn("source_id", "id", may_be_null=True))
_RUN = (RowColumn("run_key", "run", is_key=True),)
_VALID = (RowColumn("valid_from", "moment", is_key=True), RowColumn("valid_to", "moment", may_be_null=True))

#: The user's own columns have other names.
OUR_NAMES = frozenset(column.name for column in (*COLUMNS_OF_EVERYONE, *_RUN, *_VALID))


def columns_of_table(write: str, columns: RowColumns) -> RowColumns:
    """Return the columns of a table: ``append`` tells runs apart, ``history`` tells from when to when."""
    if write == "append":
        return (*_RUN, *columns)
    if write == "history":
        place = 1 + [column.name for column in columns].index("segment_name")
        return (*columns[:place], *_VALID, *columns[place:])
    return columns


def row_as_json(row: object, columns: RowColumns) -> dict[str, str | None]:
    """Return the values of a row as JSON has them: moments in ISO 8601."""
    values = ((column.name, getattr(row, column.name)) for column in columns)
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values}


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
        raise InvalidDestination(f'extra_columns={shown(columns)} should be a dict, such as {{"ds": "{{{{ ds }}}}"}}')
    seen: set[str] = set()
    for name, value in columns.items():
        _check_name(name, seen)
        if isinstance(value, datetime) or not isinstance(value, str | int | float | date | None):
            raise InvalidDestination(
                f"extra_columns[{shown(name)}] is a {type(value).__name__}: use a str, int, float, bool, date or None; "
                "a time of day as text"
            )
        if isinstance(value, int) and not -_LARGEST_INT <= value <= _LARGEST_INT:
            raise InvalidDestination(f"extra_columns[{shown(name)}] does not fit into a BIGINT: write it as text")
        if isinstance(value, str) and (wrong := wrong_in_text(value)):
            raise InvalidDestination(f"extra_columns[{shown(name)}] {wrong}: leave it out, or replace it")


def _check_name(name: object, seen: set[str]) -> None:
    if not isinstance(name, str) or name != name.strip() or not name.isprintable() or not name:
        raise InvalidDestination(
            f"extra_columns has the name {shown(name)}: write a column's name, without blanks around"
        )
    if len(name.encode()) > _MAX_NAME_BYTES:
        raise InvalidDestination(f"extra_columns has the name {shown(name)}: at most {_MAX_NAME_BYTES} bytes, please")
    if name.lower() in OUR_NAMES:  # whatever their case, since most databases do not tell them apart
        raise InvalidDestination(f"extra_columns has the name {shown(name)}, which is a column of ours: choose another")
    if name.lower() in seen:
        raise InvalidDestination(f"extra_columns has the name {shown(name)} twice, in another case: choose another")
    seen.add(name.lower())


def extra_columns_of(extra: ExtraColumns) -> list[Column[object]]:
    """Return the columns, which may be null, with the types of their values; text where the value is ``None``."""
    from sqlalchemy import Column

    from airflow_provider_voucherify.warehouse.column_types import type_of

    return [
        Column(name, type_of(value), nullable=True, info={"is_filled": value is not None, "is_whole": _is_whole(value)})
        for name, value in extra.items()
    ]


def _is_whole(value: ExtraValue) -> bool:
    return isinstance(value, float) and value.is_integer()


def extra_values_of(extra: ExtraColumns) -> dict[str, ColumnElement[object]]:
    """Return the values, bound, with the types of their columns."""
    from sqlalchemy import literal

    return {column.name: literal(_plain(extra[column.name]), column.type) for column in extra_columns_of(extra)}


def _plain(value: ExtraValue) -> ExtraValue:
    """Return a member of an Enum as its value: some drivers would write its name."""
    if isinstance(value, str):
        return str.__str__(value)
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value
