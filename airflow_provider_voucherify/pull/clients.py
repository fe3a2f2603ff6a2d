"""Clients put over a client: one ends a run from outside, one remembers answers, one keeps to the calls allowed."""

from __future__ import annotations

import asyncio
import base64
import json
import zlib
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, cast

from airflow_provider_voucherify.api.calls.call import Sender
from airflow_provider_voucherify.api.errors import NotFound, PlanTooDear, VoucherifyError
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.models import Json, JsonObject

#: A call in flight when the run is told to stop may take so much longer, in seconds.
STOP_WITHIN = 2.0


class RunInterrupted(VoucherifyError):
    """The run was told to stop; the customers not asked for have not failed."""

    concerns_connection = False


class Interrupt:
    """Told once to stop, it lets no call through any of the clients it is put over.

    :param within: how long calls in flight may still take, in seconds.
    """

    def __init__(self, within: float = STOP_WITHIN) -> None:
        self._within = within
        self.is_stopped = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._senders: set[asyncio.Task[Any]] = set()
        self._cancelled: set[asyncio.Task[Any]] = set()

    def stop(self) -> None:
        """Let no further call be sent; may be called from any thread and from a signal handler.

        Calls in flight may come to their end, if they do in time.
        """
        self.is_stopped = True
        if (loop := self._loop) is not None:
            with suppress(RuntimeError):  # the loop was closed just now
                loop.call_soon_threadsafe(loop.call_later, self._within, self._cancel)

    def over(self, client: Sender) -> Interruptible:
        """Return a client that sends until the run is told to stop."""
        return Interruptible(client, self)

    async def send(self, client: Sender, request: wire.Request) -> JsonObject:
        """Send by a client.

        :raises RunInterrupted: if the run was told to stop, before the answer came.
        """
        self._loop = loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None, "coroutines run in tasks"
        if self.is_stopped:
            raise RunInterrupted("the run was told to stop")
        self._senders.add(task)
        try:
            return await client.send(request)
        except asyncio.CancelledError:
            if task in self._cancelled and task.uncancel() == 0:
                raise RunInterrupted("the run was told to stop, and an answer did not come in time") from None
            raise
        finally:
            self._senders.discard(task)

    def _cancel(self) -> None:
        for task in tuple(self._senders):
            self._cancelled.add(task)
            task.cancel()


class Interruptible:
    """A client under an interrupt."""

    def __init__(self, client: Sender, interrupt: Interrupt) -> None:
        self._client = client
        self._interrupt = interrupt

    def send(self, request: wire.Request) -> Coroutine[Any, Any, JsonObject]:
        """Return the JSON object of the answer.

        :raises VoucherifyError: if there is none.
        """
        return self._interrupt.send(self._client, request)


#: What is read of the answers: lists, their customers and segments. Nothing else is kept, least of all a profile: the
#: name is that of a segment. Of filters the names are kept.
_KEPT = (
    "object",
    "data_ref",
    "total",
    "has_more",
    "id",
    "source_id",
    "name",
    "type",
    "created_at",
    "updated_at",
    "initial_sync_status",
)
_LISTS = ("customers", "data", "segments")
_READ_AT = "airflow_read_at"


class RememberingClient:
    """Sends calls and keeps the answers, to be noted before the worker is given back; noted ones are not asked again.

    Lists of segments and of everyone, first pages, lookups and samples are of use as a whole only. A run that
    gave its worker back in between would have to ask all of it again, with a small share of the rate limit for ever.

    ``new`` are the answers that came in this part, by target, packed; ``None`` for "there is no such resource".

    :param now: the time, UTC.
    :param keeps: whether there can be a later part.
    """

    def __init__(
        self, client: Sender, held: Mapping[str, str | None], now: Callable[[], datetime], *, keeps: bool
    ) -> None:
        self.new: dict[str, str | None] = {}
        self._client = client
        self._held = dict(held)
        self._now = now
        self._keeps = keeps

    async def send(self, request: wire.Request) -> JsonObject:
        """Return the JSON object of the answer, or the part of it that an earlier part of the try kept.

        :raises VoucherifyError: if there is none.
        """
        if request.target in self._held:
            return _unpacked(self._held[request.target])
        try:
            answer = await self._client.send(request)
        except NotFound:
            self._keep(request, None)
            raise
        self._keep(request, answer)
        return answer

    def holds(self, request: wire.Request) -> bool:
        """Return whether an earlier part of the try kept the answer."""
        return request.target in self._held

    def forget_lists_of_segments(self) -> None:
        """Do not keep the pages of segments' lists that came in this part: they are stored as such from now on."""
        self.new = {target: answer for target, answer in self.new.items() if "segment_id=" not in target}

    def forget(self, path: str) -> None:
        """Let what stands under a path be asked for again."""
        self._held = {target: answer for target, answer in self._held.items() if target.partition("?")[0] != path}

    def _keep(self, request: wire.Request, answer: JsonObject | None) -> None:
        if self._keeps:
            self.new[request.target] = None if answer is None else _packed(answer, self._now())


def read_at(answer: JsonObject) -> datetime | None:
    """Return when an answer came that an earlier part of the try kept (UTC), ``None`` for one that came just now."""
    at = answer.get(_READ_AT)
    return datetime.fromisoformat(at) if isinstance(at, str) else None


def _packed(answer: JsonObject, at: datetime) -> str:
    text = json.dumps(_essence(answer) | {_READ_AT: at.isoformat()}, separators=(",", ":"))
    return base64.b85encode(zlib.compress(text.encode())).decode()


def _unpacked(packed: str | None) -> JsonObject:
    if packed is None:
        raise NotFound("Voucherify said so in an earlier part of this try", status=404, key="not_found")
    return cast("JsonObject", json.loads(zlib.decompress(base64.b85decode(packed))))


def _essence(answer: JsonObject, listed_as: str = "") -> JsonObject:
    kept: JsonObject = {name: answer[name] for name in _KEPT if name in answer}
    if listed_as == "customers" or answer.get("object") == "customer":
        kept.pop("name", None)
    if isinstance(named := answer.get("filter"), dict):  # what it compares with may be an email
        kept["filter"] = {name: {} for name in named}
    for name in _LISTS:
        if isinstance(items := answer.get(name), list):
            essences: list[Json] = [_essence(item, name) if isinstance(item, dict) else item for item in items]
            kept[name] = essences
    return kept


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
