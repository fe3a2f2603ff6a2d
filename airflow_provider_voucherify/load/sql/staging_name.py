"""What the tables beside a target are called; pure."""

from __future__ import annotations

import hashlib
import re

#: PostgreSQL cuts longer names silently; other databases allow as much or more.
MAX_NAME_BYTES = 63
_MARK = "__run_"
_HASH_LENGTH = 12
_MARKS = "__marks"


def staging_name(table: str, target: str, run_key: str) -> str:
    """Return the name of a run's staging table, of at most 63 bytes: ``customer_segments__run_3fa94c0d1b2e``.

    :param table: the target's name without its schema.
    """
    digest = hashlib.blake2b(f"{target}\n{run_key}".encode(), digest_size=_HASH_LENGTH // 2)
    return _staging_prefix(table) + digest.hexdigest()


def is_staging_name(name: str, table: str) -> bool:
    """Return whether a table is named as the staging tables of a target are, but for the case: MySQL may be set to
    write names in small letters.
    """
    pattern = re.escape(_staging_prefix(table)) + f"[0-9a-f]{{{_HASH_LENGTH}}}"
    return re.fullmatch(pattern, name, re.IGNORECASE) is not None


def marks_name(table: str) -> str:
    """Return the name of the table of marks beside a target, of at most 63 bytes: ``customer_segments__marks``.

    Targets whose long names begin alike share it: a run has one target.

    :param table: the target's name without its schema.
    """
    room = MAX_NAME_BYTES - len(_MARKS)
    return table.encode()[:room].decode(errors="ignore") + _MARKS


def _staging_prefix(table: str) -> str:
    room = MAX_NAME_BYTES - len(_MARK) - _HASH_LENGTH
    return table.encode()[:room].decode(errors="ignore") + _MARK
