"""Clients put over a client: one ends a run from outside, one remembers answers, one keeps to the calls allowed."""

from __future__ import annotations

import asyncio
import base64
import json
import zlib
from collections.abc import Callable, Collection, Coroutine, Mapping
from contextlib import suppress
from dataclasses import fields
from datetime import datetime
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from airflow_provider_voucherify.api.calls.call import Sender
from airflow_provider_voucherify.api.errors import NotFound, PlanTooDear, VoucherifyError
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.models import Customer, Json, JsonObject, Segment

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


#: What is read of lists.
_OF_LISTS = ("object", "data_ref", "total", "has_more")
_LISTS = ("customers", "data", "segments")


def _told_of(model: type[Customer | Segment]) -> tuple[str, ...]:
    """Return the fields that are kept: all that are read, but what no ``repr`` shows, such as a customer's profile."""
    return tuple(one.name for one in fields(model) if one.repr)


_OF_CUSTOMERS, _OF_SEGMENTS = _told_of(Customer), _told_of(Segment)
_READ_AT = "airflow_read_at"
#: Noted in place of an answer that is to be asked for again.
_FORGOTTEN = ""


class RememberingClient:
    """Sends calls and keeps the answers, to be noted before the worker is given back; noted ones are not asked again.

    Lists of segments and of everyone, first pages, lookups and samples are of use as a whole only. A run that
    gave its worker back in between would have to ask all of it again, with a small share of the rate limit for ever.

    What a run asks again on purpose, in the same part or a later one, is another call: see ``again`` of a request.

    ``new`` are the answers that came in this part, by call, packed; ``None`` for "there is no such resource", and an
    empty text where that of an earlier part does not count any more.

    :param now: the time, UTC.
    :param keeps: whether there can be a later part.
    """

    def __init__(
        self, client: Sender, held: Mapping[str, str | None], now: Callable[[], datetime], *, keeps: bool
    ) -> None:
        self.new: dict[str, str | None] = {}
        self._client = client
        self._held = {call: answer for call, answer in held.items() if answer != _FORGOTTEN}
        self._now = now
        self._keeps = keeps

    async def send(self, request: wire.Request) -> JsonObject:
        """Return the JSON object of the answer, or the part of it that an earlier part of the try kept.

        :raises VoucherifyError: if there is none.
        """
        if self.holds(request):
            return _unpacked(self._held[_name_of(request)])
        try:
            answer = await self._client.send(request)
        except NotFound:
            self._keep(request, None)
            raise
        self._keep(request, answer)
        return answer

    def holds(self, request: wire.Request) -> bool:
        """Return whether an earlier part of the try kept the answer."""
        return _name_of(request) in self._held

    def forget_lists_of_segments(self) -> None:
        """Do not keep the pages of segments' lists that came in this part: they are stored as such from now on."""
        self.new = {call: answer for call, answer in self.new.items() if "segment_id=" not in call}

    def forget_lists(self, segment_ids: Collection[str | None]) -> None:
        """Let lists of customers be asked for again, in this part or a later one.

        :param segment_ids: of those whose members they are; ``None`` is for the list of everyone.
        """
        self._forget(lambda call: _is_list_of_customers(call) and _segment_of(call) in segment_ids)

    def forget(self, path: str) -> None:
        """Let what stands under a path be asked for again, in this part or a later one.

        :param path: with all below it, where it ends in a slash.
        """
        self._forget(lambda call: call.startswith(path) if path.endswith("/") else call.partition("?")[0] == path)

    def _forget(self, is_meant: Callable[[str], bool]) -> None:
        for call in [call for call in (*self._held, *self.new) if is_meant(call)]:
            self._held.pop(call, None)
            if self._keeps:
                self.new[call] = _FORGOTTEN

    def _keep(self, request: wire.Request, answer: JsonObject | None) -> None:
        if self._keeps:
            self.new[_name_of(request)] = None if answer is None else _packed(answer, self._now())


def _name_of(request: wire.Request) -> str:
    """Return what tells calls apart."""
    return f"{request.target}#{request.again}" if request.again else request.target


def _is_list_of_customers(call: str) -> bool:
    return call.partition("?")[0] == "/v1/customers"


def _segment_of(call: str) -> str | None:
    """Return the segment whose members a list of customers has, ``None`` for that of everyone."""
    return dict(parse_qsl(urlsplit(call).query)).get("segment_id")


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
    is_customer = listed_as == "customers" or answer.get("object") == "customer"
    names = (*_OF_LISTS, *(_OF_CUSTOMERS if is_customer else _OF_SEGMENTS))
    kept: JsonObject = {name: answer[name] for name in names if name in answer}
    if isinstance(named := answer.get("filter"), dict):  # its names; what it compares with may be an email
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
