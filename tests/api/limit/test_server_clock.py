"""The server's clock, read through a header that is cut to the second."""

from __future__ import annotations

import math
import random

import pytest

from airflow_provider_voucherify.api.limit.server_clock import ServerClock


def test_nothing_is_known_before_the_first_answer() -> None:
    assert ServerClock().local(1_790_000_000.0) is None


@pytest.mark.parametrize("offset", [1_790_000_000.25, -37.9, 0.0])
def test_many_answers_narrow_it_to_the_latency(offset: float) -> None:
    clock, chance, local = ServerClock(), random.Random(2), 0.0
    for _ in range(300):
        local += chance.random()
        clock.observe(math.floor(local + 0.02 + offset), sent_at=local, arrived_at=local + 0.04)
    reached = clock.local(local + offset + 100)
    assert reached is not None
    assert local + 100 <= reached <= local + 100 + 0.1


def test_a_clock_that_was_set_is_read_anew() -> None:
    clock = ServerClock()
    clock.observe(1_000.0, sent_at=10.0, arrived_at=10.1)
    clock.observe(5_000.0, sent_at=11.0, arrived_at=11.1)
    assert clock.local(5_000.0) == pytest.approx(11.1)
