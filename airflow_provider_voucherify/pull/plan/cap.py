"""Keeps a run to the calls it may make, also where it turns out dearer than planned."""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_voucherify.api.calls.call import Sender
from airflow_provider_voucherify.api.errors import PlanTooDear
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.models import JsonObject

#: What no plan can tell: lookups of ids Voucherify may not know, and calls that fail and are made again. A tenth of
#: what is allowed, and so many calls at least.
LEAST_ALLOWANCE = 20


def most_calls(max_calls: int) -> int:
    """Return the calls a try may make in all: those allowed, and a tenth or 20 more for what no plan can tell."""
    return max_calls + max(max_calls // 10, LEAST_ALLOWANCE)


class Cap:
    """Counts the calls of a try, through whichever clients it is put over.

    :param max_calls: those allowed; ``None`` for any number.
    :param spent: tells how many calls the try has made, those of its earlier parts and those made again included.
    :param is_kept: whether what was pulled outlives the try.
    """

    def __init__(self, max_calls: int | None, spent: Callable[[], int], *, is_kept: bool) -> None:
        self._max_calls = max_calls
        self._kept = "what was pulled is kept for a while: " if is_kept else ""
        self._spent = spent
        self._sent = spent()

    def over(self, client: Sender) -> Sender:
        """Return a client that sends until the calls are used up."""
        return client if self._max_calls is None else Capped(client, self)

    def take(self) -> None:
        """Count a call about to be made.

        :raises PlanTooDear: if it is one too many.
        """
        allowed = self._max_calls
        assert allowed is not None, "without a maximum nothing is counted"
        made = max(self._sent, self._spent())
        if made >= most_calls(allowed):
            raise PlanTooDear(
                f"max_calls allows {allowed:,} calls, and {made:,} were made, more than planned; {self._kept}raise "
                "max_calls and let the task run again"
            )
        self._sent += 1


class Capped:
    """A client under a cap."""

    def __init__(self, client: Sender, cap: Cap) -> None:
        self._client = client
        self._cap = cap

    async def send(self, request: wire.Request) -> JsonObject:
        """Return the JSON object of the answer.

        :raises PlanTooDear: if no more calls may be made; none was.
        """
        self._cap.take()
        return await self._client.send(request)
