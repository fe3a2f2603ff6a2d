"""The truth about a project, for a test to compare with: one record per line of JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from airflow_provider_voucherify.emulator.json_types import Json, JsonObject, as_list, as_object, dump
from airflow_provider_voucherify.emulator.times import parse_instant, show_instant, to_datetime

if TYPE_CHECKING:
    from airflow_provider_voucherify.emulator.shop.customers import Customer
    from airflow_provider_voucherify.emulator.state import Project

_LINES_PER_PIECE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Membership:
    """A customer is in a segment."""

    customer_id: str
    source_id: str | None
    segment_id: str
    segment_name: str

    @classmethod
    def from_json(cls, line: JsonObject) -> Membership:
        """Read a line of ``GET /_emulator/memberships``."""
        return cls(
            str(line["customer_id"]),
            _optional_text(line["source_id"]),
            str(line["segment_id"]),
            str(line["segment_name"]),
        )


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """A customer and its metadata."""

    customer_id: str
    source_id: str | None
    metadata: JsonObject

    @classmethod
    def from_json(cls, line: JsonObject) -> CustomerRecord:
        """Read a line of ``GET /_emulator/customers``."""
        return cls(str(line["customer_id"]), _optional_text(line["source_id"]), as_object(line["metadata"]))


@dataclass(frozen=True, slots=True)
class PublicationRecord:
    """A customer got codes of a campaign.

    :param campaign: name of the campaign.
    :param source_id: the sender's own id of the publication.
    :param created_at: in UTC, to the millisecond.
    """

    publication_id: str
    campaign: str
    customer_id: str
    customer_source_id: str | None
    source_id: str | None
    codes: tuple[str, ...]
    metadata: JsonObject
    created_at: datetime

    @property
    def code(self) -> str:
        """The first code; there is always one."""
        return self.codes[0]

    @classmethod
    def from_json(cls, line: JsonObject) -> PublicationRecord:
        """Read a line of ``GET /_emulator/publications``."""
        return cls(
            str(line["publication_id"]),
            str(line["campaign"]),
            str(line["customer_id"]),
            _optional_text(line["customer_source_id"]),
            _optional_text(line["source_id"]),
            tuple(str(code) for code in as_list(line["codes"])),
            as_object(line["metadata"]),
            _instant(line["created_at"]),
        )


@dataclass(frozen=True, slots=True)
class EventRecord:
    """A custom event of a customer happened.

    :param created_at: in UTC, to the millisecond.
    """

    name: str
    customer_id: str
    customer_source_id: str | None
    metadata: JsonObject
    created_at: datetime

    @classmethod
    def from_json(cls, line: JsonObject) -> EventRecord:
        """Read a line of ``GET /_emulator/events``."""
        return cls(
            str(line["name"]),
            str(line["customer_id"]),
            _optional_text(line["customer_source_id"]),
            as_object(line["metadata"]),
            _instant(line["created_at"]),
        )


def truth_about(project: Project, what: str, segment_id: str | None = None) -> list[bytes]:
    """Write all records of one kind as JSON Lines.

    :param what: a name in ``TRUTHS``.
    :returns: pieces of whole lines.
    """
    records = TRUTHS[what](project)
    wanted = (one for one in records if segment_id is None or one.get("segment_id") == segment_id)
    lines = [dump(one) + b"\n" for one in wanted]
    return [b"".join(lines[at : at + _LINES_PER_PIECE]) for at in range(0, len(lines), _LINES_PER_PIECE)]


def _memberships(project: Project) -> Iterator[JsonObject]:
    for customer, segment in project.population.memberships():
        yield {
            "customer_id": customer.id,
            "source_id": customer.source_id,
            "segment_id": segment.id,
            "segment_name": segment.name,
        }


def _customers(project: Project) -> Iterator[JsonObject]:
    for customer in project.population.customers.values():
        yield {"customer_id": customer.id, "source_id": customer.source_id, "metadata": customer.metadata}


def _publications(project: Project) -> Iterator[JsonObject]:
    for one in project.records.publications.all():
        if one.failure is None:
            codes: list[Json] = [voucher.code for voucher in one.vouchers]
            yield {
                "publication_id": one.id,
                "campaign": one.campaign.name,
                "source_id": one.source_id,
                "codes": codes,
                **_to_whom_and_when(one.customer, one.metadata, one.created_at),
            }


def _events(project: Project) -> Iterator[JsonObject]:
    for one in project.records.events:
        yield {"name": one.name, **_to_whom_and_when(one.customer, one.metadata, one.created_at)}


def _to_whom_and_when(customer: Customer, metadata: JsonObject, created_at: int) -> JsonObject:
    return {
        "customer_id": customer.id,
        "customer_source_id": customer.source_id,
        "metadata": metadata,
        "created_at": show_instant(created_at),
    }


def _optional_text(value: Json) -> str | None:
    return None if value is None else str(value)


def _instant(value: Json) -> datetime:
    return to_datetime(parse_instant(str(value)))


TRUTHS: Final[dict[str, Callable[[Project], Iterable[JsonObject]]]] = {
    "memberships": _memberships,
    "customers": _customers,
    "publications": _publications,
    "events": _events,
}
