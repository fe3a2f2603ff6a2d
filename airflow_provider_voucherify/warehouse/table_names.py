"""What the tables beside a target are called, and names as people write them; pure."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

#: PostgreSQL cuts longer names silently; other databases allow as much or more.
MAX_NAME_BYTES = 63
_LOG, _MEMBERS, _ANSWERS = "__run_", "__members_", "__answers_"
_HASH_LENGTH = 12
_MARKS, _LOCK = "__marks", "__voucherify_lock"
#: Of passing tables where each try has its own.
_OF_TRY = "(_[0-9a-f]{8})?"


def log_name(table: str, target: str, run_key: str) -> str:
    """Return the name of the table of a run's log, of at most 63 bytes: ``customer_segments__run_3fa94c0d1b2e``.

    :param table: the target's name without its schema.
    :param target: its full name.
    """
    digest = hashlib.blake2b(f"{target}\n{run_key}".encode(), digest_size=_HASH_LENGTH // 2)
    return _cut(table, _LOG, _HASH_LENGTH) + digest.hexdigest()


def is_log_name(name: str, table: str) -> bool:
    """Return whether a table is named as the logs beside a target are, but for the case: MySQL may be set to write
    names in small letters.
    """
    return _is_named(name, _cut(table, _LOG, _HASH_LENGTH))


def end_of_log_name(log: str) -> str:
    """Return what tells the log of one run from those of others."""
    return log[-_HASH_LENGTH:]


def passing_names(table: str, log: str) -> tuple[str, str]:
    """Return the names of the passing tables of members and of answers of a run, where they cannot be temporary.

    :param table: the target's name without its schema.
    :param log: that of the run's log.
    """
    digest = end_of_log_name(log)
    return _cut(table, _MEMBERS, _HASH_LENGTH) + digest, _cut(table, _ANSWERS, _HASH_LENGTH) + digest


def end_of_log(name: str, table: str) -> str | None:
    """Return how the name of the log ends beside which a passing table stands; ``None`` if it is not named as one.

    How it begins is not to be told: of a long target, which may be another one that begins alike, it has more than the
    names of passing tables.
    """
    for kind in (_MEMBERS, _ANSWERS):
        if found := _match(name, _cut(table, kind, _HASH_LENGTH), _OF_TRY):
            return _LOG + found["hash"]
    return None


def marks_name(table: str) -> str:
    """Return the name of the table of marks beside a target, of at most 63 bytes: ``customer_segments__marks``.

    Targets whose long names begin alike share it: a run has one target.

    :param table: the target's name without its schema.
    """
    return _cut(table, _MARKS, 0)


def lock_name(table: str) -> str:
    """Return the name of the table of one row by which runs into a target are in each other's way on Databricks.

    :param table: the target's name without its schema.
    """
    return _cut(table, _LOCK, 0)


def for_people(text: str, dialect: Dialect) -> str:
    """Return SQL, or a name in it, as people write it: for a driver that takes parameters percent signs are doubled."""
    return text.replace("%%", "%") if dialect.paramstyle in ("format", "pyformat") else text


def _cut(table: str, kind: str, room_after: int) -> str:
    room = MAX_NAME_BYTES - len(kind) - room_after
    return table.encode()[:room].decode(errors="ignore") + kind


def _is_named(name: str, prefix: str) -> bool:
    return _match(name, prefix, "") is not None


def _match(name: str, prefix: str, end: str) -> re.Match[str] | None:
    return re.fullmatch(re.escape(prefix) + f"(?P<hash>[0-9a-f]{{{_HASH_LENGTH}}}){end}", name, re.IGNORECASE)
