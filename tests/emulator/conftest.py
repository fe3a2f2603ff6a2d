"""An emulator on a real socket for the tests of the wire."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_voucherify.emulator import Emulator


@pytest.fixture(scope="session")
def running() -> Iterator[Emulator]:
    with Emulator(customers=300, segments=16, seed=7) as emulator:
        yield emulator


@pytest.fixture
def emulator(running: Emulator) -> Emulator:
    running.reset(population=True, settings=True)
    return running
