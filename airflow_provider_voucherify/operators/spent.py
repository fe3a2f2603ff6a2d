"""What a try of a task spent, its deferred parts taken together: counted, handed on by a deferral, and as metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_voucherify.api.errors import ClosedWindow
from airflow_provider_voucherify.hooks.client_runner import ClientRunner

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.http.client import CallCount, Client
    from airflow_provider_voucherify.api.limit.gate import Gate
    from airflow_provider_voucherify.api.models import JsonObject

#: A part of a try with more answers than this shows that an outage was over.
PLENTY_OF_ANSWERS = 100


class Used(NamedTuple):
    """What one client used.

    :param counts: of its calls.
    :param gate: that counted how long they waited.
    :param seconds: time at work.
    """

    counts: CallCount
    gate: Gate
    seconds: float


@dataclass(frozen=True, slots=True)
class Spent:
    """What a try of a task spent, deferred parts taken together.

    :param calls: calls sent, those rejected and retried included.
    :param rejected: calls the rate limit turned away.
    :param retried: calls sent again after a failure or a rejection.
    :param seconds: time at work, deferred time left out.
    :param deferrals: how often the worker was given back.
    :param waits: how often the rate limit made all calls wait, and ``waited`` for how many seconds, deferred time
        left out.
    :param held: customers that earlier tries had answered when this one began, ``None`` before that is known.
    :param parts_without_answer: parts of the try, up to the latest, in which no call was answered.
    :param begins_window: whether the part that follows a deferral begins with a new rate-limit window for certain.
    :param unreachable_parts: parts of the try, up to the latest, that ended since nobody answered.
    :param closed_window: the rate-limit window as the latest part left it, where nobody told its end.
    :param planned: calls the first part planned the try to take, ``None`` before that is known.
    """

    calls: int = 0
    rejected: int = 0
    retried: int = 0
    seconds: float = 0.0
    deferrals: int = 0
    waits: int = 0
    waited: float = 0.0
    held: int | None = None
    parts_without_answer: int = 0
    begins_window: bool = False
    unreachable_parts: int = 0
    planned: int | None = None
    closed_window: ClosedWindow | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Spent:
        """Read what :func:`dataclasses.asdict` made, as a deferral hands it over."""
        names = ("calls", "rejected", "retried", "deferrals", "waits", "parts_without_answer", "unreachable_parts")
        counts = {name: int(data.get(name) or 0) for name in names}
        held, planned, closed = data.get("held"), data.get("planned"), data.get("closed_window")
        return cls(
            **counts,
            seconds=float(data.get("seconds") or 0.0),
            waited=float(data.get("waited") or 0.0),
            held=None if held is None else int(held),
            begins_window=bool(data.get("begins_window")),
            planned=None if planned is None else int(planned),
            closed_window=ClosedWindow(**closed) if closed else None,
        )

    def shares_window(self, try_number: int) -> bool:
        """Return whether earlier parts or tries may have sent calls in the present rate-limit window."""
        return not self.begins_window and (try_number > 1 or self.deferrals > 0)

    def told(self) -> JsonObject:
        """Return what a summary says of it."""
        return {
            "calls": self.calls,
            "rejected": self.rejected,
            "deferrals": self.deferrals,
            "duration_seconds": self.seconds,
        }

    def plus(self, used: Used) -> Spent:
        """Return the sum of this and what one client used."""
        counts, gate, seconds = used
        return replace(
            self,
            calls=self.calls + counts.sent,
            rejected=self.rejected + counts.rejected,
            retried=self.retried + counts.retried,
            seconds=round(self.seconds + seconds, 3),
            waits=self.waits + gate.waits,
            waited=round(self.waited + gate.waited, 3),
            unreachable_parts=0 if counts.answered > PLENTY_OF_ANSWERS else self.unreachable_parts,
            parts_without_answer=0 if counts.answered > counts.rejected else self.parts_without_answer + 1,
        )


@contextmanager
def counted_client(
    opening: AbstractAsyncContextManager[Client], count: Callable[[Used], None]
) -> Iterator[ClientRunner]:
    """Open a client; what it uses counts and goes to Airflow's metrics, however the block ends.

    :param opening: the client to open.
    :param count: told once, when the block ends.
    """
    began = time.monotonic()
    with ClientRunner(opening) as runner:
        try:
            yield runner
        finally:
            used = Used(runner.client.calls, runner.client.gate, time.monotonic() - began)
            count(used)
            _count_metrics(used)


def _count_metrics(used: Used) -> None:
    """Tell Airflow's metrics, where the running Airflow offers them to tasks."""
    try:
        from airflow.providers.common.compat.sdk import Stats
    except ImportError:
        return
    Stats.incr("voucherify.calls", used.counts.sent)
    Stats.incr("voucherify.calls_rejected", used.counts.rejected)
    Stats.incr("voucherify.calls_retried", used.counts.retried)
    Stats.incr("voucherify.waits", used.gate.waits)
    Stats.timing("voucherify.waited", timedelta(seconds=used.gate.waited))
