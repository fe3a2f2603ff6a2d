"""Runs all worlds and publishes what they show."""

from __future__ import annotations

import os
import tempfile
import time

from benchmarks.peers import crash, limited, speed
from benchmarks.peers.report import report_of


def main() -> None:
    """Pull by every way in four worlds; about eight minutes."""
    began_at = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="airflow-home-") as home:
        os.environ["AIRFLOW_HOME"] = home  # Airflow reads it when it is first imported, in the contestants' processes
        without_latency = speed.race(speed.WITHOUT_LATENCY, latency_ms=0)
        with_latency = speed.race(speed.WITH_LATENCY, latency_ms=speed.LATENCY_MS)
        under_limit = limited.pull_under_limit()
        crashed = crash.pull_with_crashes()
    report_of(without_latency, with_latency, under_limit, crashed).publish()
    print(f"took {time.monotonic() - began_at:.0f} s")


if __name__ == "__main__":
    main()
