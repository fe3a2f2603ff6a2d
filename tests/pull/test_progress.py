"""One line every ten seconds at most."""

from __future__ import annotations

import logging

import pytest

from airflow_provider_voucherify.api.http.client import CallCount
from airflow_provider_voucherify.api.limit.window import Reading, Window
from airflow_provider_voucherify.pull.progress import Progress, counted, duration


def test_lines_come_every_ten_seconds_with_all_that_matters(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    calls = CallCount()
    progress = Progress(10_000, 2_000, calls, Window(0.7), lambda: now)
    with caplog.at_level(logging.INFO):
        for _ in range(4_000):
            now += 1 / 128
            calls.sent += 1
            progress.answer(failed=False)
    assert len(caplog.messages) == 3
    first = caplog.messages[0]
    assert first.startswith("3,280 of 10,000 customers (32 %), 1,280 calls, 7,680 calls/min, no limit told, 0 rejected")
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


def test_the_time_left_follows_from_the_window_and_not_from_the_burst_at_its_begin() -> None:
    window = Window(0.7)
    window.settle(window.take(100.0), Reading(limit=200, remaining=199, opens_at=160.0), 100.1)
    for _ in range(139):
        window.take(100.2)
    progress = Progress(1_000, 0, CallCount(sent=140), window, lambda: 101.0)
    for _ in range(140):
        progress.answer(failed=False)
    assert "140 of our 140 in this window (limit 200)" in str(progress)
    assert str(progress).endswith("about 7 min left")


def test_what_others_used_of_the_window_is_part_of_the_line() -> None:
    window = Window(0.7)
    window.settle(window.take(100.0), Reading(limit=2_000, remaining=499, opens_at=160.0), 100.1)
    progress = Progress(1_000, 0, CallCount(sent=1), window, lambda: 101.0)
    assert ", 1 of our 1,400 in this window (limit 2,000, others used 1,500), " in str(progress)


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 customers"), (1, "1 customer"), (2, "2 customers"), (1_200, "1,200 customers")]
)
def test_numbers_in_words(number: int, words: str) -> None:
    assert counted(number, "customer") == words


@pytest.mark.parametrize(("unit", "says"), [("customer", "1 of 1 customer (100 %)"), ("page", "1 of 1 page (100 %)")])
def test_one_is_no_plural(unit: str, says: str) -> None:
    progress = Progress(1, 0, CallCount(sent=1), Window(0.7), lambda: 0.0, unit)
    progress.answer(failed=False)
    assert str(progress).startswith(f"{says}, 1 call, ")


def test_a_limit_of_no_calls_has_an_outlook_too() -> None:
    window = Window(0.7)
    window.settle(window.take(100.0), Reading(limit=0, remaining=0), 100.1)
    assert window.outlook(10, 101.0) == 0.0
