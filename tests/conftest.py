"""Fixtures every test may use, and an Airflow home of the test run's own."""

from __future__ import annotations

import gc
import os
import tempfile

from hypothesis import settings

pytest_plugins = ["pytester", "tests.postgres", "tests.s3", "tests.airflow_site", "tests.run_op"]

_airflow_home = tempfile.TemporaryDirectory(prefix="airflow-home-")
os.environ["AIRFLOW_HOME"] = _airflow_home.name  # Airflow reads it when it is first imported

# No example is left to chance or to how fast the machine is; ``--hypothesis-profile=explore`` looks at others, and at
# ten times as many where a test does not say how many.
settings.register_profile("explore", settings.get_profile("ci"), derandomize=False, max_examples=1_000)
settings.load_profile("ci")

gc.disable()  # what is imported while tests are collected stays: to look for garbage in it takes a fifth of that time


def pytest_collection_finish() -> None:
    """Look for garbage from now on, in what the tests make."""
    gc.freeze()
    gc.enable()
