"""Which Airflow the tests run on, and marks for tests of what only a later one has."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from airflow.models import DagBag

#: (major, minor)
AIRFLOW = tuple(int(part) for part in version("apache-airflow-core").split(".")[:2])
HAS_STATE_STORE = AIRFLOW >= (3, 3)


def needs_airflow(major: int, minor: int, for_: str) -> pytest.MarkDecorator:
    """Return a mark that skips a test on Airflows before one.

    :param for_: what only that one and later ones have.
    """
    return pytest.mark.skipif((major, minor) > AIRFLOW, reason=f"Airflow {major}.{minor} and later: {for_}")


def dag_bag(path: Path, bundle_name: str) -> DagBag:
    """Read Dag files.

    :param bundle_name: of the bundle they are in; Airflow 3.1 does not ask.
    """
    from airflow.models import DagBag

    options: dict[str, Any] = {"bundle_name": bundle_name} if AIRFLOW >= (3, 2) else {}
    if AIRFLOW < (3, 3):  # which reads Airflow's own from a bundle of theirs
        options["include_examples"] = False
    return DagBag(path, **options)


needs_state_store = needs_airflow(3, 3, "a task state store")
