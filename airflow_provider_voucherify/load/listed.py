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

    An answer has the time of the newest page that names the customer.
    """

    def __init__(self) -> None:
        self._answers: dict[str, CustomerAnswer] = {}
        self._walks: dict[str, tuple[StoredWalk, datetime]] = {}

    @property
    def answers(self) -> Mapping[str, CustomerAnswer]:
        """Return the provisional answers, by customer id."""
        return self._answers

    @property
    def walks(self) -> dict[str, StoredWalk]:
        """Return how far each segment's list is held, by segment id."""
        return {segment_id: walk for segment_id, (walk, _) in self._walks.items()}

    def after(self, pages: Iterable[MembershipPage]) -> dict[str, CustomerAnswer]:
        """Return the answers pages would change, as they would become; nothing is changed yet.

        Of a customer whom only an earlier reading of a list named, the answer has no segments.
        """
        changed: dict[str, CustomerAnswer] = {}
        for page in pages:
            if page.is_first and self._is_newest(page):
                changed.update(_without_segment({**self._answers, **changed}, page.segment.id))
            for member in page.members:
                held = changed.get(member.customer_id) or self._answers.get(member.customer_id)
                changed[member.customer_id] = _with_segment(held, member, page.segment, as_utc(page.observed_at))
        return changed

    def named_by(self, segment_id: str) -> set[str]:
        """Return the customers that pages of a segment name."""
        return {id_ for id_, answer in self._answers.items() if any(one.id == segment_id for one in answer.segments)}

    def take(self, page: MembershipPage) -> None:
        """Hold a page; what a newer page said of its list is not undone."""
        changed = self.after([page])
        self._answers.update({id_: answer for id_, answer in changed.items() if answer.segments})
        self.forget(id_ for id_, answer in changed.items() if not answer.segments)
        if self._is_newest(page):
            walk = StoredWalk(page.resume, page.is_last)
            self._walks[page.segment.id] = (walk, as_utc(page.observed_at))

    def _is_newest(self, page: MembershipPage) -> bool:
        walk = self._walks.get(page.segment.id)
        return walk is None or walk[1] <= as_utc(page.observed_at)

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
        segments = (segment,)
        return CustomerAnswer(member.customer_id, observed_at, Outcome.FOUND, segments, source_id=member.source_id)
    by_id = {one.id: one for one in (*held.segments, segment)}
    return held._replace(
        observed_at=max(as_utc(held.observed_at), observed_at),
        segments=tuple(by_id[id_] for id_ in sorted(by_id)),
        source_id=member.source_id or held.source_id,
    )
