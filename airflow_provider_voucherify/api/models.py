"""Voucherify's resources as frozen values; ``from_json`` is the only place that knows their JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = dict[str, Json]
#: What a row of an export holds: a text of the file, ``None`` where it is empty, and all metadata as one dict.
Cell: TypeAlias = str | dict[str, str] | None
#: A row of an export, a cell for each field in the fields' order.
Row: TypeAlias = Sequence[Cell]


class UnexpectedShape(ValueError):
    """The JSON lacks a field that the resource cannot do without."""


#: NUL, which databases refuse, and halves of surrogate pairs, which cannot be encoded.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]").search


def storable(value: Json, name: str) -> str | None:
    """Return a text that can be stored anywhere, ``None`` for what is no text.

    :raises UnexpectedShape: if no database could store it; it would fail there, far from where it came from.
    """
    if not isinstance(value, str):
        return None
    if _UNSTORABLE(value):
        raise UnexpectedShape(f"field {name!r} holds NUL or half of a surrogate pair, which cannot be stored")
    return value


def required_text(data: JsonObject, name: str) -> str:
    """Return a field that is a text.

    :raises UnexpectedShape: if it is none, is empty, or could not be stored.
    """
    value = storable(data.get(name), name)
    if not value:
        raise UnexpectedShape(f"field {name!r} should be a text, is {type(data.get(name)).__name__}")
    return value


def optional_text(data: JsonObject, name: str) -> str | None:
    """Return a field that may be a text; ``None`` where it is none, or empty.

    :raises UnexpectedShape: if it could not be stored.
    """
    return storable(data.get(name), name) or None


def optional_time(data: JsonObject, name: str) -> datetime | None:
    """Return a field that may be a time, which is in UTC where it names no zone; ``None`` where it cannot be read."""
    value = data.get(name)
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _personal_text(value: Json) -> str | None:
    """Return a text as it is: it is handed on and never stored, and may have been cut in the middle of a character."""
    return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Segment:
    """A group of customers.

    ``type`` (``static``, ``passive``, ``auto-update``) and the times (UTC) are ``None`` where Voucherify
    does not send them: a customer's own segments come with id and name only. The same holds
    for ``initial_sync_status`` (``IN_PROGRESS``, ``DONE``), which newer versions of the API leave out. ``filter`` is
    that of a dynamic segment; two segments are the same whatever it says.
    """

    id: str
    name: str
    type: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    initial_sync_status: str | None = None
    filter: Mapping[str, Json] | None = field(default=None, repr=False, hash=False, compare=False)

    @classmethod
    def from_json(cls, data: JsonObject) -> Segment:
        """Read a segment, whole or simple.

        :raises UnexpectedShape: if id or name is missing.
        """
        try:
            return _segment(*map(data.get, _SEGMENT_FIELDS))
        except TypeError:  # a filter, or a list or an object where a text should be
            return _read_segment(*map(data.get, _SEGMENT_FIELDS))

    @property
    def names_created_at(self) -> bool:
        """Return whether the filter names ``created_at``: bounds on it may get in each other's way."""
        return "created_at" in (self.filter or {})


_SEGMENT_FIELDS = ("id", "name", "type", "created_at", "updated_at", "initial_sync_status", "filter")


def _read_segment(*values: Json) -> Segment:
    data = dict(zip(_SEGMENT_FIELDS, values, strict=True))
    conditions = data["filter"]
    return Segment(
        required_text(data, "id"),
        required_text(data, "name"),
        optional_text(data, "type"),
        optional_time(data, "created_at"),
        optional_time(data, "updated_at"),
        optional_text(data, "initial_sync_status"),
        conditions if isinstance(conditions, dict) else None,
    )


