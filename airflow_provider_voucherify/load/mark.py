"""The mark of a published result: a retry of the task that finds it asks nobody; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from airflow_provider_voucherify.api.models import Json, JsonObject
from airflow_provider_voucherify.load.base import NO_REPORT, LoadSummary, RunIdentity
from airflow_provider_voucherify.load.destinations import LEFTOVER_AGE
from airflow_provider_voucherify.load.summary import as_utc, summary_from_json, summary_to_json


@dataclass(frozen=True, slots=True)
class Mark:
    """Says which try of which job published a result, and what it told; it holds no customer's id.

    :param job: fingerprint of the run and hash of a list of customers.
    :param cleared_after: as ``RunIdentity`` has it.
    :param published_at: UTC.
    :param report: what it told besides the summary.
    :param ledger: token of the log that was published, where that is not told elsewhere.
    """

    job: str
    try_number: int
    cleared_after: int
    published_at: datetime
    report: JsonObject = field(default_factory=dict)
    summary: LoadSummary | None = None
    ledger: str = ""

    @classmethod
    def of(
        cls,
        identity: RunIdentity,
        published_at: datetime,
        report: Mapping[str, Json] = NO_REPORT,
        summary: LoadSummary | None = None,
        ledger: str = "",
    ) -> Mark:
        """Return the mark of a run that is published now."""
        job = identity.fingerprint + identity.listed
        return cls(job, identity.try_number, identity.cleared_after, published_at, dict(report), summary, ledger)

    def holds_for(self, identity: RunIdentity, now: datetime, *, has_ledger: bool = False) -> bool:
        """Return whether a try is a retry of the one that published.

        A cleared task has another ``cleared_after``; a Dag run that was removed and begun anew under its name, as
        ``dag.test()`` does, begins with the first try again.

        :param now: UTC.
        :param has_ledger: whether the ledger that was published is still there: no other run came in between.
        """
        if self.job != identity.fingerprint + identity.listed or self.cleared_after != identity.cleared_after:
            return False
        age = now - as_utc(self.published_at)
        if has_ledger and self.try_number == identity.try_number:
            return age <= identity.max_age
        return self.try_number < identity.try_number and age <= LEFTOVER_AGE

    def to_json(self) -> JsonObject:
        """Return the mark as JSON, to be read back by ``from_json``."""
        return {
            "job": self.job,
            "try_number": self.try_number,
            "cleared_after": self.cleared_after,
            "published_at": as_utc(self.published_at).isoformat(),
            "report": self.report,
            "summary": None if self.summary is None else summary_to_json(self.summary),
            "ledger": self.ledger,
        }

    @classmethod
    def from_json(cls, data: Json) -> Mark | None:
        """Read a mark; ``None`` if it is none."""
        try:
            return cls._read(data)
        except (AssertionError, KeyError, TypeError, ValueError):
            return None

    @classmethod
    def _read(cls, data: Json) -> Mark | None:
        match data:
            case {
                "job": str(job),
                "try_number": int(number),
                "cleared_after": int(cleared),
                "published_at": str(at),
                "report": dict(report),
                "summary": dict() | None as summary,
                "ledger": str(ledger),
            }:
                loaded = None if summary is None else summary_from_json(summary)
                return cls(job, number, cleared, datetime.fromisoformat(at), report, loaded, ledger)
            case _:
                return None

    @classmethod
    def from_text(cls, text: str) -> Mark | None:
        """Read a mark from JSON text; ``None`` if it is none."""
        try:
            data: Json = json.loads(text)
        except ValueError:
            return None
        return cls.from_json(data)
