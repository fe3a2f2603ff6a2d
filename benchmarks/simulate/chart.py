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
_DASHES = {"per_segment": "-", "per_customer": (0, (4, 2))}
_TIMES = {
    60: "1 min",
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
    for subscription, above in ((BUSINESS, -12), (ORGANIZATION, 4)):
        assert subscription.cycle is not None, "these two have a cycle"
        axes.axhline(subscription.cycle, color=_GREY, linewidth=1, linestyle=":")
        text = f"{subscription.name}: {subscription.cycle:,} calls a month"
        axes.annotate(
            text, (sizes[-1], subscription.cycle), (0, above), textcoords="offset points", color=_GREY, ha="right"
        )


def _draw_time(axes: Axes, sizes: Sequence[int], lines: Sequence[Line], latency: float) -> None:
    title = f"Time of one pull of everyone, at 70 % of the limit, {latency * 1_000:.0f} ms a call"
    _prepare(axes, title, sizes)
    for line in lines:
        for colour, (name, seconds) in zip(_COLOURS, line.seconds.items(), strict=True):
            axes.plot(sizes, seconds, color=colour, linestyle=_DASHES[line.way], linewidth=2)
            axes.annotate(
                f"{name}\n{line.way}",
                (sizes[-1], seconds[-1]),
                (6, -8),
                textcoords="offset points",
                color=colour,
                fontsize=8.5,
            )
    axes.set_yticks(list(_TIMES), list(_TIMES.values()))
    axes.minorticks_off()


def _prepare(axes: Axes, title: str, sizes: Sequence[int]) -> None:
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("customers of the shop (40 segments)")
    ticks = [size for size in sizes if str(size).strip("0") == "1"]
    axes.set_xticks(ticks, [f"{size // 10**6}M" if size >= 10**6 else f"{size // 1_000}k" for size in ticks])
    axes.set_xlim(sizes[0], sizes[-1])
    axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.7)
