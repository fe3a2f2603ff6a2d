"""A Voucherify without a limit of calls, shared by the tests of this folder and brought back for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_voucherify.emulator import Emulator, Limits


@pytest.fixture(scope="session")
def _server() -> Iterator[Emulator]:
    with Emulator(customers=1_000, segments=12, limits=Limits(limit=None)) as emulator:
        yield emulator


@pytest.fixture
def shop(_server: Emulator) -> Emulator:
    """A shop of 1,000 customers in 12 segments."""
    _server.reset(population=True, settings=True)
    return _server
