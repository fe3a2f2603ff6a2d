"""One line every ten seconds at most."""

from __future__ import annotations

import logging

import pytest

from airflow_provider_voucherify.api.client import CallCount
from airflow_provider_voucherify.extract.progress import Progress, duration


def test_lines_come_every_ten_seconds_with_all_that_matters(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    calls = CallCount()
    progress = Progress(10_000, 2_000, calls, lambda: now)
    with caplog.at_level(logging.INFO):
        for _ in range(4_000):
            now += 1 / 128
            calls.sent += 1
            progress.answer(failed=False)
    assert len(caplog.messages) == 3
    first = caplog.messages[0]
    assert first.startswith("3,280 of 10,000 customers (32 %), 1,280 calls, 7,680 calls/min, 0 rejected")
    assert first.endswith("about 52 s left")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (99, "99 s"),
        (100, "2 min"),
        (5_940, "99 min"),
        (7_500, "2 h 5 min"),
        (float("inf"), "an unknown time"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
