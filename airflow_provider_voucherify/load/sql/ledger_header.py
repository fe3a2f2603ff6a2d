"""What the ledger of a run says about itself; pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime

from airflow_provider_voucherify.load.base import LoadSummary
from airflow_provider_voucherify.load.summary import as_utc, summary_from_json, summary_to_json


@dataclass(frozen=True, slots=True)
class LedgerHeader:
    """What a ledger says about itself.

    :param target: full name of the table the run goes to.
    :param created_at: when the run began (UTC).
    :param summary: what the run holds, once it is published.
    :param opened: how many tries opened it so far: only the last of them writes to it, as lists that two tries read
        at once would lack what one of them dropped.
    """

    fingerprint: str
    target: str
    created_at: datetime
    summary: LoadSummary | None = None
    opened: int = 1

    def taken_over(self) -> LedgerHeader:
        """Return the header as the next try to open the ledger writes it."""
        return replace(self, opened=self.opened + 1)

    def detail(self) -> str:
        """Return everything but the time as JSON text."""
        state = "open" if self.summary is None else "published"
        summary = None if self.summary is None else summary_to_json(self.summary)
        said = {"state": state, "fingerprint": self.fingerprint, "target": self.target, "summary": summary}
        return json.dumps({**said, "opened": self.opened})

    @classmethod
    def read(cls, detail: str, created_at: datetime) -> LedgerHeader | None:
        """Read what ``detail`` wrote; ``None`` if it did not."""
        try:
            said = json.loads(detail)
            summary = None if said["summary"] is None else summary_from_json(said["summary"])
            return cls(said["fingerprint"], said["target"], as_utc(created_at), summary, said["opened"])
        except (AssertionError, KeyError, TypeError, ValueError):
            return None
