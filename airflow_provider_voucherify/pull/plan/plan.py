"""Pure: the way that takes the fewest calls, with its cost and the reason in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from airflow_provider_voucherify.api.errors import PlanTooDear
from airflow_provider_voucherify.api.id_text import is_voucherify_id
from airflow_provider_voucherify.api.ids import IdList
from airflow_provider_voucherify.api.lists.customers import calls_for
from airflow_provider_voucherify.pull.progress import counted, duration

T = TypeVar("T")

WayName: TypeAlias = Literal["per_customer", "per_segment", "export"]

#: Finding out what listing segments costs is worth a try only for so many times as many customers.
WORTH_PROBING = 10


@dataclass(frozen=True, slots=True)
class Way:
    """A way to the answer.

    :param calls: what it takes from the begin of this try, what was spent on finding out included, if no call fails;
        ``None`` if it cannot be told.
    :param bound: what is said of the number: it is a lower bound where finding out more was of no use, or where
        customers Voucherify may not know cost a call more each; it is an estimate where checks may turn out fewer.
    :param most: what it takes if every file of an export is refused and its list read instead; ``None`` without files.
    """

    name: WayName
    calls: int | None
    bound: Literal["", "or more", "about"] = ""
    most: int | None = None

    def __str__(self) -> str:
        if self.calls is None:
            return f"{self.name} an unknown number of calls"
        about, more = ("about " if self.bound == "about" else ""), (" or more" if self.bound == "or more" else "")
        if self.most is not None:
            return f"{self.name} about {self.calls:,}, at most {counted(self.most, 'call')}{more}"
        return f"{self.name} {about}{counted(self.calls, 'call')}{more}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The way a run takes, and what the others would have cost.

    :param customers: how many are asked about; ``None`` if it is everyone and Voucherify does not say how many.
    :param held: how many of them are held from an earlier try.
    :param reason: why this one, where the costs do not tell.
    :param per_minute: calls a minute that may be made, if known.
    :param memberships: how many the answer holds at least, as far as the lists to be read tell.
    :param unchanged: static segments that lost nobody since they were read: they are not listed again.
    """

    customers: int | None
    held: int
    strategy: WayName
    ways: tuple[Way, ...]
    reason: str = ""
    per_minute: float | None = None
    memberships: int = 0
    unchanged: int = 0

    @property
    def calls(self) -> int | None:
        """Return the calls the way taken costs, ``None`` if it cannot be told."""
        return next(way.calls for way in self.ways if way.name == self.strategy)

    @property
    def most_calls(self) -> int | None:
        """Return the calls the way taken costs at most, ``None`` if it cannot be told."""
        most = next(way.most for way in self.ways if way.name == self.strategy)
        return self.calls if most is None else most

    @property
    def seconds(self) -> float | None:
        """Return about how long it takes, ``None`` if calls or rate are not known."""
        return None if self.calls is None or not self.per_minute else self.calls / self.per_minute * 60

    def __str__(self) -> str:
        who = "everyone" if self.customers is None else counted(self.customers, "customer")
        held = f", {self.held:,} of them held from an earlier try" if self.held else ""
        same = f", {counted(self.unchanged, 'static segment')} unchanged" if self.unchanged else ""
        chosen = f" → {self.strategy}" if len(self.ways) > 1 else ""
        reason = f" ({self.reason})" if self.reason else ""
        took = f", about {duration(self.seconds)} at {self.per_minute:,.0f}/min" if self.seconds is not None else ""
        return f"{who}{held}{same}: {', '.join(str(way) for way in self.ways)}{chosen}{took}{reason}"


def cheaper(*ways: Way) -> WayName:
    """Return the way that takes the fewest calls, the first of those; one whose cost cannot be told is not taken if
    another's can."""
    told = [way for way in ways if way.calls is not None]
    return min(told, key=lambda way: way.calls or 0).name if told else ways[0].name


def check_affordable(plan: Plan, max_calls: int | None) -> None:
    """Let a plan pass if it takes no more calls than allowed.

    :raises PlanTooDear: if it takes more, or nobody knows how many.
    """
    if max_calls is not None and (plan.most_calls is None or plan.most_calls > max_calls):
        raise PlanTooDear(
            f"max_calls allows {max_calls:,} calls, and the plan is: {plan}; raise max_calls, ask about fewer "
            "customers, or restrict the answer with segments=[...]"
        )


def resolving(customer_ids: Sequence[str]) -> Sequence[str]:
    """Return the ids to resolve so that nobody given under two names is asked about twice.

    Voucherify's ids begin with ``cust_``. Where only these or only others are given there is nothing to resolve;
    where both are, the rarer kind is.

    :param customer_ids: distinct ids.
    """
    voucherifys = sum(map(is_voucherify_id, customer_ids))
    if voucherifys in (0, len(customer_ids)):
        return ()
    are_rarer = 2 * voucherifys <= len(customer_ids)
    return IdList(customer_id for customer_id in customer_ids if is_voucherify_id(customer_id) == are_rarer)


def existence_calls(unlisted: int, everyone: int | None) -> int:
    """Return the most calls it takes to tell which of some customers exist: one each, or a walk over everyone.

    :param everyone: customers of the project, ``None`` if not known.
    """
    return unlisted if everyone is None else min(unlisted, calls_for(everyone))


def part_of(chunk_size: int) -> int:
    """Return how many customers' answers, or pages, are stored at a time: half a chunk, as the next may be asked for.

    :param chunk_size: what a killed try may have to ask for again at most.
    """
    return (chunk_size + 1) // 2
