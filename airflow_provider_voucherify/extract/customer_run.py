"""Pulls customer by customer: chunk after chunk, each stored before the next is asked for."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from airflow_provider_voucherify.api.endpoints import Sender, rest_of
from airflow_provider_voucherify.api.models import CustomerAnswer, Outcome, Scope
from airflow_provider_voucherify.extract.existence import (
    FEWEST_TO_JUDGE,
    MOST_CANARIES,
    Ghost,
    ask_ghost,
    check_project,
    resolve,
    unknown_customers,
    wrong_project,
)
from airflow_provider_voucherify.extract.fetch import Fetched, PerCustomer
from airflow_provider_voucherify.extract.means import Means, Pulled, kept_if_interrupted
from airflow_provider_voucherify.extract.plan import chunks, resolving
from airflow_provider_voucherify.extract.question import Question
from airflow_provider_voucherify.extract.roster import Roster
from airflow_provider_voucherify.extract.survey import Everyone, Survey

log = logging.getLogger(__name__)


class CustomerRun:
    """A pull that asks for each customer.

    :param question: what is asked.
    :param survey: what is known already.
    :param means: client, sink and the like.
    """

    def __init__(self, question: Question, survey: Survey, means: Means) -> None:
        self._question = question
        self._survey = survey
        self._means = means
        self._asked = 0

    def pull(self) -> Pulled:
        """Ask for everybody the sink does not hold.

        :raises VoucherifyError: what stopped the run early, with all answers up to then held.
        """
        scope = Scope(self._question.is_about_everyone, self._survey.segment_ids)
        done = self._means.sink.done()
        sources = self._sources()
        open_ = [customer_id for customer_id in sources if customer_id not in done]
        if not open_:
            return Pulled(scope)
        to_ask = self._without_doubles(open_)
        ghost = self._ghost()
        progress = self._means.progress(len(sources), len(done), "customers")
        # The list of everyone is not stored: a run that gave its worker back would have to read it again.
        strategy = PerCustomer(
            self._means.patient if self._question.is_about_everyone else self._means.client,
            workers=self._means.workers,
            now=self._means.now,
            on_answer=lambda answer: progress.answer(failed=answer.outcome is Outcome.FAILED),
            judge_first=not done,
            ghost=ghost,
            only=self._survey.segment_ids,
            source_ids=sources if self._question.is_about_everyone else None,
        )
        if ghost is not None and not self._survey.is_right_project and len(to_ask) >= FEWEST_TO_JUDGE:
            first, to_ask = to_ask[:MOST_CANARIES], to_ask[MOST_CANARIES:]
            self._pull_first(strategy, first, ghost)
        for chunk in chunks(to_ask, self._means.chunk_size):
            self._store(self._fetch(strategy, chunk))
        return Pulled(scope)

    def _sources(self) -> Mapping[str, str | None]:
        """Return whom to ask for, with the merchant's ids where everyone is asked about."""
        if self._question.customer_ids is not None:
            return dict.fromkeys(self._question.customer_ids)
        assert self._survey.everyone is not None, "the survey begins the list of everyone"
        return self._means.run(_everyone(self._survey.everyone, self._means.patient))

    def _ghost(self) -> Ghost | None:
        if self._question.unknown == "keep" or self._question.is_about_everyone:
            return None
        is_strict = self._question.unknown == "fail"
        return self._means.run(ask_ghost(self._means.patient, self._means.rng, doubts_empty_answers=is_strict))

    def _pull_first(self, strategy: PerCustomer, customer_ids: Sequence[str], ghost: Ghost) -> None:
        """Ask for the first customers before all others: a wrong project would answer for everybody."""
        fetched = self._fetch(strategy, customer_ids)
        outcomes = {answer.outcome for answer in fetched.answers}
        if fetched.stopped_by is None and outcomes == {Outcome.UNKNOWN}:
            raise wrong_project(len(fetched.answers))
        if outcomes == {Outcome.NO_SEGMENT} and ghost.segment_ids == frozenset():
            self._means.run(check_project(self._means.patient, [answer.customer_id for answer in fetched.answers]))
        self._store(fetched)

    def _fetch(self, strategy: PerCustomer, customer_ids: Sequence[str]) -> Fetched:
        fetched = Fetched()
        with kept_if_interrupted(lambda: self._means.sink.write(fetched.answers)):
            return self._means.run(strategy.fetch(customer_ids, fetched))

    def _without_doubles(self, to_ask: Sequence[str]) -> Sequence[str]:
        """Return whom to ask for, each customer under one name only; those found unknown meanwhile are stored."""
        to_resolve = resolving(self._question.customer_ids or ())
        if not to_resolve:
            return to_ask
        client = self._means.patient
        if not self._survey.is_right_project and len(to_ask) >= FEWEST_TO_JUDGE and self._question.unknown != "keep":
            self._means.run(check_project(client, to_ask))
            self._survey.is_right_project = True
        resolved = self._means.run(resolve(client, to_resolve, workers=self._means.workers))
        if resolved.failed_by is not None:
            raise resolved.failed_by
        roster = Roster(self._question.customer_ids)
        roster.members(list(resolved.known.values()))
        if roster.aliases:
            log.info("%s customers were given under two names; they are asked about once", f"{len(roster.aliases):,}")
        unknown = resolved.unknown.intersection(to_ask) if self._question.unknown != "keep" else set()
        self._store(Fetched([CustomerAnswer(one, self._means.now(), Outcome.UNKNOWN) for one in sorted(unknown)]))
        return [one for one in to_ask if one not in roster.aliases and one not in unknown]

    def _store(self, fetched: Fetched) -> None:
        if fetched.answers:
            self._means.sink.write(fetched.answers)
        if fetched.stopped_by is not None:
            raise fetched.stopped_by
        self._asked += len(fetched.answers)
        unknown = [answer.customer_id for answer in fetched.answers if answer.outcome is Outcome.UNKNOWN]
        if unknown and self._question.unknown == "fail":
            raise unknown_customers(unknown, self._asked)


async def _everyone(everyone: Everyone, client: Sender) -> dict[str, str | None]:
    found = {customer.id: customer.source_id for customer in everyone.first}
    async for page in rest_of(everyone.walk, client):
        found.update((customer.id, customer.source_id) for customer in page)
    return found
