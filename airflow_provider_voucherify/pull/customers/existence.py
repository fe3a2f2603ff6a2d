"""Which customers Voucherify knows: it answers for those it does not as if they had an empty profile."""

from __future__ import annotations

import logging
import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from airflow_provider_voucherify.api.calls.call import Sender, ask
from airflow_provider_voucherify.api.calls.reads import get_customer, get_customer_segments
from airflow_provider_voucherify.api.errors import CustomersUnknown, NotFound
from airflow_provider_voucherify.api.id_text import ends_in_blanks
from airflow_provider_voucherify.api.models import Segment
from airflow_provider_voucherify.load.base import Sink
from airflow_provider_voucherify.pull.plan.question import UnknownCustomers, masked

log = logging.getLogger(__name__)

_SHOWN_IDS = 3
_LOOKED_AT_FIRST = 100


@dataclass(frozen=True, slots=True)
class Ghost:
    """What Voucherify answers for a customer that cannot exist.

    :param segment_ids: the segments an empty profile matches; ``None`` if such a customer is refused with a 404.
    :param doubts_empty_answers: whether a customer in no segment is suspect too where the ghost is in none.
    """

    segment_ids: frozenset[str] | None
    doubts_empty_answers: bool = False

    def resembles(self, segments: Sequence[Segment]) -> bool:
        """Return whether an answer may be that of a customer Voucherify does not know.

        Where it is empty nothing depends on it: such a customer has no rows either way.
        """
        ids = self.segment_ids
        if ids is None or not self.might_resemble(segments):
            return False
        for one in segments:
            if one.id not in ids:  # told by the first segment, mostly
                return False
        return len({one.id for one in segments}) == len(ids)

    def might_resemble(self, segments: Sequence[Segment]) -> bool:
        """Return whether an answer would matter if it were that of a customer Voucherify does not know."""
        return self.segment_ids is not None and bool(segments or self.doubts_empty_answers)


async def ask_ghost(client: Sender, rng: random.Random, *, doubts_empty_answers: bool) -> Ghost:
    """Return what Voucherify answers for a customer that cannot exist, for one call.

    :param doubts_empty_answers: see :class:`Ghost`.
    """
    try:
        segments = await ask(client, get_customer_segments(f"no-such-customer-{rng.getrandbits(128):032x}"))
    except NotFound:
        return Ghost(None)
    return Ghost(frozenset(segment.id for segment in segments), doubts_empty_answers)


async def is_known(client: Sender, customer_id: str) -> bool:
    """Return whether Voucherify knows a customer, for one call."""
    try:
        await ask(client, get_customer(customer_id))
    except NotFound:
        return False
    return True


def nobody_known(customers: Sequence[str]) -> CustomersUnknown:
    """Return the error for a run none of whose customers Voucherify knows."""
    return CustomersUnknown(
        f"Voucherify knows none of the {len(customers):,} customers of this run. Check login, password and host of the "
        f"connection, and one of the ids in the Voucherify dashboard{blanks_hint(customers)}"
    )


def refuse_nobody_known(unknown: Collection[str], customers: Collection[str]) -> None:
    """Let a run pass that is about somebody Voucherify knows, or about nobody; say in the log that this one is not.

    :param unknown: those of the customers Voucherify does not know.
    :raises CustomersUnknown: if it knows none of them.
    """
    if customers and len(unknown) == len(customers):
        problem = nobody_known([*unknown])
        log.error("%s", problem)
        raise problem


def blanks_hint(unknown: Iterable[str]) -> str:
    """Return what to do about unknown ids that end in blanks, behind another sentence; nothing if there are none."""
    padded = sum(map(ends_in_blanks, unknown))
    if not padded:
        return ""
    return (
        f". {padded:,} of the ids end in blanks, as columns of a fixed length (CHAR) give them, and are others than "
        "without: write TRIM(...) in the query, or .rstrip()"
    )


def knows_nobody(sink: Sink) -> Sequence[str]:
    """Return all customers the sink holds if Voucherify knows none of them, else nobody."""
    answered = len(sink.done())
    # Few first: there may be millions that are known.
    if not answered or len(sink.unknown(limit=min(answered, _LOOKED_AT_FIRST))) < min(answered, _LOOKED_AT_FIRST):
        return ()
    unknown = sink.unknown(limit=answered)
    return unknown if len(unknown) == answered else ()


def refuse_unknown(accepted: UnknownCustomers, sink: Sink) -> None:
    """Fail if the sink holds customers Voucherify does not know, and none is accepted; a later try asks again.

    :param accepted: what becomes of unknown customers.
    :raises CustomersUnknown: if it does.
    """
    if accepted != "fail":
        return
    asked = len(sink.done())
    if unknown := sink.unknown(limit=asked):
        sink.forget(set(unknown))
        raise unknown_customers(unknown, asked)


def unknown_customers(ids: Sequence[str], asked: int) -> CustomersUnknown:
    """Return the error for a run that accepts no unknown customers."""
    shown = ", ".join(masked(customer_id) for customer_id in ids[:_SHOWN_IDS])
    return CustomersUnknown(
        f"Voucherify does not know {len(ids):,} of {asked:,} customers asked so far ({shown}), and "
        'unknown_customers="fail" accepts none; remove them, or write unknown_customers="drop", and read in the '
        f"summary's unknown_sample who they are{blanks_hint(ids)}"
    )
