"""The sink for small results: rows become a task's XCom."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_voucherify.api.models import Scope
from airflow_provider_voucherify.ledger.logs.state_store import InStateStore, Nowhere
from airflow_provider_voucherify.ledger.run import LoggedRun
from airflow_provider_voucherify.ledger.steps import Finished
from airflow_provider_voucherify.load.base import EVERYTHING_ASKED, NO_REPORT
from airflow_provider_voucherify.load.columns import COLUMNS, RowColumns
from airflow_provider_voucherify.load.errors import XComTooLarge
from airflow_provider_voucherify.load.xcom.rows import MAX_JSON_BYTES, json_bytes, rows_told, xcom_rows

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.models import Json
    from airflow_provider_voucherify.ledger.held import WorkingCopy
    from airflow_provider_voucherify.ledger.logs.state_store import StateStore
    from airflow_provider_voucherify.ledger.steps import Step
    from airflow_provider_voucherify.load.base import LoadSummary, RunIdentity
    from airflow_provider_voucherify.load.destinations import XComRows
    from airflow_provider_voucherify.load.xcom.rows import XComRow


class XComSink(LoggedRun):
    """Holds a run in Airflow's task state store, where there is one.

    :param limits: how much may go to XCom.
    :param identity: whose ledger this is.
    :param now: the clock, UTC.
    :param store: ``context["task_state_store"]`` (Airflow 3.3), or ``None``: then a retry begins from the start.
    :param columns: of the rows.
    """

    def __init__(
        self,
        limits: XComRows,
        identity: RunIdentity,
        now: Callable[[], datetime],
        store: StateStore | None = None,
        *,
        columns: RowColumns = COLUMNS,
    ) -> None:
        super().__init__(Nowhere() if store is None else InStateStore(store), identity, now)
        self._limits = limits
        self._columns = columns
        self._told: list[XComRow] | None = None
        self._most_bytes = MAX_JSON_BYTES  # until they are measured

    def open(self) -> LoadSummary | None:
        """Take up what the store holds of this run, or begin anew.

        :returns: the summary if the run was finished before and only not closed; ``rows`` has its rows.
        """
        self._resume(self._log.find())
        return self._summary_if_finished()

    def finish(self, scope: Scope = EVERYTHING_ASKED, report: Mapping[str, Json] = NO_REPORT) -> LoadSummary:  # noqa: ARG002
        """Count the run and remember that it is whole.

        :param scope: what the run speaks for: of other segments there are no rows.
        :param report: not used: what was told of a run for XCom is kept with its rows, see ``KeptResult``.
        :raises XComTooLarge: if the rows are more than XCom should carry.
        :raises LedgerLost: if another try of this run took its store over.
        """
        self._take([Finished(scope.segment_ids, self._identity.cleared_after, self._identity.listed)])
        return self._held.summarise(scope)

    def refuse_more_than(self, rows: int, who: str) -> None:
        """Let a number of rows pass if XCom should carry so many.

        :param who: what makes them, as the error's text begins: "the segments listed have".
        :raises XComTooLarge: if it should not.
        """
        if rows > self._limits.max_rows:
            raise _too_large(f"{who} {rows:,} rows, more than max_rows={self._limits.max_rows:,}")

    def rows(self) -> list[XComRow]:
        """Return a row per membership, ordered by customer and segment: plain dicts, as XCom wants them.

        :returns: ``customer_id``, ``segment_id``, ``segment_name``, ``observed_at`` (ISO 8601, UTC), and
            ``source_id`` (may be ``None``) where the sink was made with it.
        """
        if self._told is not None:
            return self._told
        finished = self._held.finished
        scope = Scope(segment_ids=None if finished is None else finished.segment_ids)
        return xcom_rows(self._held.rows(scope), self._columns)

    def close(self) -> None:
        """Forget what the store holds, if no other try took it over; the rows stay at hand. Call it once the XCom is
        safe."""
        self._told = self.rows()
        self._held.close()
        self._log.remove_own()

    def _refuse_excess(self, copy: WorkingCopy, steps: Sequence[Step]) -> None:
        self.refuse_more_than(copy.rows_held(), "the customers asked so far make")
        # All rows are measured only where those told since, counted as if none took another's place, may be too many.
        self._most_bytes += json_bytes(rows_told(steps), self._columns)
        if self._most_bytes <= MAX_JSON_BYTES:
            return
        self._most_bytes = size = json_bytes(copy.held_rows(), self._columns)
        if size > MAX_JSON_BYTES:
            raise _too_large(f"the customers asked so far make {size:,} bytes of JSON, more than {MAX_JSON_BYTES:,}")


def _too_large(excess: str) -> XComTooLarge:
    return XComTooLarge(
        f"{excess}: XCom is for small results. Use destination=WarehouseTable(...) or destination=ObjectFiles(...), "
        "let such results go to files with XComRows(overflow=ObjectFiles(...)), or split the customers with "
        ".expand(customers=...)"
    )
