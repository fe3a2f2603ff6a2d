"""Answers and pages as rows of a staging table; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TypeAlias, TypeVar

from airflow_provider_voucherify.api.models import CustomerAnswer, Outcome, Segment
from airflow_provider_voucherify.load.sql import statements
from airflow_provider_voucherify.load.summary import as_utc, memberships

T = TypeVar("T")

#: Drivers may ask for a text that is nothing else.
_TEXTS = {outcome: outcome.value for outcome in Outcome}

#: SQLite before 3.32 takes 999 bound values in a statement.
IDS_PER_STATEMENT = 500
ROWS_PER_INSERT = 10_000
ROWS_PER_FETCH = 10_000

#: In the order of the staging table's columns: kind, customer, segment, its name, outcome, source id, detail, time.
Row: TypeAlias = tuple[str, str, str, str, str, str | None, str, datetime]


def rows_of(answers: Iterable[CustomerAnswer]) -> Iterator[Row]:
    """Return an answer's row and those of its memberships, for each answer."""
    for answer in answers:  # as Voucherify gave them: all of an answer was observed at once
        customer_id, moment = answer.customer_id, as_utc(answer.observed_at)
        outcome, detail = outcome_of(answer)
        yield (statements.ANSWER, customer_id, "", "", outcome, None, detail, moment)
        for segment in memberships(answer):
            yield membership_row(customer_id, segment, moment, answer.source_id)


def outcome_of(answer: CustomerAnswer) -> tuple[str, str]:
    """Return an answer's outcome as text, and why it failed, if it did."""
    if answer.outcome is Outcome.FAILED:
        return Outcome.FAILED.value, answer.failure or "failed"
    return _TEXTS[answer.outcome], ""


def membership_row(
    customer_id: str, segment: Segment, observed_at: datetime, source_id: str | None, detail: str = ""
) -> Row:
    """Return the row of a customer in a segment.

    :param observed_at: in UTC.
    :param detail: where the row may be there twice, a text that is greater for the one that came later.
    """
    # There are far more of these and of answers' than of other kinds: written out, as ``row`` takes twice as long.
    return (statements.MEMBERSHIP, customer_id, segment.id, segment.name, "", source_id, detail, observed_at)


def row(
    kind: str,
    observed_at: datetime,
    *,
    customer_id: str = "",
    segment_id: str = "",
    segment_name: str = "",
    source_id: str | None = None,
    outcome: str = "",
    detail: str = "",
) -> Row:
    """Return a row of any kind."""
    return (kind, customer_id, segment_id, segment_name, outcome, source_id, detail, as_utc(observed_at))
