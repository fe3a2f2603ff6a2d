"""Which customers Voucherify knows: it answers for those it does not as if they had an empty profile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from airflow_provider_voucherify.api.endpoints import Sender, get_customer, segments_of_customer
from airflow_provider_voucherify.api.errors import CustomersUnknown, NotFound, VoucherifyError, WrongProject
from airflow_provider_voucherify.api.models import Customer, Segment
from airflow_provider_voucherify.extract.question import masked

#: So many of the first customers have to be unknown for the project to be taken for the wrong one.
MOST_CANARIES = 9
#: Of fewer customers, all may well be unknown in the right project.
FEWEST_TO_JUDGE = 5
_SHOWN_IDS = 3


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
        if self.segment_ids is None or not (segments or self.doubts_empty_answers):
            return False
        return {segment.id for segment in segments} == self.segment_ids


async def ask_ghost(client: Sender, rng: random.Random, *, doubts_empty_answers: bool = False) -> Ghost:
    """Return what Voucherify answers for a customer that cannot exist, for one call.

    :param client: sends the call.
    :param rng: gives the id.
    :param doubts_empty_answers: see :class:`Ghost`.
    """
    try:
        segments = await segments_of_customer(client, f"no-such-customer-{rng.getrandbits(128):032x}")
    except NotFound:
        return Ghost(None)
    return Ghost(frozenset(segment.id for segment in segments), doubts_empty_answers)


async def is_known(client: Sender, customer_id: str) -> bool:
    """Return whether Voucherify knows a customer, for one call."""
    try:
        await get_customer(client, customer_id)
    except NotFound:
        return False
    return True


async def check_project(client: Sender, customer_ids: Sequence[str]) -> None:
    """Ask for the first customers one by one until one is known, usually for one call.

    :raises WrongProject: if none of them is.
    """
    first = customer_ids[:MOST_CANARIES]
    for customer_id in first:
        if await is_known(client, customer_id):
            return
    raise wrong_project(len(first))


def wrong_project(asked: int) -> WrongProject:
    """Return the error for a project that knows none of the customers."""
    return WrongProject(
        f"Voucherify knows none of the first {asked:,} customers: most likely the connection's keys are those of "
        "another project, or its host that of another region; otherwise the ids are of another kind. Check login, "
        "password and host of the connection, and one of the ids in the Voucherify dashboard. If it is meant to be "
        'so, write unknown_customers="keep"'
    )


def unknown_customers(unknown: Iterable[str], asked: int) -> CustomersUnknown:
    """Return the error for a run that accepts no unknown customers."""
    ids = sorted(unknown)
    shown = ", ".join(masked(customer_id) for customer_id in ids[:_SHOWN_IDS])
    return CustomersUnknown(
        f"Voucherify does not know {len(ids):,} of {asked:,} customers asked so far ({shown}), and "
        'unknown_customers="fail" accepts none; remove them, or write unknown_customers="drop"'
    )


@dataclass(slots=True)
class Resolved:
    """What Voucherify knows under some ids.

    :param known: the customers, by the id asked for.
    :param unknown: ids it knows nobody under.
    :param failed_by: why the others were not resolved, ``None`` if there are no others.
    """

    known: dict[str, Customer] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    failed_by: VoucherifyError | None = None


async def resolve(client: Sender, customer_ids: Sequence[str], *, workers: int) -> Resolved:
    """Return what Voucherify knows under some ids, for one call each.

    :param client: sends the calls.
    :param customer_ids: distinct ids.
    :param workers: the most calls in flight.
    """
    resolved = Resolved()
    queue = iter(customer_ids)
    async with asyncio.TaskGroup() as group:
        for _ in range(min(workers, len(customer_ids))):
            group.create_task(_resolve(client, queue, resolved))
    return resolved


async def _resolve(client: Sender, queue: Iterator[str], resolved: Resolved) -> None:
    for customer_id in queue:
        try:
            resolved.known[customer_id] = await get_customer(client, customer_id)
        except NotFound:
            resolved.unknown.add(customer_id)
        except VoucherifyError as error:
            resolved.failed_by = resolved.failed_by or error
        if resolved.failed_by is not None:
            return
