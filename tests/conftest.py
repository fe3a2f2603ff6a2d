"""Fixtures every test may use, and an Airflow home of the test run's own."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Generator

import pytest
from hypothesis import settings

pytest_plugins = ["pytester", "tests.postgres", "tests.s3", "tests.airflow_site", "tests.run_op"]

_airflow_home = tempfile.TemporaryDirectory(prefix="airflow-home-")
os.environ["AIRFLOW_HOME"] = _airflow_home.name  # Airflow reads it when it is first imported

# What a fork has from its parent is left alone: a library whose threads are not there may not survive a look at it.
os.register_at_fork(after_in_child=gc.freeze)

# No example is left to chance or to how fast the machine is; ``--hypothesis-profile=explore`` looks at others, and at
# ten times as many where a test does not say how many.
settings.register_profile("explore", settings.get_profile("ci"), derandomize=False, max_examples=1_000)
settings.load_profile("ci")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage in what is imported meanwhile, which stays: that would take a fifth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