#: Gives the one object for a segment that every customer in it is answered with.
_segment: Callable[..., Segment] = lru_cache(maxsize=4_096)(_read_segment)


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer as Voucherify knows them; times are UTC, personal fields are kept out of ``repr``."""

    id: str
    source_id: str | None = None
    name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    metadata: Mapping[str, Json] = field(default_factory=dict, repr=False, hash=False)
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @classmethod
    def from_json(cls, data: JsonObject) -> Customer:
        """Read a customer.

        :raises UnexpectedShape: if the id is missing.
        """
        metadata = data.get("metadata")
        return cls(
            id=required_text(data, "id"),
            source_id=optional_text(data, "source_id"),
            name=_personal_text(data.get("name")),
            email=_personal_text(data.get("email")),
            metadata=metadata if isinstance(metadata, dict) else {},
            created_at=optional_time(data, "created_at"),
            updated_at=optional_time(data, "updated_at"),
        )


class RateLimit(NamedTuple):
    """What the headers of one answer say about the rate limit; ``None`` is "not said".

    :param limit: calls allowed in the current window.
    :param remaining: calls left in it, for every client of the project together.
    :param retry_at: server time (unix seconds) of the next permitted call.
    :param retry_after: seconds until then; sent with rejections only.
    :param kind: which limit was hit: ``api_calls``, ``bulk_api_calls``, ``api_calls_cycle``, ``webhook_calls``.
    :param server_time: the server's clock (unix seconds) as of its ``Date`` header, cut to the second.
    """

    limit: int | None = None
    remaining: int | None = None
    retry_at: float | None = None
    retry_after: float | None = None
    kind: str | None = None
    server_time: float | None = None


class Outcome(StrEnum):
    """What became of one customer that was asked for."""

    FOUND = "found"
    NO_SEGMENT = "no_segment"
    UNKNOWN = "unknown"
    FAILED = "failed"


class CustomerAnswer(NamedTuple):
    """What is known about one customer after asking.

    :param observed_at: when the answer arrived (UTC): data, which decides nothing.
    :param segments: the segments the customer is in; empty unless the outcome is ``FOUND``.
    :param outcome: found, in no segment, unknown to Voucherify, or failed.
    :param failure: why, for a failed customer; a short label without ids or secrets.
    :param source_id: the merchant's id, where everyone is asked about and there is one.
    """

    customer_id: str
    observed_at: datetime
    outcome: Outcome
    segments: tuple[Segment, ...] = ()
    failure: str | None = None
    source_id: str | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A customer a segment's list named.

    :param customer_id: the id as the user passed it; Voucherify's where everyone is asked about.
    :param source_id: the merchant's id, where everyone is asked about and there is one.
    """

    customer_id: str
    source_id: str | None = None


@dataclass(frozen=True, slots=True)
class MembershipPage:
    """One page of a segment's members: the unit of checkpoint where segments are listed.

    :param members: those of the page's customers that are asked about.
    :param observed_at: when the page arrived (UTC).
    :param resume: how the listing goes on after this page, as plain JSON; to be stored with it.
    :param is_last: whether the segment's list is whole with this page.
    :param is_first: whether the list begins with this page: what was held of an earlier reading does not count then.
    """

    segment: Segment
    members: tuple[Member, ...]
    observed_at: datetime
    resume: JsonObject
    is_last: bool
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class StaticList:
    """All members of a static segment, who can only become fewer: with as many members it has the same ones.

    :param segment: as the list of segments had it.
    :param members: how many it had while they were read, from the first page to the last.
    """

    segment: Segment
    members: int

    def is_of(self, segment: Segment, members: int | None) -> bool:
        """Return whether a segment is this very one, unchanged.

        :param segment: as the list of segments has it now.
        :param members: how many it has now, ``None`` if that is not known.
        """
        mine, theirs = ((one.id, one.name, one.created_at, one.updated_at) for one in (self.segment, segment))
        return segment.type == "static" and mine == theirs and self.members == members


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run speaks for: outside of it nothing is known, so nothing is changed.

    :param everyone: whether it covers every customer of the project, also those it never saw by name.
    :param segment_ids: the segments it covers; ``None`` for all of the project's.
    :param may_remove: whether what readers see may go; not for a run whose customers are all unknown.
    :param static: static segments of which it holds all members.
    """

    everyone: bool = False
    segment_ids: frozenset[str] | None = None
    may_remove: bool = True
    static: tuple[StaticList, ...] = ()

    def covers(self, segment_id: str) -> bool:
        """Return whether it covers a segment."""
        return self.segment_ids is None or segment_id in self.segment_ids
