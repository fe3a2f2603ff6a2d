"""Where an export's rows are stored: a table, files or XCom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from airflow_provider_voucherify.load.destinations import ObjectFiles
from airflow_provider_voucherify.load.errors import InvalidDestination, XComTooLarge
from airflow_provider_voucherify.load.exports.destinations import ExportDestination, ExportTable, columns_of_fields
from airflow_provider_voucherify.load.exports.files import ExportFiles
from airflow_provider_voucherify.load.exports.table import ExportTableLoader
from airflow_provider_voucherify.load.exports.xcom import rows_for_xcom
from airflow_provider_voucherify.operators.places import database_of, directory_of
from airflow_provider_voucherify.pull.tools import utc_now

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.models import Json, JsonObject, Row

    Rows: TypeAlias = Callable[[], Iterable[Row]]


class Loaded(NamedTuple):
    """What became of the rows.

    :param told: ``rows``, their number, and what else the place tells.
    :param rows: for XCom, else ``None``.
    """

    told: JsonObject
    rows: list[Json] | None = None


class ExportSink(NamedTuple):
    """Takes the rows of an export, all or none.

    :param check: looks whether it can take them, before any call; raises ``LoadError`` if it cannot.
    :param load: stores the rows that its argument gives from the first on, each time it is called; raises ``LoadError``
        if they could not be stored: nothing was changed.
    """

    check: Callable[[], None]
    load: Callable[[Rows], Loaded]


def export_sink_of(
    destination: ExportDestination, fields: Sequence[str], run_key: str, *, is_mapped: bool
) -> ExportSink:
    """Return the sink of a rendered destination.

    :param fields: exported, in the order of the rows' cells.
    :param is_mapped: whether the task is one of several that write there.
    :raises InvalidDestination: if the destination cannot be used.
    """
    if isinstance(destination, ExportTable):
        destination.validate()
        if destination.write == "replace" and is_mapped:
            raise InvalidDestination(
                "write='replace' in a mapped task: each task would replace what the others wrote; write 'append'"
            )
        table = ExportTableLoader(database_of(destination.conn_id), destination, fields, run_key)
        return ExportSink(table.check, lambda rows: Loaded({"rows": table.load(rows())}))
    if isinstance(destination, ObjectFiles):
        files = ExportFiles(directory_of(destination), destination.format, fields, run_key, utc_now)
        return ExportSink(files.check, lambda rows: Loaded(files.load(rows())))
    columns_of_fields(fields)  # refuses two of one name before any call
    max_rows, overflow = destination.max_rows, destination.overflow
    if overflow is None:
        return ExportSink(lambda: None, lambda rows: _loaded_into_xcom(rows, fields, max_rows))
    rest = export_sink_of(overflow, fields, run_key, is_mapped=is_mapped)

    def load(rows: Rows) -> Loaded:
        try:
            return _loaded_into_xcom(rows, fields, max_rows)
        except XComTooLarge:
            return rest.load(rows)

    return ExportSink(rest.check, load)


def _loaded_into_xcom(rows: Rows, fields: Sequence[str], max_rows: int) -> Loaded:
    found = rows_for_xcom(rows(), fields, max_rows)
    return Loaded({"rows": len(found)}, found)
