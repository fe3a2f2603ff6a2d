"""Pulls customer by customer: what came in is stored while the next are asked for."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from airflow_provider_voucherify.api.calls.call import Sender
from airflow_provider_voucherify.api.errors import CustomersUnknown, VoucherifyError, WindowClosed, WrongProject
from airflow_provider_voucherify.api.ids import IdList, IdSet
from airflow_provider_voucherify.api.models import Customer, CustomerAnswer, Outcome, Scope
from airflow_provider_voucherify.load.base import failed_of, in_parts
from airflow_provider_voucherify.pull.clients import RememberingClient, RunInterrupted
from airflow_provider_voucherify.pull.customers.asked_customers import AskedCustomers
from airflow_provider_voucherify.pull.customers.existence import Ghost, ask_ghost, refuse_unknown
from airflow_provider_voucherify.pull.customers.project import FEWEST_TO_JUDGE, MOST_CALLS, check_project
from airflow_provider_voucherify.pull.customers.resolve import Lookup, Resolved, forget_aliases
from airflow_provider_voucherify.pull.notes import BelievedAnswers, RunNotes
from airflow_provider_voucherify.pull.per_customer.ask import (
    MOST_FAILURES_AT_FIRST,
    AskAhead,
    Fetched,
    PerCustomer,
    missing_of,
    others_of,
)
from airflow_provider_voucherify.pull.per_export.fetch import Exports, read_everyone
from airflow_provider_voucherify.pull.per_export.notes import EVERYONE, ExportNotes
from airflow_provider_voucherify.pull.plan.question import Question
from airflow_provider_voucherify.pull.plan.survey import Survey
from airflow_provider_voucherify.pull.progress import counted
from airflow_provider_voucherify.pull.result import Pulled
from airflow_provider_voucherify.pull.tools import PullTools, kept_if_interrupted

log = logging.getLogger(__name__)

#: Where so many customers all failed, the others are asked in their order.
_MOST_ASKED_FIRST = 500


class CustomerRun:
    """A pull that asks for each customer.

    :param to_ask: those of the question's customers the sink held no answer of when the try began.
    :param tools: client, sink and the like.
    :param remembering: sends what is of use as a whole only.
    """

    def __init__(
        self,
        question: Question,
        to_ask: Sequence[str],
        survey: Survey,
        notes: RunNotes,
        tools: PullTools,
        remembering: RememberingClient,
        exports: ExportNotes,
    ) -> None:
        self._question = question
        self._to_ask = to_ask
        self._survey = survey
        self._notes = notes
        self._tools = tools
        self._remembering = remembering
        self._exports = exports
        self._strategy: PerCustomer | None = None
        self.ghost: Ghost | None = None
        self.ghost_asked_at = tools.now()

    def pull(self) -> Pulled:
        """Ask for everybody the sink does not hold.

        :raises VoucherifyError: what stopped the run early, with all answers up to then held.
        """
        pulled = self._pull()
        if self._question.is_about_everyone:
            self._delete_export()
        return pulled

    def _delete_export(self) -> None:
        """Delete the export of everyone; the pull is whole, so what stops calls now does not stop it."""
        try:
            Exports(self._tools, self._exports).delete(EVERYONE)
        except RunInterrupted:
            raise
        except VoucherifyError as error:
            log.warning("The export of everyone is left, delete it in the dashboard: %s", error)

    def _pull(self) -> Pulled:
        scope = Scope(self._question.is_about_everyone, self._survey.segment_ids)
        everyone = self._everyone() if self._question.is_about_everyone else {}
        asked, to_ask = self._question.customer_ids, self._to_ask
        if asked is None:
            asked = list(everyone)
            to_ask = self._left_of(asked)
        if not to_ask and self._notes.believed is None:
            return Pulled(scope)
        if self._begin_with_ghost():
            to_ask = self._left_of(asked)
        to_ask = self._without_doubles(to_ask)
        self._strategy = strategy = self._strategy_for(everyone, len(asked), len(self._tools.sink.done()))
        first = self._ask_first(strategy, to_ask) if self._is_to_be_judged(to_ask) else Fetched()
        if self._survey.is_right_project and self._notes.begun_with != len(asked):
            self._notes.begin(len(asked))
        known = {answer.customer_id for answer in first.answers}
        rest = (customer_id for customer_id in to_ask if customer_id not in known)
        self._ask_all(strategy, AskAhead(strategy, rest, self._tools.chunk_size, first))
        return Pulled(scope)

    def _left_of(self, asked: Sequence[str]) -> Sequence[str]:
        """Return those the sink holds no answer of; who failed in an earlier part of the try is not asked again."""
        return missing_of(missing_of(asked, self._tools.sink.done()), failed_of(self._tools.sink))

    def _everyone(self) -> Mapping[str, str | None]:
        """Return the merchant's id of everyone Voucherify knows, by Voucherify's."""
        everyone, found = self._survey.everyone, dict[str, str | None]()
        assert everyone is not None, "the survey begins the list of everyone"

        def find(customers: Iterator[Customer]) -> None:
            found.update((customer.id, customer.source_id) for customer in customers)

        # A later part of the try needs all of them again, and is not to wait for another file.
        tools, keeps = self._tools, self._tools.may_defer
        if self._question.may_export_everyone and read_everyone(tools, self._exports, everyone, find, keeps=keeps):
            return found
        return self._tools.run(everyone.rest(self._remembering))

    def _strategy_for(self, everyone: Mapping[str, str | None], asked: int, held: int) -> PerCustomer:
        progress = self._tools.progress(asked, held, "customer")
        return PerCustomer(
            self._tools.client,
            workers=self._tools.workers,
            now=self._tools.now,
            on_answer=lambda answer: progress.answer(failed=answer.outcome is Outcome.FAILED),
            judge_first=not held,
            failed_before=[] if held else self._failed_before(),
            ghost=self.ghost,
            only=self._survey.segment_ids,
            source_ids=everyone,
            halves=self._notes.halves if self._tools.is_resumed else None,
        )

    def _failed_before(self) -> list[str | None]:
        """Return why customers failed who were asked for: who could not be looked up tells nothing of these."""
        told = self._notes.resolved
        not_told = IdSet(one for one in self._survey.ids_to_resolve if one not in told)
        failed = self._tools.sink.failed(limit=MOST_FAILURES_AT_FIRST + len(not_told))
        return [one.failure for one in failed if one.customer_id not in not_told][:MOST_FAILURES_AT_FIRST]

    def _begin_with_ghost(self) -> bool:
        """Ask for the ghost; where its answer has changed since an earlier part, drop what that took on trust.

        :returns: whether anything was dropped.
        """
        if self._question.unknown == "keep" or self._question.is_about_everyone:
            return False
        believed, begun = self._notes.believed, self._notes.beginning
        if believed is None and begun is not None and begun.ghost_asked_at is not None and self._tools.is_resumed:
            # It is asked again before anything that was taken on trust is stored.
            self.ghost_asked_at = begun.ghost_asked_at
            self.ghost = Ghost(begun.ghost, doubts_empty_answers=self._doubts_empty_answers)
            return False
        self.ghost = self._tools.run(self._ask_ghost(self._tools.client))
        if believed is None:
            return False
        is_dropped = believed.ghost != self.ghost.segment_ids
        if is_dropped:
            log.info(
                "Segments changed since: asking for %s again, who may be unknown",
                counted(len(believed.customer_ids), "customer"),
            )
            self._tools.sink.forget(believed.customer_ids)
        self._notes.believe(BelievedAnswers(believed.ghost, frozenset()))
        return is_dropped

    async def _ask_ghost(self, client: Sender) -> Ghost:
        self.ghost_asked_at = self._tools.now()
        return await ask_ghost(client, self._tools.rng, doubts_empty_answers=self._doubts_empty_answers)

    @property
    def _doubts_empty_answers(self) -> bool:
        # Of fewer customers the project is not judged: whether any is known shows by asking for each that may not be.
        are_few = len(self._question.customer_ids or ()) < FEWEST_TO_JUDGE
        return are_few or self._question.unknown == "fail"

    def _is_to_be_judged(self, to_ask: Sequence[str]) -> bool:
        """Return whether it is still to be found out if the project is the right one."""
        asked = len(to_ask) + len(self._tools.sink.unknown(limit=FEWEST_TO_JUDGE))
        return self.ghost is not None and not self._survey.is_right_project and asked >= FEWEST_TO_JUDGE

    def _ask_first(self, strategy: PerCustomer, to_ask: Sequence[str]) -> Fetched:
        """Ask for a few customers, chosen by chance, until one is known; nothing is stored before.

        :raises WrongProject: if none is known.
        """
        fetched, held = Fetched(), len(self._tools.sink.done())
        rng = random.Random(self._survey.salt)  # noqa: S311 - it chooses a sample
        chosen = rng.sample(to_ask, min(len(to_ask), _MOST_ASKED_FIRST)) if held < FEWEST_TO_JUDGE else []
        for some in in_parts(chosen, FEWEST_TO_JUDGE):
            with kept_if_interrupted(lambda: self._keep_first(fetched)):
                self._tools.run(strategy.fetch(some, fetched))
            if fetched.stopped_by is not None:
                self._keep_first(fetched)
                raise fetched.stopped_by
            if any(answer.outcome is not Outcome.FAILED for answer in fetched.answers):
                break
        outcomes = {answer.outcome for answer in fetched.answers}
        if not outcomes & self._outcomes_of_known and outcomes != {Outcome.FAILED}:
            unknown = {answer.customer_id for answer in fetched.answers if answer.outcome is Outcome.UNKNOWN}
            others = IdList(one for one in to_ask if one not in unknown)
            earlier = self._tools.sink.unknown(limit=held)
            try:
                self._check_project(others, held + len(fetched.answers), len(earlier) + len(unknown))
            except WindowClosed:
                self._keep_first(fetched)
                raise
            except WrongProject:
                self._tools.sink.forget(set(earlier))
                raise
        self._survey.is_right_project = outcomes != {Outcome.FAILED}
        return fetched

    def _keep_first(self, fetched: Fetched) -> None:
        """Store what came in before the judgement: a later part goes on from it, and so does a later try if somebody
        is known, and with them the project."""
        is_right = bool({answer.outcome for answer in fetched.answers} & self._outcomes_of_known)
        if is_right:
            self._notes.begin(len(self._question.customer_ids or ()))
        if is_right or self._tools.may_defer:
            self._keep([fetched])

    @property
    def _outcomes_of_known(self) -> set[Outcome]:
        """Return the outcomes that only a customer Voucherify knows can have."""
        ghost = self.ghost
        is_told = ghost is None or ghost.segment_ids != frozenset() or ghost.doubts_empty_answers
        return {Outcome.FOUND, Outcome.NO_SEGMENT} if is_told else {Outcome.FOUND}

    def _check_project(self, customer_ids: Sequence[str], asked: int = 0, unknown: int = 0) -> None:
        spent = self._survey.calls + 1 + asked + unknown
        checking = check_project(
            self._remembering,
            customer_ids,
            self._survey.salt,
            calls=MOST_CALLS - spent,
            unknown=unknown,
            everybody=self._question.customer_ids or (),
        )
        self._tools.run(checking)

    def _ask_all(self, strategy: PerCustomer, ahead: AskAhead) -> None:
        with kept_if_interrupted(lambda: self._give_up(ahead)):
            try:
                while (fetched := self._tools.run(ahead.take())) is not None:
                    self._settle(strategy, fetched)
            except VoucherifyError as stop:
                self._tools.run(ahead.end(stop))
                kept = self._keep(ahead.unheld)
                if not isinstance(stop, CustomersUnknown):
                    self._refuse_unknown(kept)
                raise

    def _settle(self, strategy: PerCustomer, fetched: Fetched) -> None:
        """Store a part; those taken on trust are asked again where the ghost's answer has changed.

        :param fetched: holds at any time what is not stored yet.
        :raises VoucherifyError: what stopped the run.
        """
        while fetched.answers:
            if fetched.stopped_by is not None:
                raise fetched.stopped_by
            self._renew_ghost(strategy, fetched)
            again = self._doubted(fetched)
            self._store(fetched, again)
            if again:
                log.info("Segments changed: asking for %s again, who may be unknown", counted(len(again), "customer"))
                self._tools.run(strategy.fetch(again, fetched))
        if fetched.stopped_by is not None:
            raise fetched.stopped_by

    def _renew_ghost(self, strategy: PerCustomer, fetched: Fetched) -> None:
        """Ask for the ghost again if its answer matters and may have changed since."""
        is_fresh = self._tools.now() - self.ghost_asked_at < self._tools.ghost_stays
        if fetched.believed and not is_fresh:
            self.ghost = strategy.ghost = self._tools.run(self._ask_ghost(self._tools.client))

    def _doubted(self, *parts: Fetched) -> list[str]:
        """Return those taken on trust while the ghost's answer was another."""
        segment_ids = self.ghost.segment_ids if self.ghost is not None else None
        # Sets are compared member by member even with themselves, and mostly this is the same one.
        return sorted(
            id_
            for part in parts
            for id_, believed in part.believed.items()
            if believed is not segment_ids and believed != segment_ids
        )

    def _store(self, fetched: Fetched, left_out: Sequence[str]) -> None:
        answers = others_of(fetched.answers, left_out)
        if answers:
            self._tools.sink.write(answers)
        fetched.answers, fetched.believed = [], {}
        self._refuse_unknown(answers)

    def _keep(self, parts: Sequence[Fetched]) -> list[CustomerAnswer]:
        """Store and return the answers of parts that were interrupted, and note who was taken on trust."""
        doubted = self._doubted(*parts)
        believed = {id_ for part in parts for id_ in part.believed}.difference(doubted)
        if believed and self.ghost is not None and self.ghost.segment_ids is not None:
            self._notes.believe(BelievedAnswers(self.ghost.segment_ids, frozenset(believed)))
        answers = others_of([answer for part in parts for answer in part.answers], doubted)
        if answers:
            self._tools.sink.write(answers)
        if self._tools.may_defer and self._strategy is not None:
            new = {id_: half for part in parts for id_, half in part.halves.items()}
            self._notes.halve({**self._strategy.halves, **new})
        for part in parts:
            part.answers, part.believed = [], {}
        return answers

    def _give_up(self, ahead: AskAhead) -> None:
        self._tools.run(ahead.close())
        self._keep(ahead.unheld)

    def _refuse_unknown(self, answers: Sequence[CustomerAnswer]) -> None:
        accepted = self._question.unknown
        if accepted == "fail" and any(answer.outcome is Outcome.UNKNOWN for answer in answers):
            refuse_unknown(accepted, self._tools.sink)

    def _without_doubles(self, to_ask: Sequence[str]) -> Sequence[str]:
        """Return whom to ask for, each customer under one name only."""
        to_resolve = self._survey.ids_to_resolve
        if not to_resolve:
            return to_ask
        if self._is_to_be_judged(to_ask):
            self._check_project(to_ask)
            self._survey.is_right_project = True
        told, failed = self._notes.resolved, failed_of(self._tools.sink)
        failed |= self._resolve([one for one in to_resolve if one not in told and one not in failed])
        told = self._notes.resolved
        asked_customers = AskedCustomers(self._question.customer_ids)
        asked_customers.members([customer for customer in told.values() if customer is not None])
        if asked_customers.aliases:
            log.info("Given under two names, asked about once: %s", counted(len(asked_customers.aliases), "customer"))
        sink = self._tools.sink
        forget_aliases(sink, asked_customers)
        left_out, done = asked_customers.aliases | failed, sink.done()
        return [one for one in to_ask if one not in left_out and one not in done]

    def _resolve(self, to_resolve: Sequence[str]) -> set[str]:
        """Find out whom ids stand for, chunk by chunk, and store it; return those that failed."""
        lookup, failed = Lookup(self._tools.client, workers=self._tools.workers), set[str]()
        for part in in_parts(to_resolve, self._tools.part_size):
            failed |= self._resolve_part(lookup, part)
        return failed

    def _resolve_part(self, lookup: Lookup, part: Sequence[str]) -> AbstractSet[str]:
        resolved = Resolved()
        with kept_if_interrupted(lambda: self._notes.resolve(resolved.told)):
            self._tools.run(lookup.resolve(part, resolved))
        self._notes.resolve(resolved.told)
        self._store(Fetched(self._answers_of(resolved)), ())
        if resolved.stopped_by is not None:
            raise resolved.stopped_by
        return resolved.failed.keys()

    def _answers_of(self, resolved: Resolved) -> list[CustomerAnswer]:
        now, done = self._tools.now(), self._tools.sink.done()
        unknown = resolved.unknown if self._question.unknown != "keep" else set[str]()
        failed = {one: why for one, why in resolved.failed.items() if one not in done}
        return [
            *(CustomerAnswer(one, now, Outcome.UNKNOWN) for one in sorted(unknown)),
            *(CustomerAnswer(one, now, Outcome.FAILED, failure=why) for one, why in sorted(failed.items())),
        ]
