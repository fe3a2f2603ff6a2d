"""What a sink in memory holds of a run: the customers' answers, and what pages said; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from airflow_provider_voucherify.api.models import CustomerAnswer, MembershipPage, Outcome
from airflow_provider_voucherify.load.base import StoredWalk
from airflow_provider_voucherify.load.xcom.entries import Entry, Everyone, Forgotten
from airflow_provider_voucherify.load.xcom.listed import Listed


class Held:
    """Takes entries in the order they are written; the same entries again give the same state.

    A customer shows with an answer of their own if there is one, else with what pages said so far; a page that names
    a customer who was found adds to the answer.
    """

    def __init__(self) -> None:
        self._answers: dict[str, CustomerAnswer] = {}
        self._listed = Listed()
        self._rest = 0

    @property
    def answers(self) -> Mapping[str, CustomerAnswer]:
        """Return the answers, by customer id, in the order the customers came."""
        return self._answers

    @property
    def listed(self) -> Mapping[str, CustomerAnswer]:
        """Return what is known of customers in a segment, settled or not."""
        return self._listed.answers

    @property
    def walks(self) -> dict[str, StoredWalk]:
        """Return how far each segment's list is held, by segment id."""
        return self._listed.walks

    @property
    def rest(self) -> int:
        """Return how many customers are in no segment without being named."""
        return self._rest

    def shown(self, customer_ids: Iterable[str]) -> list[CustomerAnswer]:
        """Return what shows of some customers."""
        known = (self._answers.get(id_) or self._listed.answers.get(id_) for id_ in customer_ids)
        return [answer for answer in known if answer is not None]

    def after(self, entries: Sequence[Entry]) -> dict[str, CustomerAnswer]:
        """Return what would show of the customers that entries change; nothing is changed yet."""
        pages = [entry for entry in entries if isinstance(entry, MembershipPage)]
        changed = {id_: self._with_page(id_, listed) for id_, listed in self._listed.after(pages).items()}
        return changed | {entry.customer_id: entry for entry in entries if isinstance(entry, CustomerAnswer)}

    def take(self, entry: Entry) -> None:
        """Hold an entry."""
        match entry:
            case CustomerAnswer():
                self._answers[entry.customer_id] = entry
                self._listed.correct(entry)
            case MembershipPage():
                self._take_page(entry)
            case Everyone():
                self._settle_everyone(entry.total)
            case Forgotten():
                self.forget(set(entry.customer_ids))

    def settled(
        self, customer_ids: Iterable[str], unknown: AbstractSet[str], observed_at: datetime
    ) -> list[CustomerAnswer]:
        """Return the answers pages make, each customer once."""
        return [self._listed.answer_for(id_, unknown, observed_at) for id_ in dict.fromkeys(customer_ids)]

    def forget(self, customer_ids: AbstractSet[str]) -> None:
        """Drop what is held of some customers."""
        for customer_id in customer_ids:
            self._answers.pop(customer_id, None)
        self._listed.forget(customer_ids)

    def _take_page(self, page: MembershipPage) -> None:
        changed = self._listed.after([page])
        # What these answers stood on is read anew: such a customer is to be settled again.
        unsettled = self._listed.unsettled_by(page)
        self._listed.take(page)
        for id_ in changed.keys() & self._answers.keys():
            if id_ in unsettled and self._answers[id_].outcome is Outcome.FOUND:
                del self._answers[id_]
            else:
                self._answers[id_] = self._with_page(id_, changed[id_])

    def _settle_everyone(self, total: int) -> None:
        failed = {id_: answer for id_, answer in self._answers.items() if answer.outcome is Outcome.FAILED}
        self._answers = {**self._listed.answers, **failed}
        self._rest = max(total - len(self._answers), 0)

    def _with_page(self, customer_id: str, listed: CustomerAnswer) -> CustomerAnswer:
        answer = self._answers.get(customer_id)
        return listed if answer is None or answer.outcome is Outcome.FOUND else answer
