"""The tables of the calls, and what they say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from airflow_provider_voucherify.api.lists.customers import calls_for
from airflow_provider_voucherify.pull.plan.plan import WayName
from benchmarks.calls.pulls import Case
from benchmarks.reporting import Cell, Table

SEGMENTS = 40
WAYS: tuple[WayName, ...] = ("per_customer", "per_segment", "export")
#: Calls per window of a minute, and per billing cycle.
SUBSCRIPTIONS = {"Business": (100, 100_000), "Organization": (2_000, 300_000)}
SHARE = 0.7
#: Of a billing cycle.
DAYS = 30


@dataclass(frozen=True, slots=True)
class Exported:
    """What became of a pull by exports.

    :param planned: calls, and ``most`` of them if no file is to be believed.
    :param again_planned: calls of the next pull, whose static segments are unchanged.
    :param made: calls; ``None`` where it was not carried out; ``again`` those of the next pull.
    :param is_true: whether the rows are the truth, after both.
    """

    customers: int
    segments: int
    listed: int | None
    planned: int | None
    most: int | None
    again_planned: int | None
    made: int | None = None
    again: int | None = None
    is_true: bool | None = None

    @property
    def calls(self) -> int | None:
        """Return the calls made, else planned."""
        return self.planned if self.made is None else self.made


@dataclass(frozen=True, slots=True)
class Measured:
    """What became of a case.

    :param planned: calls by way.
    :param made: calls of ``auto``; ``None`` where it was not carried out.
    :param is_true: whether the rows are the truth.
    """

    case: Case
    planned: dict[WayName, int | None]
    taken: WayName
    made: int | None
    least: int | None
    is_true: bool | None

    @property
    def calls(self) -> int:
        """Return the calls of ``auto``: made, else planned."""
        calls = self.made if self.made is not None else self.planned[self.taken]
        assert calls is not None, "the emulator says how long each list is"
        return calls


def calls_table(measured: Sequence[Measured]) -> Table:
    """Return the calls of each case by each way."""
    rows = [
        [
            one.case.shop,
            "everyone" if one.case.asked is None else len(one.case.asked),
            SEGMENTS if one.case.names is None else len(one.case.names),
            *(_marked(one.planned[way]) for way in WAYS),
            one.taken,
            _marked(one.calls) if one.made is None else one.made,
            one.least,
            f"{one.calls / one.least:.3f}" if one.least else None,
            None if one.is_true is None else "yes" if one.is_true else "NO",
        ]
        for one in measured
    ]
    columns = ["customers of the shop", "asked about", "segments", *WAYS, "auto takes", "auto", "least", "auto / least",
               "rows are the truth"]  # fmt: skip
    return Table("Calls of one pull", columns, rows)


def exports_table(exported: Sequence[Exported]) -> Table:
    """Return the calls of a refresh of everyone by each way, exports carried out where the shop is not too large."""
    rows: list[list[Cell]] = [
        [
            one.customers,
            one.segments,
            calls_for(one.customers) + one.customers,
            *map(_marked, (one.listed, one.planned, one.most)),
            one.made,
            _marked(one.again_planned),
            one.again,
            None if one.is_true is None else "yes" if one.is_true else "NO",
            *(f"{DAYS * (one.calls or 0) / cycle:.0%}" for _, cycle in SUBSCRIPTIONS.values()),
        ]
        for one in exported
    ]
    columns = ["customers of the shop", "segments", "per_customer (computed)", "per_segment", "export", "at most",
               "export made", "next, static segments unchanged", "next made", "rows are the truth",
               *(f"{name}: daily export, part of the month's calls" for name in SUBSCRIPTIONS)]  # fmt: skip
    return Table("Exports: a refresh of everyone", columns, rows)


def _marked(calls: int | None) -> str:
    return "not told" if calls is None else f"{calls:,} planned"


def months_table(measured: Sequence[Measured]) -> Table:
    """Return what a pull of everyone takes of each subscription."""
    rows: list[list[Cell]] = []
    for one in measured:
        if one.case.asked is not None or one.case.names is not None:
            continue
        ways: list[tuple[str, int | None]] = [(f"auto ({one.taken})", one.calls)]
        ways.append(("per_customer (planned)", one.planned["per_customer"]))
        rows += [[one.case.shop, way, calls, *_of_each(calls)] for way, calls in ways if calls is not None]
    columns = ["customers of the shop", "way", "calls"]
    for name, (limit, _) in SUBSCRIPTIONS.items():
        columns += [f"{name}: refreshes a month", f"{name}: daily, part of the month's calls",
                    f"{name}: min at {SHARE * limit:,.0f}/min"]  # fmt: skip
    return Table("Days and months: a refresh of everyone (computed from the calls above)", columns, rows)


def _of_each(calls: int) -> Iterator[Cell]:
    for limit, cycle in SUBSCRIPTIONS.values():
        yield cycle // calls
        yield f"{DAYS * calls / cycle:.0%}"
        yield calls / (SHARE * limit)


def readings(measured: Sequence[Measured]) -> list[str]:
    """Return what the figures say."""
    made = [one for one in measured if one.made is not None]
    ratios = [one.calls / one.least for one in made if one.least and one.case.names is None]
    everyone = [one for one in measured if one.case.asked is None and one.case.names is None]
    off = [abs(one.calls - planned) for one in made if (planned := one.planned[one.taken])]
    overhead = (
        f"Over all segments `auto` made {min(ratios):.3f} to {max(ratios):.3f} times the least calls. What is above 1 "
        "is finding out, the sample of ten, and that a page overlaps the one before by a customer: little in a large "
        "pull, more than the rest in one of two small segments."
    )
    plans = f"The plan was at most {max(off):,} calls off what was made: it does not know yet who is on no list."
    sentences = [overhead, plans]
    for name, (_, cycle) in SUBSCRIPTIONS.items():
        daily = [f"{one.case.shop:,}" for one in everyone if DAYS * one.calls <= cycle]
        weekly = [f"{one.case.shop:,}" for one in everyone if cycle // one.calls in range(4, DAYS)]
        shops = f"shops of {' and '.join(daily)} customers" if daily else "none of these shops"
        rest = f"; one of {' and '.join(weekly)} can be refreshed weekly" if weekly else ""
        sentences.append(f"{name} carries a daily refresh of everyone in {shops}{rest}.")
    return sentences
