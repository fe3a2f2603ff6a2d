"""The crowds that are simulated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.mapped.crowd import Crowd, Task
from benchmarks.simulate.world import BUSINESS, HOURLY, ORGANIZATION, Subscription

SHORT = Subscription("short windows", 200, 20.0)
#: Calls of a mapped task of 40 customers: one tells what Voucherify says of nobody.
MAPPED = 41
_LATENCIES = (0.05, 0.05, 0.2, 0.2, 1.0, 1.0)


def crowds() -> Iterator[Crowd]:
    """Return all of them, each with headers that tell the end of a window and without."""
    for tells_end in (True, False):
        yield mapped(tells_end)
        yield mapped(tells_end, checkout=0.2)
        for subscription, counts, windows in (
            (SHORT, (6,), 12),
            (BUSINESS, (2, 6, 16, 64), 8),
            (ORGANIZATION, (2, 6, 16, 64), 5),
            (HOURLY, (2, 6, 16), 4),
        ):
            for count in counts:
                lines = [[Task()] for _ in range(count)]
                yield Crowd("for ever", subscription, lines, windows, 0.2, tells_end)
        far = [[Task(latency=latency)] for latency in _LATENCIES]
        yield Crowd("50, 200 and 1,000 ms away", ORGANIZATION, far, 6, 0.2, tells_end)
        yield Crowd("they join, end and are killed", ORGANIZATION, _comings_and_goings(), 10, 0.2, tells_end)


def mapped(tells_end: bool, checkout: float = 0.0) -> Crowd:
    """Return 100 mapped tasks in six processes; they begin within two seconds."""
    lines = [[Task(comes=place / 3, calls=MAPPED)] + [Task(calls=MAPPED)] * (15 + (place < 4)) for place in range(6)]
    return Crowd("100 mapped tasks of 40 customers, 6 at once", SHORT, lines, 100, checkout, tells_end)


def _comings_and_goings() -> Sequence[Sequence[Task]]:
    """Return four tasks that stay for ten minutes, and from one to six others."""
    return [
        *([Task()] for _ in range(4)),
        [Task(comes=75.0)],
        [Task(comes=130.0, killed=260.0), Task(comes=300.0, killed=301.0), Task(comes=310.0)],
        *([Task(comes=200.0 + 7 * number, calls=200)] for number in range(4)),
    ]
