"""A pull from the question to answers in the sink: see what is held, plan, ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain

from airflow_provider_voucherify.api.errors import WindowClosed
from airflow_provider_voucherify.api.ids import DistinctIds
from airflow_provider_voucherify.load.base import StoredWalk, failed_of, segment_walks
from airflow_provider_voucherify.pull.clients import Cap, RememberingClient
from airflow_provider_voucherify.pull.customers.asked_customers import AskedCustomers, Sample
from airflow_provider_voucherify.pull.customers.project import FEWEST_TO_JUDGE
from airflow_provider_voucherify.pull.notes import Beginning, RunNotes
from airflow_provider_voucherify.pull.per_customer.run import CustomerRun
from airflow_provider_voucherify.pull.per_export.fetch import Exports
from airflow_provider_voucherify.pull.per_export.notes import EVERYONE, ExportNotes
from airflow_provider_voucherify.pull.per_segment.listing import (
    Terms,
    not_gone_on_with,
    stored_salt,
    stored_sample_size,
)
from airflow_provider_voucherify.pull.per_segment.run import SegmentRun
from airflow_provider_voucherify.pull.plan.plan import WORTH_PROBING, Plan, check_affordable, resolving
from airflow_provider_voucherify.pull.plan.question import Question
from airflow_provider_voucherify.pull.plan.survey import HeldBefore, Survey
from airflow_provider_voucherify.pull.result import Pulled
from airflow_provider_voucherify.pull.tools import PullTools


class Pull:
    """One try of a pull.

    :param tools: client, sink and the like.
    :param rate: calls a minute that may be made, ``None`` if not known.
    """

    def __init__(self, question: Question, tools: PullTools, rate: Callable[[], float | None]) -> None:
        self._question = question
        cap = Cap(question.max_calls, tools.spent, is_kept=tools.sink.is_durable)
        self._tools = tools = replace(tools, client=cap.over(tools.client))
        self._rate = rate
        self._notes = RunNotes(tools.sink, tools.now)
        self._beginning = self._begun_so()
        self._exports = ExportNotes(tools.sink, tools.now)
        self._held = self._what_is_held()
        self._terms = Terms(question, AskedCustomers(question.customer_ids), self._sample(), tools.now)
        held = {} if self._beginning is None else self._notes.answers
        self._remembering = RememberingClient(tools.client, held, tools.now, keeps=tools.may_defer)
        if question.may_export or self._exports.totals:
            self._remembering.forget("/v1/segments")  # their filters, which may quote emails, are not kept
        totals = self._exports.totals
        static = tools.sink.static_lists() if question.is_about_everyone and question.wanted != "per_customer" else ()
        self._survey = Survey(question, self._held, self._terms, self._remembering, self._beginning, totals, static)

    @property
    def held(self) -> int:
        """Return how many customers an earlier try answered."""
        return self._held.answered

    def plan(self) -> Plan:
        """Find out which way takes the fewest calls.

        :raises PlanTooDear: if it takes more than allowed.
        """
        with self._kept_for_the_next_part():
            self._delete_earlier_exports()
            plan = self._tools.run(self._survey.plan(self._rate))
        check_affordable(plan, self._question.max_calls)
        return plan

    def carry_out(self, plan: Plan) -> Pulled:
        """Ask what the sink does not hold.

        :raises VoucherifyError: what stopped the run early, with all that was found up to then held.
        """
        if plan.strategy != "export":  # whose files are compared with them
            self._remembering.forget_lists_of_segments()
        if plan.strategy == "per_customer":
            run = CustomerRun(
                self._question,
                self._held.to_ask,
                self._survey,
                self._notes,
                self._tools,
                self._remembering,
                self._exports,
            )
            with self._kept_for_the_next_part(run):
                return run.pull()
        with self._kept_for_the_next_part():
            tools, remembering, exports = self._tools, self._remembering, self._exports
            lists = SegmentRun(self._question, self._survey, self._held, self._terms, tools, remembering, exports)
            return lists.pull(by_exports=plan.strategy == "export")

    def _delete_earlier_exports(self) -> None:
        """Delete the exports of everyone earlier tries left, whose files lack who joined since, and those in whose
        place others were asked for."""
        if not self._tools.is_resumed:
            # Before any call: were the worker given back in between, the next part would take the file for this try's.
            self._exports.set_aside([EVERYONE])
        Exports(self._tools, self._exports).delete_set_aside()

    @contextmanager
    def _kept_for_the_next_part(self, run: CustomerRun | None = None) -> Iterator[None]:
        """Note what is of use as a whole only, if the worker is given back before it is whole."""
        try:
            yield
        except WindowClosed:
            if self._tools.may_defer:
                ghost = run.ghost if run is not None else None
                ghost_segments = None if ghost is None else ghost.segment_ids
                asked_at = None if run is None or ghost is None else run.ghost_asked_at
                salt = self._terms.sample.salt
                self._forget_what_was_not_believed()
                self._notes.add_answers(self._remembering.new)
                totals, failed_parts = self._survey.totals, self._survey.failed_parts
                self._notes.begin_so(Beginning(salt, totals, ghost_segments, asked_at, failed_parts))
            raise

    def _forget_what_was_not_believed(self) -> None:
        """Let a later part ask again for lists that did not begin as lists do: the next answer may be another."""
        refused: set[str | None] = {one.segment.id for one in self._survey.listings or () if one.is_refused}
        if self._survey.is_everyone_refused:
            refused.add(None)
        self._remembering.forget_lists(refused)

    def _begun_so(self) -> Beginning | None:
        if self._tools.is_resumed:
            return self._notes.beginning
        self._notes.forget_earlier_try()
        return None

    def _what_is_held(self) -> HeldBefore:
        sink, ids = self._tools.sink, self._question.customer_ids
        walks = segment_walks(sink.walks())
        if ids is None:
            # They are asked again, listed, or deleted; but not asked again by a later part of the same try.
            if not walks and not self._tools.is_resumed and (failed := failed_of(sink)):
                sink.forget(failed)
            return HeldBefore((), self._settled, walks, exports=self._exports.held)
        to_ask = self._compared_with_held(ids, walks)
        is_right_project = self._notes.begun_with is not None or bool(walks)
        told = self._notes.resolved
        resolved = sum(one in told for one in resolving(ids)) if told else 0
        return HeldBefore(to_ask, self._settled, walks, is_right_project, resolved, self._exports.held)

    @property
    def _settled(self) -> int:
        """Return how many customers the try does not ask for any more."""
        sink = self._tools.sink
        return len(sink.done()) + (sink.failed_count() if self._tools.is_resumed else 0)

    def _compared_with_held(self, ids: Sequence[str], walks: Mapping[str, StoredWalk]) -> Sequence[str]:
        """Return those whom the sink holds no answer of, and let it forget what is of no use to this question.

        Who failed is asked again by another try, not by a later part of the same one.
        """
        sink = self._tools.sink
        if not (held := len(sink.done()) + sink.failed_count()):
            return ids
        asked = ids if isinstance(ids, DistinctIds) else DistinctIds(ids)
        failed = failed_of(sink)
        kept = failed if self._tools.is_resumed else set[str]()
        to_ask, forgotten = asked.differences(chain(sink.done(), kept))
        again = failed - kept
        if self._question.unknown == "fail":  # a refused customer may have been added meanwhile
            again.update(sink.unknown(limit=held))
        has_outgrown = not walks and self._has_outgrown(held - len(forgotten | again), ids)
        if not (has_outgrown or forgotten or again):
            return to_ask
        # Their memberships go from the lists too: a later try that asks about them again must not go on with those.
        sink.write_pages(not_gone_on_with(walks, self._question.digest, self._tools.now()))
        # Whom a list names is found: it is not read again for them. Without lists looking would sort all answers.
        named = again - set(sink.unlisted(again)) if walks and again else set[str]()
        sink.forget({*sink.done(), *failed} if has_outgrown else forgotten | (again - named))
        sink.settle(sorted(named), frozenset(), self._tools.now())
        return asked.differences(chain(sink.done(), kept))[0]

    def _has_outgrown(self, held: int, ids: Sequence[str]) -> bool:
        """Return whether so many customers came in since the way was chosen that another may take fewer calls."""
        if self._tools.is_resumed or self._question.wanted != "auto":
            return False
        begun_with = self._notes.begun_with or FEWEST_TO_JUDGE
        return len(ids) > 2 * begun_with and held * WORTH_PROBING <= len(ids)

    def _sample(self) -> Sample:
        noted = self._beginning.salt if self._beginning is not None else None
        salt = stored_salt(self._held.walks) or noted or f"{self._tools.rng.getrandbits(64):016x}"
        wanted, walks = self._question.verify_sample, self._held.walks
        stored = stored_sample_size(walks, self._question.digest) if walks else None
        # Lists that are held know no more of their members than were sampled when they were read.
        return Sample(wanted if stored is None else min(wanted, stored), salt)
