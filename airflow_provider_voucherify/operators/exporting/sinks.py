"""Where an export's rows are stored: a table, files or XCom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from airflow_provider_voucherify.load.destinations import ObjectFiles, XComRows
from airflow_provider_voucherify.load.errors import InvalidDestination, XComTooLarge
from airflow_provider_voucherify.load.exports.destinations import ExportDestination, ExportTable, columns_of_fields
from airflow_provider_voucherify.load.exports.files import ExportFiles
from airflow_provider_voucherify.load.exports.table import ExportTableLoader
from airflow_provider_voucherify.load.exports.xcom import rows_for_xcom
from airflow_provider_voucherify.operators.places import database_of, directory_of
from airflow_provider_voucherify.pull.tools import utc_now

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.models import Json, JsonObject
    from airflow_provider_voucherify.load.exports.destinations import Row

    Rows = Callable[[], Iterable[Row]]


class Loaded(NamedTuple):
    """What became of the rows.

    :param told: ``rows``, their number, and what else the place tells.
    :param rows: for XCom, else ``None``.
    """

    told: JsonObject
    rows: list[Json] | None = None


class ExportSink(Protocol):
    """Takes the rows of an export, all or none."""

    def check(self) -> None:
        """Look whether it can take them, before any call.

        :raises LoadError: if it cannot.
        """

    def load(self, rows: Rows) -> Loaded:
        """Store the rows.

        :param rows: gives them from the first on, each time it is called.
        :raises LoadError: if they could not be stored; nothing was changed.
        """


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
        return _Table(ExportTableLoader(database_of(destination.conn_id), destination, fields, run_key))
    if isinstance(destination, ObjectFiles):
        return _Files(ExportFiles(directory_of(destination), destination.format, fields, run_key, utc_now))
    columns_of_fields(fields)  # refuses two of one name before any call
    overflow = destination.overflow
    rest = None if overflow is None else export_sink_of(overflow, fields, run_key, is_mapped=is_mapped)
    return _XCom(destination, fields, rest)


class _Table:
    def __init__(self, loader: ExportTableLoader) -> None:
        self._loader = loader

    def check(self) -> None:
        self._loader.check()

    def load(self, rows: Rows) -> Loaded:
        return Loaded({"rows": self._loader.load(rows())})


class _Files:
    def __init__(self, files: ExportFiles) -> None:
        self._files = files

    def check(self) -> None:
        self._files.check()

    def load(self, rows: Rows) -> Loaded:
        return Loaded(self._files.load(rows()))


class _XCom:
    def __init__(self, limits: XComRows, fields: Sequence[str], overflow: ExportSink | None) -> None:
        self._limits = limits
        self._fields = fields
        self._overflow = overflow

    def check(self) -> None:
        if self._overflow is not None:
            self._overflow.check()

    def load(self, rows: Rows) -> Loaded:
        try:
            found = rows_for_xcom(rows(), self._fields, self._limits.max_rows)
        except XComTooLarge:
            if self._overflow is None:
                raise
            return self._overflow.load(rows)
        return Loaded({"rows": len(found)}, found)
