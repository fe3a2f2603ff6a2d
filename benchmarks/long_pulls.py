"""Longer pulls at 50 ms of latency, where how they begin and end matters less. Run it by ``make bench-long-pulls``."""

from __future__ import annotations

import os
import tempfile

from benchmarks.peers import speed
from benchmarks.peers.contest import Contestant
from benchmarks.peers.report import latency_target, speed_table
from benchmarks.peers.speed import Entry
from benchmarks.reporting import Report

PULLS = (
    Entry(Contestant("ours", "ours", 16), 12_800),
    Entry(Contestant("HttpAsyncHook", "http_async_hook", 16), 12_800),
    Entry(Contestant("ours", "ours", 64), 25_600),
    Entry(Contestant("HttpAsyncHook", "http_async_hook", 64), 25_600),
)

_QUESTION = f"""\
The pulls at {speed.LATENCY_MS} ms of latency that are shown under "Peers, on the same work" take seconds, and two \
latencies of ours go by before all slots are in use: the first call goes alone, and a few customers then tell whether \
the project is the right one. Here both contestants that were ahead there pull four times as many customers. How well \
do calls overlap once they do, with staging and publishing counted in? Medians of {speed.ROUNDS} interleaved rounds, \
least and most in brackets.
"""


def main() -> None:
    """Measure and publish; about twelve minutes."""
    with tempfile.TemporaryDirectory(prefix="airflow-home-") as home:
        os.environ["AIRFLOW_HOME"] = home  # Airflow reads it when it is first imported, in the contestants' processes
        results = speed.race(PULLS, latency_ms=speed.LATENCY_MS)
    Report(
        name="long_pulls",
        title="Longer pulls",
        question=_QUESTION,
        tables=[speed_table(f"{speed.LATENCY_MS} ms of latency, no limit", results)],
        targets=[latency_target(results, "longer pulls: calls/s at 50 ms against the best peer, 16 and 64 in flight")],
        packages=("apache-airflow", "apache-airflow-providers-http", "aiohttp", "SQLAlchemy"),
    ).publish()


if __name__ == "__main__":
    main()
