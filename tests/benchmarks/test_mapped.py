"""Tasks beside each other in virtual time come, ask and go, and what they found is counted."""

from __future__ import annotations

from benchmarks.mapped.crowd import Crowd, Found, Task, run_crowd
from benchmarks.simulate.world import BUSINESS, SANDBOX


def test_tasks_of_a_line_follow_each_other_until_all_calls_are_made() -> None:
    lines = [[Task(calls=30), Task(calls=30)], [Task(comes=5.0, calls=40)], [Task(comes=2.0, killed=3.0)]]
    crowd = Crowd("few", BUSINESS, lines, 10, checkout=0.1, tells_end=True)
    found, again = run_crowd(crowd), run_crowd(crowd)
    assert (found.calls, found.full_windows) == (again.calls, again.full_windows)
    assert 100 < found.calls <= 130
    assert 60 < found.seconds < 240
    assert found.most_used <= crowd.share == 70
    assert found.rejected == found.checkout_rejected == 0


def test_a_task_that_defers_goes_on_with_what_is_unanswered() -> None:
    found = run_crowd(Crowd("alone", SANDBOX, [[Task(calls=150)]], 10, tells_end=True))
    assert found.calls == 150
    assert max(found.full_windows) <= 70


def test_how_fairly_and_how_far_a_share_was_used() -> None:
    found = Found(Crowd("two", BUSINESS, [[Task()], [Task()]], 2), 120.0, 105, [35, 70], [0.5, 1.0], 0, 0, 0)
    assert (found.most_used, found.used, found.least_to_most) == (70, 0.75, 0.5)
