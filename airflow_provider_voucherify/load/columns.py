"""The columns of a run's rows, said once: tables, files, XCom, lineage and the check of the user's own names read them.

The value of a column is the field of its name in the row that a place holds. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

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
