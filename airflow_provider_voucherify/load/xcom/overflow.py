"""The sink for results that are small as a rule: XCom while they are, files if they are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_voucherify.api.models import Scope
from airflow_provider_voucherify.ledger.steps import Finished
from airflow_provider_voucherify.load.base import EVERYTHING_ASKED, NO_REPORT
from airflow_provider_voucherify.load.columns import COLUMNS, RowColumns
from airflow_provider_voucherify.load.files.sink import FilesSink
from airflow_provider_voucherify.load.xcom.rows import MAX_JSON_BYTES, json_bytes, xcom_rows

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.models import Json, JsonObject
    from airflow_provider_voucherify.load.base import LoadSummary, RunIdentity
    from airflow_provider_voucherify.load.destinations import FileFormat
    from airflow_provider_voucherify.load.files.directory import Directory
    from airflow_provider_voucherify.load.xcom.rows import XComRow


class XComOrFilesSink(FilesSink):
    """Holds a run in the ledger of a directory and decides at the end: rows for XCom, or files where they are many.

    :param max_rows: rows for XCom at most; they are held to ``MAX_JSON_BYTES`` besides.
    :param directory: where the ledger is, and the files go.
    :param file_format: ``parquet`` or ``jsonl``.
    :param identity: whose ledger this is.
    :param now: the clock, UTC.
    :param columns: of the rows.
    """

    def __init__(
        self,
        max_rows: int,
        directory: Directory,
        file_format: FileFormat,
        identity: RunIdentity,
        now: Callable[[], datetime],
        *,
        columns: RowColumns = COLUMNS,
    ) -> None:
        super().__init__(directory, file_format, identity, now, columns=columns)
        self._max_rows = max_rows
        self._columns = columns

    def open(self) -> LoadSummary | None:
        """Resume this run's log, or begin one.

        :returns: the summary if the run was finished before and only not closed; ``rows`` has its rows, if few.
        """
        published = super().open()
        return self._summary_if_finished() if published is None else published

    def finish(self, scope: Scope = EVERYTHING_ASKED, report: Mapping[str, Json] = NO_REPORT) -> LoadSummary:
        """Remember that the run is whole and small, or publish it in files.

        :param scope: what the run speaks for: of other segments there are no rows.
        :param report: what a retry is to tell besides the summary, where the rows go to files.
        :raises LedgerLost: if another try of this run goes on with the log or began it anew.
        :raises StorageFailed: if the store refused.
        """
        summary = self._held.summarise(scope)
        if summary.memberships > self._max_rows or json_bytes(self._held.rows(scope), self._columns) > MAX_JSON_BYTES:
            return super().finish(scope, report)
        self._take([Finished(scope.segment_ids, self._identity.cleared_after, self._identity.listed)])
        return summary

    def rows(self) -> list[XComRow] | None:
        """Return a row per membership, as plain dicts, of a finished run; ``None`` if they went to files."""
        if (finished := self._finished) is None:
            return None
        rows = self._held.rows(Scope(segment_ids=finished.segment_ids))
        return xcom_rows(rows, self._columns)

    def told(self) -> JsonObject:
        """Return where the published files are, as ``FilesSink`` does; nothing if there are none."""
        return super().told() if self._finished is None else {}

    def close(self) -> None:
        """Remove this run's ledger with its rows, if finished and still this try's, and leftovers of dead runs."""
        if self._finished is not None:
            self._log.remove_own()
        super().close()

    @property
    def _finished(self) -> Finished | None:
        """Return what was said of the run when it was whole, if it is small."""
        return None if self._copy is None else self._copy.finished
