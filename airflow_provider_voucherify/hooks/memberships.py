"""The segments of many customers as a DataFrame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from airflow_provider_voucherify.api.errors import InvalidCustomerId, InvalidCustomers, VoucherifyError
from airflow_provider_voucherify.api.models import CustomerAnswer, Outcome
from airflow_provider_voucherify.hooks.client_runner import ClientRunner
from airflow_provider_voucherify.load.columns import COLUMNS
from airflow_provider_voucherify.load.xcom.rows import rows_told
from airflow_provider_voucherify.pull.customers.sources import distinct_ids
from airflow_provider_voucherify.pull.customers.upstream import id_list
from airflow_provider_voucherify.pull.per_customer.ask import PerCustomer
from airflow_provider_voucherify.pull.tools import utc_now

if TYPE_CHECKING:
    import pandas as pd

    from airflow_provider_voucherify.api.calls.call import Sender
    from airflow_provider_voucherify.api.http.client import Client

_IDS = "write a list of ids; a CustomerQuery is run by an operator only, see CustomerSegmentsOperator(...).estimate()"
_NAMES = [column.name for column in COLUMNS]


class SomeCustomersFailed(VoucherifyError):
    """Some customers could not be asked to the end; nothing is returned rather than a part."""

    concerns_connection = False

    retryable = True


def require_pandas() -> None:
    """Make sure that pandas is there before calls are spent.

    :raises ImportError: naming the extra to install.
    """
    try:
        import pandas  # noqa: F401 - only importing it shows whether it works
    except ImportError:
        raise ImportError(
            "a DataFrame needs pandas, which is not installed: pip install 'airflow-provider-voucherify[pandas]'"
        ) from None


def checked_ids(customer_ids: object, what: str = "customer_ids") -> list[str]:
    """Return each id once, in the order of their first appearance.

    :param what: the argument's name.
    :raises InvalidCustomerId: if one of them cannot be asked for, or they are no list.
    """
    try:
        ids = id_list(customer_ids, what, _IDS)
    except InvalidCustomers as error:
        raise InvalidCustomerId(str(error)) from None
    return distinct_ids(ids, what)


async def ask_all(client: Sender, customer_ids: Sequence[str], *, workers: int) -> list[CustomerAnswer]:
    """Return an answer for each customer, in the order of the ids.

    :param customer_ids: distinct ids.
    :param workers: the most calls in flight.
    :raises VoucherifyError: if any customer could not be asked to the end.
    """
    strategy = PerCustomer(client, workers=workers, now=utc_now, on_answer=lambda _: None)
    fetched = await strategy.fetch(customer_ids)
    if fetched.stopped_by is not None:
        raise fetched.stopped_by
    failures = Counter(answer.failure for answer in fetched.answers if answer.outcome is Outcome.FAILED)
    if failures:
        reasons = ", ".join(f"{reason}: {count}" for reason, count in failures.most_common())
        raise SomeCustomersFailed(f"{failures.total():,} of {len(customer_ids):,} customers failed ({reasons})")
    place = {customer_id: position for position, customer_id in enumerate(customer_ids)}
    return sorted(fetched.answers, key=lambda answer: place[answer.customer_id])


def frame_from(
    opening: AbstractAsyncContextManager[Client], customer_ids: Sequence[str], *, workers: int
) -> pd.DataFrame:
    """Return one row for each customer and segment they are in, for one call per customer.

    :param opening: a client to be opened; closed in the end.
    :param customer_ids: distinct ids.
    :param workers: the most calls in flight.
    :raises VoucherifyError: if any customer could not be asked to the end.
    """
    with ClientRunner(opening) as runner:
        answers = runner.run(ask_all(runner.client, customer_ids, workers=workers))
    return frame_of(answers)


def frame_of(answers: Iterable[CustomerAnswer]) -> pd.DataFrame:
    """Return one row for each customer and segment; ``observed_at`` is UTC."""
    import pandas as pd

    rows = [[getattr(row, name) for name in _NAMES] for row in rows_told(answers)]
    frame = pd.DataFrame(rows, columns=_NAMES)
    if not rows:  # a column without values has no type of its own
        frame = frame.astype(dict.fromkeys((one.name for one in COLUMNS if one.type != "moment"), "str"))
    frame["observed_at"] = pd.to_datetime(frame["observed_at"], utc=True).dt.as_unit("us")
    return frame
