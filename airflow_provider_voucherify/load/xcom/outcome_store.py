"""The ledger of publications whose outcomes go to XCom: a log in Airflow's task state store, where there is one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from airflow_provider_voucherify.api.campaign_models import PublicationOutcome
from airflow_provider_voucherify.api.models import JsonObject
from airflow_provider_voucherify.ledger.log import FoundLog, Log
from airflow_provider_voucherify.ledger.logs.state_store import InStateStore, Nowhere, StateStore
from airflow_provider_voucherify.ledger.steps import as_json, piece_of, step_of, unpack
from airflow_provider_voucherify.load.destinations import XComRows
from airflow_provider_voucherify.load.errors import XComTooLarge
from airflow_provider_voucherify.load.outcomes import standing
from airflow_provider_voucherify.load.summary import as_utc
from airflow_provider_voucherify.load.xcom.rows import MAX_JSON_BYTES

#: What a row takes besides its customer's id, generously: ids, key, code and times.
BYTES_PER_ROW = 450
_LOST = (
    "the outcomes in Airflow's task state store are no longer this try's: another try of the same task took them over, "
    "or ended. Let that one go on; this one stops, and nobody gets a second code"
)


class OutcomeStoreLedger:
    """Holds outcomes in memory and, where Airflow has a task state store, in a log there.

    The last try to open it alone goes on. What an earlier one still stores counts too, since those codes were given,
    and then it stops.

    :param limits: how much may go to XCom.
    :param store: ``context["task_state_store"]`` (Airflow 3.3), or ``None``: then a retry asks for everybody again,
        which gives nobody a second code but costs the calls.
    """

    def __init__(self, limits: XComRows, store: StateStore | None) -> None:
        self._limits = limits
        self._outcomes: list[PublicationOutcome] = []
        place = Nowhere() if store is None else InStateStore(store, "voucherify:outcomes", _LOST)
        self._log = Log(place, with_late=True)

    @property
    def is_durable(self) -> bool:
        return self._log.is_durable

    def open(self, customer_ids: Sequence[str]) -> None:
        """Take up what the store holds; a try that wrote before stops at its next write.

        :raises XComTooLarge: if the outcomes would be more than XCom should carry; no code was published for it.
        """
        size = sum(BYTES_PER_ROW + len(json.dumps(customer_id)) for customer_id in customer_ids)
        if len(customer_ids) > self._limits.max_rows or size > MAX_JSON_BYTES:
            raise XComTooLarge(
                f"the outcomes of {len(customer_ids):,} customers are more than XCom should carry "
                f"(max_rows={self._limits.max_rows:,}, and {MAX_JSON_BYTES:,} bytes): no code was published; use "
                "destination=OutcomeTable(...), or split the customers with .expand(customers=...)"
            )
        found = self._log.find()
        if found is None or not self._read_back(found):
            self._log.begin("", datetime.now(UTC))

    def held(self, campaign_id: str, once_per: str, customer_ids: Sequence[str]) -> dict[str, PublicationOutcome]:
        wanted = set(customer_ids)
        return {
            outcome.customer_id: outcome
            for outcome in self._outcomes
            if (outcome.campaign_id, outcome.once_per) == (campaign_id, once_per) and outcome.customer_id in wanted
        }

    def write(self, outcomes: Sequence[PublicationOutcome]) -> None:
        """Hold outcomes.

        :raises LedgerLost: if another try of this task goes on; what this one gave is held for that all the same.
        """
        if kept := self._take(outcomes):
            self._log.append_fact(piece_of(as_json(kept)), max(one.recorded_at for one in kept))

    def close(self) -> None:
        self._log.remove_own()

    def _read_back(self, found: FoundLog) -> bool:
        """Hold what the log does; return whether all of it could be read, else nothing is held."""
        try:
            pieces = [[*map(step_of, unpack(piece).steps)] for piece in self._log.resume(found, datetime.now(UTC))]
        except ValueError:
            return False
        for steps in pieces:
            self._take([step for step in steps if isinstance(step, PublicationOutcome)])
        return True

    def _take(self, outcomes: Sequence[PublicationOutcome]) -> list[PublicationOutcome]:
        """Hold outcomes of one campaign in memory; return those that took the place of earlier ones."""
        if not outcomes:
            return []
        first = outcomes[0]
        before = self.held(first.campaign_id, first.once_per, [outcome.customer_id for outcome in outcomes])
        kept = standing(before, outcomes)
        self._outcomes.extend(kept)
        return kept


def outcome_row(outcome: PublicationOutcome) -> JsonObject:
    """Return an outcome as a row for XCom; times are ISO 8601 in UTC."""
    return {
        "customer_id": outcome.customer_id,
        "voucherify_id": outcome.voucherify_id,
        "campaign_id": outcome.campaign_id,
        "outcome": outcome.result.value,
        "error_key": outcome.error_key,
        "code": outcome.code,
        "publication_id": outcome.publication_id,
        "published_at": _shown(outcome.published_at),
        "publication_source_id": outcome.source_id,
    }


def _shown(moment: datetime | None) -> str | None:
    return None if moment is None else as_utc(moment).isoformat()
