"""What a run asks: of whom, about which segments, and what may become of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

from airflow_provider_voucherify.api.errors import InvalidSegments, shown

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.models import Segment

StrategyName: TypeAlias = Literal["auto", "per_customer", "per_segment", "export"]
UnknownCustomers: TypeAlias = Literal["drop", "keep", "fail"]

_SHOWN_NAMES = 5
_DIGEST_BYTES = 12
#: What may be a customer's id or address: with a digit or an ``@`` in it, or in the form of Voucherify's.
_LIKE_AN_ID = re.compile(r"(?!seg_)(?:cust_|.*[0-9@])", re.DOTALL).match


@dataclass(frozen=True, slots=True)
class Question:
    """What a run asks.

    :param customer_ids: distinct ids; ``None`` asks about everyone Voucherify knows.
    :param segments: ids or names the answer is restricted to; ``None`` for all segments of the project.
    :param strategy: ``auto`` takes the way that costs the fewest calls.
    :param unknown: what becomes of ids Voucherify does not know.
    :param verify_sample: customers read both ways where segments are listed.
    :param max_calls: the most calls the plan, and with an allowance the run, may take; ``None`` for any number.
    :param exports: whether the connection lets ``auto`` have files exported.
    """

    customer_ids: Sequence[str] | None
    segments: Sequence[str] | None = None
    strategy: StrategyName = "auto"
    unknown: UnknownCustomers = "drop"
    verify_sample: int = 10
    max_calls: int | None = None
    exports: bool = False

    @property
    def may_export(self) -> bool:
        """Return whether files of exports may be asked for: it was said so, here or on the connection."""
        return self.wanted == "export" or (self.exports and self.wanted == "auto")

    @property
    def may_export_everyone(self) -> bool:
        """Return whether a file of everyone may be asked for in place of their list."""
        return self.exports or self.strategy == "export"

    @property
    def is_about_everyone(self) -> bool:
        """Return whether everyone Voucherify knows is asked about."""
        return self.customer_ids is None

    @property
    def wanted(self) -> StrategyName:
        """Return the strategy that may be used: only asking each customer keeps those Voucherify does not know."""
        return "per_customer" if self.unknown == "keep" and not self.is_about_everyone else self.strategy

    @property
    def digest(self) -> str:
        """Return a hash of the customers: pages filtered for other customers are of no use to these."""
        if self.customer_ids is None:
            return "everyone"
        # A sum, so that their order makes no difference and no sorted copy is needed.
        total = sum(_number_of(customer_id) for customer_id in self.customer_ids)
        return f"{total % 256**_DIGEST_BYTES:0{2 * _DIGEST_BYTES}x}"


def checked_strategy_name(strategy: object) -> StrategyName:
    """Return the name of a strategy.

    :raises ValueError: if there is none of that name.
    """
    for name in get_args(StrategyName):
        if strategy == name:
            return cast("StrategyName", name)
    raise ValueError(f"strategy is {shown(strategy)}; write one of {_listed(get_args(StrategyName))}")


def chosen_segments(listed: Sequence[Segment], wanted: Sequence[str] | None) -> list[Segment]:
    """Return the segments of the project that are asked about.

    :param wanted: ids or names; an id is taken first. ``None`` chooses all.
    :raises InvalidSegments: if one is not there, or its name stands for several.
    """
    if wanted is None:
        return list(listed)
    by_id = {segment.id: segment for segment in listed}
    chosen: dict[str, Segment] = {}
    missing = []
    for name in wanted:
        found = [by_id[name]] if name in by_id else [segment for segment in listed if segment.name == name]
        if len(found) > 1:
            ids = ", ".join(sorted(segment.id for segment in found))
            raise InvalidSegments(f"{len(found)} segments are named {shown(name)}: write the id instead, one of {ids}")
        if not found:
            missing.append(name)
        chosen.update((segment.id, segment) for segment in found)
    if missing:
        names = sorted(segment.name for segment in listed)
        close = _close_to(missing[0], names)
        has = _listed([*close, *(name for name in names if name not in close)])
        if len(missing) > 1 and not chosen and not close:
            told = ", ".join(masked(name) if _LIKE_AN_ID(name) else shown(name) for name in missing[:_SHOWN_NAMES])
            more = ", ..." if len(missing) > _SHOWN_NAMES else ""
            raise InvalidSegments(
                f"the project has none of the {len(missing):,} segments ({told}{more}): are they customers, or is this "
                f"another project? It has {has}"
            )
        raise InvalidSegments(f"the project has no segment {_listed(missing)}; it has {has}")
    return list(chosen.values())


def _number_of(customer_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(customer_id.encode(), digest_size=_DIGEST_BYTES).digest())


def _close_to(wanted: str, names: Iterable[str]) -> list[str]:
    """Return those of the names that are nearly the one that was wanted."""
    import difflib  # every Dag file that imports an operator would pay for it

    by_folded = {name.casefold(): name for name in names}
    return [by_folded[one] for one in difflib.get_close_matches(wanted.casefold(), by_folded)]


def _listed(names: Sequence[str]) -> str:
    told = ", ".join(map(shown, names[:_SHOWN_NAMES])) or "none at all"
    return told + (f" and {len(names) - _SHOWN_NAMES:,} more" if len(names) > _SHOWN_NAMES else "")


def masked(customer_id: str) -> str:
    """Return an id as it may be shown in a log or an error: the ends of a long one only."""
    return f"{customer_id[:2]}…{customer_id[-2:]}" if len(customer_id) > 8 else "…"
