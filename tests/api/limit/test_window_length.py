"""How long a window is taken to be, for saying how long a run takes."""

from __future__ import annotations

from airflow_provider_voucherify.api.limit.length import WindowLength


def test_a_known_length_within_the_bounds_is_reckoned_with() -> None:
    length = WindowLength()
    assert (length.guess(0.0), length.guess(75.0)) == (60.0, 3_600.0)
    length.is_at_most(89.5)
    assert length.guess(0.0) == 60.0


def test_a_length_of_none_of_the_plans_is_reckoned_with_once_it_is_seen() -> None:
    length = WindowLength()
    length.is_at_least(5.9)
    length.is_at_most(6.1)
    assert length.guess(0.0) == 6.1


def test_a_length_seen_for_sure_puts_right_what_was_taken_for_one_window_and_was_two() -> None:
    length = WindowLength()
    length.is_at_least(33.0)
    length.is_at_most(20.0)
    assert length.bounds(0.0) == (0.0, 20.0)
    assert length.bounds(12.0) == (12.0, 20.0)


def test_a_known_length_within_the_bounds_is_taken_for_sure() -> None:
    length = WindowLength()
    length.is_at_most(75.0)
    assert length.bounds(0.0) == (60.0, 60.0)
