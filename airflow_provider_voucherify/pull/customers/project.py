"""Whether the connection's keys are those of the customers' project."""

from __future__ import annotations

import random
from collections.abc import Sequence

from airflow_provider_voucherify.api.calls.call import Sender
from airflow_provider_voucherify.api.errors import VoucherifyError, WrongProject
from airflow_provider_voucherify.pull.customers.existence import blanks_hint, is_known
from airflow_provider_voucherify.pull.per_customer.ask import STOPS

#: Of fewer customers, all may well be unknown in the right project.
FEWEST_TO_JUDGE = 5
#: A wrong project costs no more calls than these.
MOST_CALLS = 20


async def check_project(
    client: Sender,
    customer_ids: Sequence[str],
    salt: str,
    *,
    calls: int,
    unknown: int = 0,
    everybody: Sequence[str] = (),
) -> None:
    """Look up customers chosen by chance until one is known: usually one call.

    :param salt: decides which, so that a later part of the try chooses the same.
    :param calls: the most calls to spend; five are spent in any case.
    :param everybody: the run is about, if those not looked up yet are not all.
    :raises WrongProject: if none is known.
    :raises VoucherifyError: if too few of the lookups were answered to say so.
    """
    failed_by: VoucherifyError | None = None
    rng = random.Random(salt)  # noqa: S311 - it chooses a sample
    for customer_id in rng.sample(customer_ids, min(max(calls, FEWEST_TO_JUDGE), len(customer_ids))):
        try:
            if await is_known(client, customer_id):
                return
            unknown += 1
        except STOPS:
            raise
        except VoucherifyError as error:
            failed_by = error
    if failed_by is not None and unknown < FEWEST_TO_JUDGE:
        raise failed_by
    raise wrong_project(unknown, everybody or customer_ids)


def wrong_project(unknown: int, everybody: Sequence[str]) -> WrongProject:
    """Return the error for a project that knows none of the customers looked up."""
    return WrongProject(
        f"Voucherify knows none of {unknown:,} customers chosen by chance: most likely the connection's keys are those "
        "of another project, or its host that of another region; otherwise the ids are of another kind. Check login, "
        "password and host of the connection, and one of the ids in the Voucherify dashboard. If most of the customers "
        f"are not in Voucherify yet, leave those out{blanks_hint(everybody)}"
    )


def empty_project() -> WrongProject:
    """Return the error for a project without a customer, where everyone is asked about."""
    return WrongProject(
        "the project has no customers at all: most likely the connection's keys are those of another project, or its "
        "host that of another region. Check login, password and host of the connection; what was published before is "
        "left as it was"
    )
