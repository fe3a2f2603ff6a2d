"""The sink for results that are small as a rule: XCom while they are, files if they are not."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_voucherify.api.models import Json, JsonObject, MembershipPage, Scope, Segment
from airflow_provider_voucherify.load.base import NO_REPORT, NOTE
from airflow_provider_voucherify.load.columns import COLUMNS, RowColumns, row_as_json
from airflow_provider_voucherify.load.files.sink import FilesSink
from airflow_provider_voucherify.load.xcom.sink import MAX_JSON_BYTES

if TYPE_CHECKING:
    from airflow_provider_voucherify.load.base import LoadSummary, RunIdentity
    from airflow_provider_voucherify.load.destinations import FileFormat
    from airflow_provider_voucherify.load.files.directory import Directory
    from airflow_provider_voucherify.load.files.scratch import MembershipRow
    from airflow_provider_voucherify.load.xcom.rows import XComRow

log = logging.getLogger(__name__)

_IN_XCOM = f"{NOTE}in XCom"
_EVERYTHING_ASKED = Scope()


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
        published, scope = super().open(), self._scope_in_xcom()
        if published is not None or scope is None:
            return published
        if self.walks()[_IN_XCOM].resume.get("max_tries") == self._identity.max_tries:
            return self._scratch.summarise(scope)
        log.info("Starting afresh: the run was finished before, and the task cleared since")
        self._begin(self._log.start(self._identity.fingerprint, self._now()).created_at)
        return None

    def finish(self, scope: Scope = _EVERYTHING_ASKED, report: Mapping[str, Json] = NO_REPORT) -> LoadSummary:
        """Remember that the run is whole and small, or publish it in files.

        :param scope: what the run speaks for: of other segments there are no rows.
        :param report: what a retry is to tell besides the summary, where the rows go to files.
        :raises LedgerLost: if another try of this run goes on with the log or began it anew.
        :raises StorageFailed: if the store refused.
        """
        if not self._is_small(scope):
            return super().finish(scope, report)
        ids: Json = None if scope.segment_ids is None else [*sorted(scope.segment_ids)]
        note: JsonObject = {"segment_ids": ids, "max_tries": self._identity.max_tries}
        self.write_pages([MembershipPage(Segment(_IN_XCOM, ""), (), self._now(), note, is_last=True, is_first=False)])
        return self._scratch.summarise(scope)

    def rows(self) -> list[XComRow] | None:
        """Return a row per membership, as plain dicts, of a finished run; ``None`` if they went to files."""
        scope = self._scope_in_xcom()
        return None if scope is None else self._rows(scope)

    def told(self) -> JsonObject:
        """Return where the published files are, as ``FilesSink`` does; nothing if there are none."""
        return super().told() if self._scope_in_xcom() is None else {}

    def close(self) -> None:
        """Remove this run's ledger, if it is finished, and leftovers of dead runs; the rows are gone with it."""
        if self._scope_in_xcom() is not None:
            self._log.remove()
        super().close()

    def _is_small(self, scope: Scope) -> bool:
        if self._scratch.summarise(scope).memberships > self._max_rows:
            return False
        return len(json.dumps(self._rows(scope))) <= MAX_JSON_BYTES

    def _rows(self, scope: Scope) -> list[XComRow]:
        rows: list[XComRow] = []
        self._scratch.read_rows(scope, self._max_rows, lambda some: rows.extend(map(self._as_xcom, some)))
        return rows

    def _as_xcom(self, row: MembershipRow) -> XComRow:
        return row_as_json(row, self._columns)

    def _scope_in_xcom(self) -> Scope | None:
        """Return what the run speaks for, if it is finished and small."""
        noted = None if self._opened is None else self.walks().get(_IN_XCOM)
        if noted is None:
            return None
        ids = noted.resume.get("segment_ids")
        return Scope(segment_ids=frozenset(str(id_) for id_ in ids) if isinstance(ids, list) else None)
