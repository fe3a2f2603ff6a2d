"""What Voucherify may say of customers, and how a run's sink is told it: customer by customer, or list by list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import TypeAlias

from hypothesis import strategies as st

from airflow_provider_voucherify.api.models import CustomerAnswer, Member, MembershipPage, Outcome, Segment
from airflow_provider_voucherify.load.base import Sink
from tests.load.model import SEGMENTS, Job, Ledger

CUSTOMERS = ["anna", "bert", "d'or", "🦊"]
#: Whom lists name though nobody asks, unless everyone is asked about.
BYSTANDER = "🦊"

#: Of each customer the segments, ``None`` for one whose question failed; of those in none, "anna" is unknown.
Said: TypeAlias = dict[str, frozenset[str] | None]
Told: TypeAlias = Callable[[Sink | Ledger], None]

_HELD = st.frozensets(st.sampled_from(SEGMENTS))
_SCOPES = st.one_of(st.none(), st.sets(st.sampled_from(SEGMENTS), min_size=1, max_size=2).map(sorted).map(tuple))
SAID = st.dictionaries(st.sampled_from(CUSTOMERS), st.one_of(_HELD, _HELD, st.none()), min_size=1)
JOBS = st.builds(Job, _SCOPES, st.booleans(), st.booleans())


def chunks(job: Job, said: Said, names: Mapping[str, str], now: datetime) -> Sequence[Told]:
    """Return one call of the sink after the other.

    :param names: of the segments.
    :param now: when it is said.
    """
    answers = [_answer(one, held, names, now) for one, held in said.items()]
    if not job.by_lists:
        return [_write(answers[at : at + 2]) for at in range(0, len(answers), 2)]
    failed = [answer for answer in answers if answer.outcome is Outcome.FAILED]
    lists = [_page(page) for segment in job.covered for page in _pages(Segment(segment, names[segment]), said, now)]
    told = [*lists, _write(failed)] if failed else lists
    if job.everyone:
        return [*told, lambda sink: sink.settle_everyone(len(said) + 2, now)]
    asked = [answer.customer_id for answer in answers if answer not in failed and answer.customer_id != BYSTANDER]
    unknown = {answer.customer_id for answer in answers if answer.outcome is Outcome.UNKNOWN}
    return [*told, _settle(asked[:2], unknown, now), _settle(asked[2:], unknown, now)]


def _answer(one: str, held: frozenset[str] | None, names: Mapping[str, str], now: datetime) -> CustomerAnswer:
    if held is None:
        return CustomerAnswer(one, now, Outcome.FAILED, failure="timeout")
    if not held:
        return CustomerAnswer(one, now, Outcome.UNKNOWN if one == "anna" else Outcome.NO_SEGMENT)
    segments = tuple(Segment(segment, names[segment]) for segment in sorted(held))
    return CustomerAnswer(one, now, Outcome.FOUND, segments)


def _pages(segment: Segment, said: Said, now: datetime) -> Sequence[MembershipPage]:
    """Return a segment's list in two pages."""
    members = [Member(one) for one, held in said.items() if held and segment.id in held]
    return [
        MembershipPage(segment, tuple(members[:1]), now, {}, is_last=False, is_first=True),
        MembershipPage(segment, tuple(members[1:]), now, {}, is_last=True),
    ]


def _write(answers: Sequence[CustomerAnswer]) -> Told:
    return lambda sink: sink.write(answers)


def _page(page: MembershipPage) -> Told:
    return lambda sink: sink.write_pages([page])


def _settle(asked: Sequence[str], unknown: AbstractSet[str], now: datetime) -> Told:
    return lambda sink: sink.settle(asked, unknown, now)
