"""Tables, targets and their reading, made from what was measured."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers import crash, limited, speed
from benchmarks.peers.crash import Crashed
from benchmarks.peers.limited import Limited
from benchmarks.peers.speed import Result
from benchmarks.reporting import Cell, Report, Spread, Table, Target, shown

_QUESTION = f"""\
One pull of customers' segments into a SQLite table, by whatever a user might pick instead. Each contestant runs in a \
process of its own, written as its documentation suggests: connections kept, rows inserted at the end in one \
transaction (dlt: its `sqlalchemy` destination, which stages and loads). Ours is the operator as Airflow runs it, by \
the Task SDK's task runner, with `strategy="per_customer"` and `quota_share=1.0`, so that it makes the calls of the \
others and takes as much of the limit; each answer of it is also staged durably, 256 at a time while the next are \
asked for, and published in one transaction, and ids that Voucherify does not know are told apart, for one call more \
in all. The bound is a bare aiohttp loop that reads the answers and parses their JSON; it checks, retries and limits \
nothing, and one plain insert is its only other work. After each pull the rows are compared with the shop's memberships.

The emulator answers in a process and, where there is no limit, on a core of its own; the client has the other core. \
Start-up and a first small pull are left out everywhere. Airflow's connections come from environment variables, which \
spares the Airflow hooks the question to the API server that a worker would ask. One HttpOperator a customer is \
executed in a loop: what Airflow adds for a task of its own each is shown under "Whole runs in Airflow". Slow \
contestants pull fewer customers without latency; figures are per customer. Medians of {speed.ROUNDS} interleaved \
rounds, least and most in brackets; at {speed.LATENCY_MS} ms one call at a time, and dlt, are measured once.

