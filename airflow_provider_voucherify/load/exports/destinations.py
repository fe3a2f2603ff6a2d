"""Where exported objects go, as Dag authors write it; imported at every parse of a Dag file, so nothing heavy here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from airflow_provider_voucherify.api.errors import shown
from airflow_provider_voucherify.load.destinations import ObjectFiles, SqlTable, XComRows
from airflow_provider_voucherify.load.errors import InvalidDestination

ExportWriteMode: TypeAlias = Literal["replace", "append"]
ColumnKind: TypeAlias = Literal["text", "integer", "decimal", "boolean", "date", "timestamp"]

#: Tells the rows of one run from those of others, where they are added to a table.
RUN_KEY = "run_key"


def column_of(field_name: str) -> str:
    """Return the column of a field: ``metadata.tier`` is ``metadata_tier``, others are named as the field."""
    return field_name.replace(".", "_")


def columns_of_fields(fields: Sequence[str]) -> list[str]:
    """Return the column of each field.

    :raises InvalidDestination: if two would have one name, such as ``metadata.a.b`` and ``metadata.a_b``.
    """
    names = [column_of(name) for name in fields]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidDestination(f"fields make two columns of one name: {_listed(doubled)}; leave one out")
    return names


@dataclass
class ExportTable(SqlTable):
    """Exported objects go to a table of a SQL database: one row per object, one column per field.

    The table is created if it is missing. All columns are texts that may be null, unless ``types`` says otherwise;
    an empty value is null. ``metadata`` is one column of JSON text, ``metadata.tier`` the column ``metadata_tier``.
    Rows are replaced or added in one transaction: readers see the whole export or nothing of it.

    :param table: ``table``, ``schema.table`` or ``database.schema.table``, unquoted and in the case the
        database stores; may be a Jinja template.
    :param conn_id: Airflow connection of the database; may be a Jinja template.
    :param write: ``replace`` makes the whole table this export (not for mapped tasks: the last one would win);
        ``append`` adds its rows to those of earlier runs, with a column ``run_key``. A re-run of the same Dag run
        replaces its own rows, never doubles them.
    :param types: of columns that are no texts, by field: ``integer``, ``decimal``, ``boolean``, ``date``,
        ``timestamp`` (UTC). A value that is none fails the task; the table stays as it was.
    :raises InvalidDestination: if a value cannot be used.
    """

    write: ExportWriteMode = "replace"
    types: Mapping[str, ColumnKind] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.write not in get_args(ExportWriteMode):
            raise InvalidDestination(
                f"write={shown(self.write)} is not known: use {_listed(get_args(ExportWriteMode))}"
            )
        if not isinstance(self.types, Mapping):
            raise InvalidDestination(
                f"types is {type(self.types).__name__}: write a dict such as {{'value': 'decimal'}}"
            )
        for name, kind in self.types.items():
            if kind not in get_args(ColumnKind):
                raise InvalidDestination(
                    f"types[{shown(name)}]={shown(kind)} is not known: use {_listed(get_args(ColumnKind))}"
                )
        super().__post_init__()

    def check_fields(self, fields: Sequence[str]) -> None:
        """Look whether the fields and the table's columns go together.

        :raises InvalidDestination: if there is a type for a field that is not exported, or two columns of one name.
        """
        if unknown := [name for name in self.types if name not in fields]:
            raise InvalidDestination(f"types has {_listed(unknown)}, which fields has not: correct one of them")
        if self.types.get("metadata", "text") != "text":
            raise InvalidDestination("types['metadata'] can be 'text' only: all metadata is one JSON object")
        ours = (RUN_KEY,) if self.write == "append" else ()
        names = [*ours, *columns_of_fields(fields)]
        lowered = [name.lower() for name in names]
        if doubled := sorted({name for name in names if lowered.count(name.lower()) > 1}):
            raise InvalidDestination(f"fields make two columns of one name: {_listed(doubled)}; leave one out")


ExportDestination: TypeAlias = ExportTable | ObjectFiles | XComRows


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
