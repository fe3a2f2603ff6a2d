"""A pull from the question to answers in the sink: see what is held, plan, ask."""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_voucherify.extract.customer_run import CustomerRun
from airflow_provider_voucherify.extract.listing import Terms, stored_salt
from airflow_provider_voucherify.extract.means import Means, Pulled
from airflow_provider_voucherify.extract.plan import Plan, check_affordable
from airflow_provider_voucherify.extract.question import Question
from airflow_provider_voucherify.extract.roster import Roster
from airflow_provider_voucherify.extract.sample import Sample
from airflow_provider_voucherify.extract.segment_run import SegmentRun
from airflow_provider_voucherify.extract.survey import Held, Survey


class Pull:
    """One try of a pull.

    :param question: what is asked.
    :param means: client, sink and the like.
    :param rate: calls a minute that may be made, ``None`` if not known.
    """

    def __init__(self, question: Question, means: Means, rate: Callable[[], float | None]) -> None:
        self._question = question
        self._means = means
        self._rate = rate
        self._held = self._what_is_held()
        self._terms = Terms(Roster(question.customer_ids), question.digest, self._sample(), means.now)
        # Patient: what it finds out is not stored, and might use up every window that it is deferred to.
        self._survey = Survey(question, self._held, self._terms, means.patient)

    @property
    def held(self) -> int:
        """Return how many customers an earlier try answered."""
        return self._held.answered

    def plan(self) -> Plan:
        """Find out which way takes the fewest calls.

        :raises PlanTooDear: if it takes more than allowed.
        """
        plan = self._means.run(self._survey.plan(self._rate))
        check_affordable(plan, self._question.max_calls)
        return plan

    def carry_out(self, plan: Plan) -> Pulled:
        """Ask what the sink does not hold.

        :raises VoucherifyError: what stopped the run early, with all that was found up to then held.
        """
        if plan.strategy == "per_customer":
            return CustomerRun(self._question, self._survey, self._means).pull()
        return SegmentRun(self._question, self._survey, self._held, self._terms, self._means).pull()

    def _what_is_held(self) -> Held:
        sink, ids = self._means.sink, self._question.customer_ids
        done = sink.done()
        if ids is None:
            return Held((), len(done), dict(sink.walks()))
        if not_asked_for := done - set(ids):
            sink.forget(not_asked_for)
        to_ask = [customer_id for customer_id in ids if customer_id not in done]
        return Held(to_ask, len(done) - len(not_asked_for), dict(sink.walks()))

    def _sample(self) -> Sample:
        salt = stored_salt(self._held.walks) or f"{self._means.rng.getrandbits(64):016x}"
        return Sample(self._question.verify_sample, salt)
