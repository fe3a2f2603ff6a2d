"""Segments' members in memory: what pages said so far of each customer; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime

from airflow_provider_voucherify.api.models import CustomerAnswer, Member, MembershipPage, Outcome, Segment
from airflow_provider_voucherify.load.base import StoredWalk
from airflow_provider_voucherify.load.summary import as_utc


class Listed:
    """What pages said: a provisional answer for each customer they name, and how far each list is held.

    A page takes the place of what came before it, whatever their times say: clocks of workers tell no order.
    """

    def __init__(self) -> None:
        self._answers: dict[str, CustomerAnswer] = {}
        self._walks: dict[str, StoredWalk] = {}

    @property
    def answers(self) -> Mapping[str, CustomerAnswer]:
        """Return the provisional answers, by customer id."""
        return self._answers

    @property
    def walks(self) -> dict[str, StoredWalk]:
        """Return how far each segment's list is held, by segment id."""
        return dict(self._walks)

    def after(self, pages: Iterable[MembershipPage]) -> dict[str, CustomerAnswer]:
        """Return the answers pages would change, as they would become; nothing is changed yet.

        Of a customer whom only an earlier reading of a list named, the answer has no segments.
        """
        changed: dict[str, CustomerAnswer] = {}
        begun = set(self._walks)
        for page in pages:
            if page.is_first and page.segment.id in begun:
                changed.update(_without_segment({**self._answers, **changed}, page.segment.id))
            begun.add(page.segment.id)
            for member in page.members:
                held = changed.get(member.customer_id) or self._answers.get(member.customer_id)
                changed[member.customer_id] = _with_segment(held, member, page.segment, as_utc(page.observed_at))
        return changed

    def unsettled_by(self, page: MembershipPage) -> set[str]:
        """Return the customers that an earlier reading of a page's list names, if the page begins the list anew."""
        segment_id = page.segment.id
        if not page.is_first or segment_id not in self._walks:
            return set()
        return {id_ for id_, answer in self._answers.items() if any(one.id == segment_id for one in answer.segments)}

    def take(self, page: MembershipPage) -> None:
        """Hold a page."""
        changed = self.after([page])
        self._answers.update({id_: answer for id_, answer in changed.items() if answer.segments})
        self.forget(id_ for id_, answer in changed.items() if not answer.segments)
        self._walks[page.segment.id] = StoredWalk(page.resume, page.is_last)

    def correct(self, answer: CustomerAnswer) -> None:
        """Hold what a customer's own answer says in place of what pages said."""
        if answer.outcome is Outcome.FOUND:
            self._answers[answer.customer_id] = answer
        else:
            self._answers.pop(answer.customer_id, None)

    def forget(self, customer_ids: Iterable[str]) -> None:
        """Drop what pages said of some customers."""
        for customer_id in customer_ids:
            self._answers.pop(customer_id, None)

    def answer_for(self, customer_id: str, unknown: AbstractSet[str], observed_at: datetime) -> CustomerAnswer:
        """Return a customer's final answer, once all lists are whole.

        :param unknown: customers Voucherify does not know; one a page names is known.
        :param observed_at: when it was found that no page names the customer.
        """
        if customer_id in self._answers:
            return self._answers[customer_id]
        outcome = Outcome.UNKNOWN if customer_id in unknown else Outcome.NO_SEGMENT
        return CustomerAnswer(customer_id, as_utc(observed_at), outcome)


def _without_segment(answers: Mapping[str, CustomerAnswer], segment_id: str) -> dict[str, CustomerAnswer]:
    return {
        id_: answer._replace(segments=tuple(one for one in answer.segments if one.id != segment_id))
        for id_, answer in answers.items()
        if any(one.id == segment_id for one in answer.segments)
    }


def _with_segment(
    held: CustomerAnswer | None, member: Member, segment: Segment, observed_at: datetime
) -> CustomerAnswer:
    if held is None:
        held = CustomerAnswer(member.customer_id, observed_at, Outcome.FOUND, source_id=member.source_id)
    by_id = {one.id: one for one in (*held.segments, segment)}
    return held._replace(
        segments=tuple(by_id[id_] for id_ in sorted(by_id)),
        source_id=member.source_id or held.source_id,
        read_at={**(held.read_at or {}), segment.id: observed_at},
    )
