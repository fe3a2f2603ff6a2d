"""Room on the worker's disk for a run's working copy, and what is said where there is none."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from airflow_provider_voucherify.load.errors import StorageFailed

#: What the passing file takes for a customer; and more for each answer, or each member of a list, while these are
#: sorted: 234 in all and 163 with ids of 29 characters, rounded up.
_BYTES_PER_CUSTOMER, _BYTES_PER_SORTED_ANSWER, _BYTES_PER_MEMBER = 80, 160, 170
_ADVICE = "make room there, or name another folder in SQLITE_TMPDIR or TMPDIR of the worker"


def folder_of_passing_files() -> str:
    """Return the folder SQLite takes for files without a name: the first of these that can be written to."""
    named = (os.environ.get(name) for name in ("SQLITE_TMPDIR", "TMPDIR"))
    folders = (*filter(None, named), "/var/tmp", "/usr/tmp", "/tmp")  # noqa: S108 - SQLite's own choice
    return next((one for one in folders if os.path.isdir(one) and os.access(one, os.W_OK | os.X_OK)), ".")


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Let errors of SQLite be such as people can act on.

    :param doing: what is done, for the error's text: "store a chunk".
    :raises StorageFailed: in place of each.
    """
    problem = None
    try:
        yield
    except sqlite3.Error as error:
        problem = StorageFailed(
            f"could not {doing}: {type(error).__name__} ({getattr(error, 'sqlite_errorname', 'no code')}). "
            f"The worker's folder {folder_of_passing_files()}, where a passing file holds the answers, is full, or a "
            f"quota is: {_ADVICE}; a retry goes on with what is held"
        )
    if problem is not None:  # raised out here: the driver's own error may quote a value
        raise problem


def bytes_for(customers: int, memberships: int) -> int:
    """Return the bytes a passing file takes that holds a run."""
    sorting = max(customers * _BYTES_PER_SORTED_ANSWER, memberships * _BYTES_PER_MEMBER)
    return customers * _BYTES_PER_CUSTOMER + sorting


def refuse_without_room(size: int) -> None:
    """See that there is room for a passing file, before calls are spent on what it will hold.

    :param size: in bytes.
    :raises StorageFailed: if there is not.
    """
    folder = folder_of_passing_files()
    free = shutil.disk_usage(folder).free
    if size > free:
        raise StorageFailed(
            f"the worker's folder {folder}, where a passing file holds the answers, has {_mib(free)} MiB left, and "
            f"this run takes about {_mib(size)} MiB more: {_ADVICE}; a retry goes on with what is held"
        )


def _mib(size: int) -> str:
    return f"{size / 1024 / 1024:,.1f}"
