"""The ledger of publications whose outcomes go to XCom: memory and, where there is one, Airflow's task state store."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime

from airflow_provider_voucherify.api.campaign_models import PublicationOutcome, PublicationResult
from airflow_provider_voucherify.api.models import Json, JsonObject
from airflow_provider_voucherify.load.destinations import XComRows
from airflow_provider_voucherify.load.errors import XComTooLarge
from airflow_provider_voucherify.load.outcomes import standing
from airflow_provider_voucherify.load.state_store import MAX_VALUE_BYTES, StateStore
from airflow_provider_voucherify.load.summary import as_utc
from airflow_provider_voucherify.load.xcom import MAX_JSON_BYTES

_PIECES = "voucherify:outcomes"
#: What a row takes besides its customer's id, generously: ids, key, code and times.
BYTES_PER_ROW = 450


class OutcomeStoreLedger:
    """Holds outcomes in memory and, where Airflow has a task state store, there as well.

    :param limits: how much may go to XCom.
    :param store: ``context["task_state_store"]`` (Airflow 3.3), or ``None``: then a retry asks for everybody again,
        which gives nobody a second code but costs the calls.
    """

    def __init__(self, limits: XComRows, store: StateStore | None) -> None:
        self._limits = limits
        self._store = store
        self._outcomes: list[PublicationOutcome] = []

    @property
    def is_durable(self) -> bool:
        """Return whether what is held outlives the process: only where Airflow has a task state store."""
        return self._store is not None

    def open(self, customer_ids: Sequence[str]) -> None:
        """Take up what the store holds.

        :raises XComTooLarge: if the outcomes would be more than XCom should carry; no code was published for it.
        """
        size = sum(BYTES_PER_ROW + len(json.dumps(customer_id)) for customer_id in customer_ids)
        if len(customer_ids) > self._limits.max_rows or size > MAX_JSON_BYTES:
            raise XComTooLarge(
                f"the outcomes of {len(customer_ids):,} customers are more than XCom should carry "
                f"(max_rows={self._limits.max_rows:,}, and {MAX_JSON_BYTES:,} bytes): no code was published; use "
                "destination=OutcomeTable(...), or split the customers with .expand(customers=...)"
            )
        for number in range(self._pieces()):
            piece = self._store.get(f"{_PIECES}:{number}") if self._store is not None else None
            if isinstance(piece, str):
                self._outcomes.extend(_decode(piece))

    def held(self, campaign_id: str, once_per: str, customer_ids: Sequence[str]) -> dict[str, PublicationOutcome]:
        """Return the outcome of each of the customers that has one."""
        wanted = set(customer_ids)
        return {
            outcome.customer_id: outcome
            for outcome in self._outcomes
            if (outcome.campaign_id, outcome.once_per) == (campaign_id, once_per) and outcome.customer_id in wanted
        }

    def write(self, outcomes: Sequence[PublicationOutcome]) -> None:
        """Hold outcomes, each in place of an earlier one; a code once held stays."""
        if not outcomes:
            return
        first = outcomes[0]
        before = self.held(first.campaign_id, first.once_per, [outcome.customer_id for outcome in outcomes])
        kept = standing(before, outcomes)
        if self._store is not None and kept:
            pieces = self._pieces()
            for piece in _encode(kept):
                self._store.set(f"{_PIECES}:{pieces}", piece)
                pieces += 1
            self._store.set(_PIECES, pieces)  # last: a piece that is not counted is not read
        self._outcomes.extend(kept)

    def close(self) -> None:
        """Forget what the store holds."""
        if self._store is None:
            return
        pieces = self._pieces()
        self._store.delete(_PIECES)
        for number in range(pieces):
            self._store.delete(f"{_PIECES}:{number}")

    def _pieces(self) -> int:
        pieces = self._store.get(_PIECES) if self._store is not None else None
        return pieces if isinstance(pieces, int) else 0


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


def _encode(outcomes: Sequence[PublicationOutcome]) -> Iterator[str]:
    """Turn outcomes into texts that fit into a value each."""
    rows: list[Json] = [outcome_row(outcome) | _rest(outcome) for outcome in outcomes]
    text = base64.b64encode(zlib.compress(json.dumps(rows).encode())).decode()
    if len(text) + 2 <= MAX_VALUE_BYTES or len(outcomes) == 1:
        yield text
        return
    middle = len(outcomes) // 2
    yield from _encode(outcomes[:middle])
    yield from _encode(outcomes[middle:])


def _rest(outcome: PublicationOutcome) -> JsonObject:
    return {
        "once_per": outcome.once_per,
        "run_key": outcome.run_key,
        "campaign_name": outcome.campaign_name,
        "recorded_at": _shown(outcome.recorded_at),
    }


def _decode(piece: str) -> Iterator[PublicationOutcome]:
    for row in json.loads(zlib.decompress(base64.b64decode(piece))):
        published_at = row["published_at"]
        yield PublicationOutcome(
            customer_id=row["customer_id"],
            campaign_id=row["campaign_id"],
            once_per=row["once_per"],
            run_key=row["run_key"],
            recorded_at=datetime.fromisoformat(row["recorded_at"]),
            result=PublicationResult(row["outcome"]),
            campaign_name=row["campaign_name"],
            source_id=row["publication_source_id"],
            voucherify_id=row["voucherify_id"],
            publication_id=row["publication_id"],
            code=row["code"],
            published_at=None if published_at is None else datetime.fromisoformat(published_at),
            error_key=row["error_key"],
        )


def _shown(moment: datetime | None) -> str | None:
    return None if moment is None else as_utc(moment).isoformat()