Under the limit ({limited.LIMIT} calls per {limited.WINDOW_SECONDS} s) everybody does what its users do: HttpOperator \
takes its `retry_args` (exponential waits), HttpHook's loop and threads wait as `Retry-After` says, the SDK lets \
urllib3 do so, dlt tries five times by itself, HttpAsyncHook hides the headers of an error, so it waits a second. Each \
has an emulator of its own; ours run first, at once, then the peers. The windows begin with a whole second, ours at \
{", ".join(f"{part:.1f}" for part in limited.OUR_BEGINS)} of one: when exactly a window opens is not told to the \
fraction, so that a run may wait for up to a second too long, once. The least time is until the window opens in which \
the last customer can be asked for. In the last table the process is killed by SIGKILL when about half of the \
calls were made, and the pull is started again, as Airflow's retry would; the peers pull fewer customers there, since \
what they waste is what they had asked.
"""


def report_of(
    without_latency: Sequence[Result],
    with_latency: Sequence[Result],
    under_limit: Sequence[Limited],
    crashed: Sequence[Crashed],
) -> Report:
    """Return the report."""
    return Report(
        name="peers",
        title="Peers, on the same work",
        question=_QUESTION,
        tables=[
            speed_table("No limit, no latency: what the client costs", without_latency),
            speed_table(f"{speed.LATENCY_MS} ms of latency, no limit: how well calls overlap", with_latency),
            _limited_table(under_limit),
            _crash_table(crashed),
        ],
        reading=[
            _cost_reading(without_latency),
            *_latency_reading(with_latency),
            _limit_reading(under_limit),
            _crash_reading(crashed),
        ],
        targets=[
            *_cost_targets(without_latency),
            latency_target(
                with_latency, f"calls/s at {speed.LATENCY_MS} ms against the best peer, 16 and 64 in flight"
            ),
            _limit_target(under_limit),
            _crash_target(crashed),
        ],
        packages=(
            "apache-airflow",
            "apache-airflow-providers-http",
            "aiohttp",
            "requests",
            "voucherify",
            "dlt",
            "SQLAlchemy",
        ),
    )


def speed_table(title: str, results: Sequence[Result]) -> Table:
    """Return what each contestant of a world did."""
    heads = ["contestant", "in flight", "customers", "calls/s", "CPU µs a customer", "core busy %", "customers lost"]
    rows: list[list[Cell]] = [
        [
            one.entry.contestant.title,
            one.entry.contestant.in_flight,
            one.entry.customers,
            str(one.calls_per_second),
            str(one.cpu_micros),
            round(100 * one.busy),
            one.lost,
        ]
        for one in results
    ]
    return Table(title, heads, rows)


def _limited_table(pulls: Sequence[Limited]) -> Table:
    heads = ["contestant", "in flight", "s", "least s", "s / least", "calls", "rejected", "wasted", "customers lost"]
    rows: list[list[Cell]] = [
        [
            one.contestant.title,
            one.contestant.in_flight,
            one.seconds,
            one.least_seconds,
            f"{one.seconds / one.least_seconds:.3f}",
            one.calls,
            one.rejected,
            one.wasted,
            one.lost,
        ]
        for one in pulls
    ]
    title = f"{limited.CUSTOMERS} customers under a limit of {limited.LIMIT} calls per {limited.WINDOW_SECONDS} s"
    return Table(title, heads, rows)


def _crash_table(crashed: Sequence[Crashed]) -> Table:
    rows: list[list[Cell]] = [
        [one.contestant.title, one.customers, one.killed_after, one.calls, one.wasted, one.lost] for one in crashed
    ]
    heads = ["contestant", "customers", "killed after calls", "calls in all", "beyond one each", "customers lost"]
    return Table("Killed near half of the customers, then run again", heads, rows)


def _ratio(upper: Spread, lower: Spread) -> Spread:
    """Return the ratio of each round, which a slow moment of the machine hits on both sides."""
    return Spread([one / other for one, other in zip(upper.values, lower.values, strict=True)])


def _one(results: Sequence[Result], module: str, in_flight: int) -> Result:
    return next(
        one for one in results if (one.entry.contestant.module, one.entry.contestant.in_flight) == (module, in_flight)
    )


def _best_peer(results: Sequence[Result], in_flight: int) -> Result:
    peers = [
        one
        for one in results
        if one.entry.contestant.module != "ours"
        and one.entry.contestant.in_flight == in_flight
        and one.entry.rounds == speed.ROUNDS
    ]
    return max(peers, key=lambda one: one.calls_per_second.median)


def _cost_targets(results: Sequence[Result]) -> list[Target]:
    ours, bound, hook = _one(results, "ours", 32), results[0], _one(results, "http_hook", 1)
    speed_ratio = _ratio(ours.calls_per_second, bound.calls_per_second)
    cpu_ratio = _ratio(ours.cpu_micros, hook.cpu_micros)
    return [
        Target(
            "calls/s of a whole pull into SQLite against a raw aiohttp loop, no latency",
            "at least 0.85",
            str(speed_ratio),
            speed_ratio.median >= 0.85,
        ),
        Target("CPU a customer against an HttpHook loop", "at most 0.1", str(cpu_ratio), cpu_ratio.median <= 0.1),
    ]


def latency_target(results: Sequence[Result], what: str) -> Target:
    """Return the target of a world with latency, at 16 and 64 calls in flight.

    :param what: is measured.
    """
    ratios = [
        _ratio(_one(results, "ours", many).calls_per_second, _best_peer(results, many).calls_per_second)
        for many in (16, 64)
    ]
    measured, is_met = " and ".join(str(one) for one in ratios), all(one.median >= 1.0 for one in ratios)
    return Target(what, "at least 1.0", measured, is_met)


def _limit_target(pulls: Sequence[Limited]) -> Target:
    ours = [one for one in pulls if one.contestant == limited.OURS]
    ratio = Spread([one.seconds / one.least_seconds for one in ours])
    rejected, lost = max(one.rejected for one in ours), max(one.lost for one in ours)
    return Target(
        "under a limit, time against the least possible",
        "at most 1.02, 0 rejected, 0 lost",
        f"{ratio.median:.3f}, {rejected} rejected, {lost} lost",
        ratio.median <= 1.02 and not rejected and not lost,
    )


def _crash_target(crashed: Sequence[Crashed]) -> Target:
    ours = [one for one in crashed if one.contestant == crash.OURS]
    most = max(one.calls for one in ours)
    allowed = crash.CUSTOMERS + crash.CHUNK
    return Target(
        f"calls of a pull of {crash.CUSTOMERS:,} customers that was killed near half, the most of {len(ours)}",
        f"at most one a customer and one chunk ({allowed:,})",
        f"{most:,}",
        most <= allowed and not any(one.lost for one in ours),
    )


def _cost_reading(results: Sequence[Result]) -> str:
    ours = _one(results, "ours", 32)
    peers = sorted((one for one in results[1:] if one is not ours), key=lambda one: one.cpu_micros.median)
    cheapest, dearest = peers[0], peers[-1]
    return (
        f"Without latency a customer costs us {shown(ours.cpu_micros.median)} µs of CPU from the question to the "
        f"published row, the bare loop {shown(results[0].cpu_micros.median)} µs. Ours reads answers that are the same, "
        f"byte for byte, once: the {ours.entry.customers:,} customers get {ours.different_answers:,} different ones. "
        "The cheapest peer "
        f"({cheapest.entry.contestant.title}, {cheapest.entry.contestant.in_flight} in flight) takes "
        f"{cheapest.cpu_micros.median / ours.cpu_micros.median:.1f} times ours, the dearest "
        f"({dearest.entry.contestant.title}) {dearest.cpu_micros.median / ours.cpu_micros.median:.0f} times."
    )


def _latency_reading(results: Sequence[Result]) -> list[str]:
    alone = _one(results, "http_hook", 1).calls_per_second.median
    sentences = [
        f"At {speed.LATENCY_MS} ms one call after the other makes {shown(alone)} calls/s, whatever the client."
    ]
    for many in (16, 64):
        ours, best = _one(results, "ours", many), _best_peer(results, many)
        most = many / (speed.LATENCY_MS / 1_000)
        sentences.append(
            f"With {many} in flight {most:,.0f} calls/s are the most there can be: ours reach "
            f"{shown(ours.calls_per_second.median)}, the best peer ({best.entry.contestant.title}) "
            f"{shown(best.calls_per_second.median)}."
        )
    return sentences


def _limit_reading(pulls: Sequence[Limited]) -> str:
    ours = [one for one in pulls if one.contestant == limited.OURS]
    peers = [one for one in pulls if one.contestant != limited.OURS]
    rejected = [one.rejected for one in peers]
    lossy = [one for one in peers if one.lost]
    lost = (
        "; ".join(f"{one.contestant.title} lost {one.lost} ({one.error or 'without an error'})" for one in lossy)
        or "none of them lost a customer"
    )
    return (
        f"Under the limit ours had {max(one.rejected for one in ours)} calls rejected, the peers {min(rejected)} to "
        f"{max(rejected):,}, since they learn of the limit by running into it; {lost}. A rejected call costs no quota "
        "here, but it is the shop's own checkout that meets the used-up window."
    )


def _crash_reading(crashed: Sequence[Crashed]) -> str:
    ours = [one.wasted for one in crashed if one.contestant == crash.OURS]
    peers = [one.wasted for one in crashed if one.contestant != crash.OURS]
    return (
        f"Killed near half and run again, ours make {min(ours)} to {max(ours)} calls beyond one a customer, since "
        f"never more than a chunk of {crash.CHUNK} is asked for and not stored; the peers begin anew, here after "
        f"{min(peers):,} to {max(peers):,}."
    )
