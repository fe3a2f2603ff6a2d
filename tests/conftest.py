"""Fixtures every test may use, and an Airflow home of the test run's own."""

from __future__ import annotations

import os
import tempfile

pytest_plugins = ["pytester", "tests.postgres", "tests.s3", "tests.airflow_site", "tests.run_op"]

_airflow_home = tempfile.TemporaryDirectory(prefix="airflow-home-")
os.environ["AIRFLOW_HOME"] = _airflow_home.name  # Airflow reads it when it is first imported
