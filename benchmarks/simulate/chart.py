"""The chart of calls and time against the size of a shop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.simulate.world import BUSINESS, ORGANIZATION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PATH = Path(__file__).parent.parent.parent / "docs" / "images" / "simulated.svg"
#: Colours of Okabe and Ito, which the colour-blind tell apart; lines differ in their dashes as well.
_BLUE, _VERMILION, _GREEN, _GREY = "#0072B2", "#D55E00", "#009E73", "#666666"
_COLOURS = (_GREEN, _BLUE, _VERMILION)
_DASHES = {"per_segment": "-", "per_customer": (0, (4, 2)), "export": (0, (1, 1.5))}
#: Labels at the ends of lines are so many times apart at least, so as not to cover each other.
_LABELS_APART = 1.5
_TIMES = {
    3_600: "1 h",
    86_400: "1 day",
    7 * 86_400: "1 week",
    30 * 86_400: "1 month",
    365 * 86_400: "1 year",
}


@dataclass(frozen=True, slots=True)
class Line:
    """What one way takes at each size.

    :param seconds: by subscription.
    """

    way: str
    calls: Sequence[int]
    seconds: Mapping[str, Sequence[float]]


def draw(sizes: Sequence[int], lines: Sequence[Line], latency: float) -> None:
    """Write the chart, the same bytes for the same figures."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(
        {"svg.hashsalt": "simulated", "font.size": 10, "axes.spines.top": False, "axes.spines.right": False}
    ):
        figure = Figure(figsize=(12, 5.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw_calls(left, sizes, lines)
        _draw_time(right, sizes, lines, latency)
        PATH.parent.mkdir(exist_ok=True)
        figure.savefig(PATH, metadata={"Date": None})


def _draw_calls(axes: Axes, sizes: Sequence[int], lines: Sequence[Line]) -> None:
    _prepare(axes, "Calls of one pull of everyone", sizes)
    for line in lines:
        axes.plot(sizes, line.calls, color="black", linestyle=_DASHES[line.way], linewidth=2)
        axes.annotate(line.way, (sizes[-1], line.calls[-1]), (6, -3), textcoords="offset points")
    for subscription in (BUSINESS, ORGANIZATION):
        assert subscription.cycle is not None, "these two have a cycle"
        axes.axhline(subscription.cycle, color=_GREY, linewidth=1, linestyle=":")
        text = f"{subscription.name}: {subscription.cycle:,} a month"
        place = (sizes[-1], subscription.cycle)
        axes.annotate(text, place, (0, -12), textcoords="offset points", color=_GREY, ha="right", fontsize=9)


def _draw_time(axes: Axes, sizes: Sequence[int], lines: Sequence[Line], latency: float) -> None:
    title = f"Time of one pull of everyone, at 70 % of the limit, {latency * 1_000:.0f} ms a call"
    _prepare(axes, title, sizes)
    ends: list[tuple[float, str, str]] = []
    for line in lines:
        for colour, (name, seconds) in zip(_COLOURS, line.seconds.items(), strict=True):
            axes.plot(sizes, seconds, color=colour, linestyle=_DASHES[line.way], linewidth=2)
            ends.append((seconds[-1], f"{name}, {line.way}", colour))
    lowest = 0.0
    for end, text, colour in sorted(ends):
        lowest = max(end, lowest * _LABELS_APART)
        axes.annotate(text, (sizes[-1], lowest), (6, -4), textcoords="offset points", color=colour, fontsize=9)
    axes.set_yticks(list(_TIMES), list(_TIMES.values()))


def _prepare(axes: Axes, title: str, sizes: Sequence[int]) -> None:
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("customers of the shop (40 segments)")
    axes.set_xticks(list(sizes), [f"{size // 10**6}M" for size in sizes])
    axes.minorticks_off()
    axes.set_xlim(sizes[0], sizes[-1])
    axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.7)
