"""Fixtures every test may use."""

from __future__ import annotations

pytest_plugins = ["pytester", "tests.postgres", "tests.airflow_site", "tests.run_op"]
