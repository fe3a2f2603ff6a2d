"""The ledger of publications whose outcomes go to XCom: memory and, where there is one, Airflow's task state store."""

from __future__ import annotations

import base64
import itertools
import json
import secrets
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime

from airflow_provider_voucherify.api.campaign_models import PublicationOutcome, PublicationResult
from airflow_provider_voucherify.api.models import Json, JsonObject
from airflow_provider_voucherify.load.destinations import XComRows
from airflow_provider_voucherify.load.errors import LedgerLost, XComTooLarge
from airflow_provider_voucherify.load.outcomes import standing
from airflow_provider_voucherify.load.summary import as_utc
from airflow_provider_voucherify.load.xcom.sink import MAX_JSON_BYTES
from airflow_provider_voucherify.load.xcom.state_store import MAX_VALUE_BYTES, StateStore

_WRITERS = "voucherify:outcomes"
#: What a row takes besides its customer's id, generously: ids, key, code and times.
BYTES_PER_ROW = 450


class OutcomeStoreLedger:
    """Holds outcomes in memory and, where Airflow has a task state store, there as well.

    Each try writes pieces under a token of its own, numbered, which count once they are there; a list names the tries
    in the order they opened the ledger, and the last of them alone goes on. What an earlier one still stores counts
    too, since those codes were given, and then it stops.

    :param limits: how much may go to XCom.
    :param store: ``context["task_state_store"]`` (Airflow 3.3), or ``None``: then a retry asks for everybody again,
        which gives nobody a second code but costs the calls.
    """

    def __init__(self, limits: XComRows, store: StateStore | None) -> None:
        self._limits = limits
        self._store = store
        self._outcomes: list[PublicationOutcome] = []
        self._writer = secrets.token_hex(4)
        self._written = 0

    @property
    def is_durable(self) -> bool:
        """Return whether what is held outlives the process: only where Airflow has a task state store."""
        return self._store is not None

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
        if self._store is not None:
            before = self._writers(self._store)
            self._store.set(_WRITERS, [*before, self._writer])
            for writer in before:
                for _, piece in _pieces_of(self._store, writer):
                    self._take(list(_decode(piece)))

    def held(self, campaign_id: str, once_per: str, customer_ids: Sequence[str]) -> dict[str, PublicationOutcome]:
        """Return the outcome of each of the customers that has one."""
        wanted = set(customer_ids)
        return {
            outcome.customer_id: outcome
            for outcome in self._outcomes
            if (outcome.campaign_id, outcome.once_per) == (campaign_id, once_per) and outcome.customer_id in wanted
        }

    def write(self, outcomes: Sequence[PublicationOutcome]) -> None:
        """Hold outcomes, each in place of an earlier one; a code once held stays.

        :raises LedgerLost: if another try of this task goes on; what this one gave is held for that all the same.
        """
        kept = self._take(outcomes)
        if self._store is None or not kept:
            return
        if self._writer in self._writers(self._store):  # if not, the run is over: nobody would read it
            for piece in _encode(kept):
                self._store.set(_piece_key(self._writer, self._written), piece)
                self._written += 1
        # Looked at after the write: what was written before another try took over, that one has read.
        if not self._is_own(self._store):
            raise LedgerLost(
                "the outcomes in Airflow's task state store are no longer this try's: another try of the same task "
                "took them over, or ended. Let that one go on; this one stops, and nobody gets a second code"
            )

    def close(self) -> None:
        """Forget what the store holds, unless it is another try's by now."""
        if self._store is None or not self._is_own(self._store):
            return
        writers = self._writers(self._store)
        self._store.delete(_WRITERS)
        for key in [key for writer in writers for key, _ in _pieces_of(self._store, writer)]:
            self._store.delete(key)

    def _take(self, outcomes: Sequence[PublicationOutcome]) -> list[PublicationOutcome]:
        """Hold outcomes of one campaign in memory; return those that took the place of earlier ones."""
        if not outcomes:
            return []
        first = outcomes[0]
        before = self.held(first.campaign_id, first.once_per, [outcome.customer_id for outcome in outcomes])
        kept = standing(before, outcomes)
        self._outcomes.extend(kept)
        return kept

    def _is_own(self, store: StateStore) -> bool:
        return self._writers(store)[-1:] == [self._writer]

    def _writers(self, store: StateStore) -> list[str]:
        writers = store.get(_WRITERS)
        return [str(one) for one in writers] if isinstance(writers, list) else []


def _piece_key(writer: str, number: int) -> str:
    return f"voucherify:outcomes:{writer}:{number}"


def _pieces_of(store: StateStore, writer: str) -> Iterator[tuple[str, str]]:
    """Return the keys and pieces a try wrote, in order."""
    for number in itertools.count():
        key = _piece_key(writer, number)
        piece = store.get(key)
        if not isinstance(piece, str):
            return
        yield key, piece


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
