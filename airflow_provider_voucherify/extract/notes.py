"""What a run that asks each customer remembers in the ledger besides answers.

Notes are kept as lists without members, under ids no segment has: every sink holds those as durably as answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from airflow_provider_voucherify.api.models import Customer, Json, JsonObject, MembershipPage, Segment
from airflow_provider_voucherify.extract.plan import chunks
from airflow_provider_voucherify.load.base import NOTE, Sink

_BEGUN = f"{NOTE}begun"
_BELIEVED = f"{NOTE}believed:"
_RESOLVED = f"{NOTE}resolved:"
#: A note has to fit into a value of Airflow's task state store.
_IDS_PER_NOTE = 500


@dataclass(frozen=True, slots=True)
class Believed:
    """Answers taken on trust by a part that was interrupted: they are right if the ghost's answer is still the same.

    :param ghost: ids of the segments the ghost was in.
    :param customer_ids: whose answers.
    """

    ghost: frozenset[str]
    customer_ids: frozenset[str]


class Notes:
    """The notes of a run.

    :param sink: the ledger.
    :param now: the time, UTC.
    """

    def __init__(self, sink: Sink, now: Callable[[], datetime]) -> None:
        self._sink = sink
        self._now = now
        self._held: dict[str, JsonObject] = {
            id_: walk.resume for id_, walk in sink.walks().items() if id_.startswith(NOTE)
        }

    @property
    def begun_with(self) -> int | None:
        """Return how many customers were asked about when the project was found to be the right one."""
        customers = self._held.get(_BEGUN, {}).get("customers")
        return customers if isinstance(customers, int) else None

    def begin(self, customers: int) -> None:
        """Note that the project is the right one.

        :param customers: how many are asked about.
        """
        self._write(_BEGUN, {"customers": customers})

    @property
    def believed(self) -> Believed | None:
        """Return what an interrupted part took on trust, ``None`` if that is nothing."""
        customers, ghost = set[str](), frozenset[str]()
        for note in self._believed_notes():
            match self._held[note]:
                case {"ghost": list(segments), "customers": [_, *_] as some}:
                    ghost = _texts(segments)
                    customers |= _texts(some)
        return Believed(ghost, frozenset(customers)) if customers else None

    def believe(self, believed: Believed) -> None:
        """Note what was taken on trust, in place of what was noted before."""
        ghost: list[Json] = [*sorted(believed.ghost)]
        parts = list(chunks(sorted(believed.customer_ids), _IDS_PER_NOTE))
        for number in range(max(len(parts), len(self._believed_notes()))):
            customers: list[Json] = [*parts[number]] if number < len(parts) else []
            self._write(f"{_BELIEVED}{number}", {"ghost": ghost, "customers": customers})

    def _believed_notes(self) -> list[str]:
        return [note for note in self._held if note.startswith(_BELIEVED)]

    @property
    def resolved(self) -> dict[str, Customer | None]:
        """Return whom ids stand for, by id; ``None`` for nobody."""
        pages = [resume for id_, resume in self._held.items() if id_.startswith(_RESOLVED)]
        return {id_: _customer_from(names) for page in pages for id_, names in page.items()}

    def resolve(self, customers: Mapping[str, Customer | None]) -> None:
        """Note whom ids stand for, besides those noted before."""
        for part in chunks(list(customers.items()), _IDS_PER_NOTE):
            number = sum(id_.startswith(_RESOLVED) for id_ in self._held)
            self._write(f"{_RESOLVED}{number}", {id_: _names_of(customer) for id_, customer in part})

    def _write(self, note: str, resume: JsonObject) -> None:
        page = MembershipPage(Segment(note, note), (), self._now(), resume, is_last=False)
        self._sink.write_pages([page])
        self._held[note] = resume


def _texts(values: Iterable[Json]) -> frozenset[str]:
    return frozenset(value for value in values if isinstance(value, str))


def _names_of(customer: Customer | None) -> Json:
    return None if customer is None else [customer.id, customer.source_id]


def _customer_from(names: Json) -> Customer | None:
    match names:
        case [str(customer_id), str() | None as source_id]:
            return Customer(customer_id, source_id)
    return None
