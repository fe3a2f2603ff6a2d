"""What Databricks' errors say: by their names, as their texts may quote a row."""

from __future__ import annotations

import re

_NAME = re.compile(r"\[([A-Z][A-Z0-9_.]+)\]")
_SQLSTATE = re.compile(r"SQLSTATE: ([0-9A-Z]{5})\b")
#: How a write is called that another one to the same table came before, and the classes of its SQLSTATE.
_OVERTAKEN = ("DELTA_CONCURRENT_", "DELTA_METADATA_CHANGED", "DELTA_PROTOCOL_CHANGED")
_OVERTAKEN_CLASSES = ("2D", "40")
#: Classes of what passes besides: connections, resources.
_PASSING_CLASSES = ("08", "53", "57")
NO_RIGHT = ("INSUFFICIENT_PERMISSIONS", "PERMISSION_DENIED")
WHAT_IS_NEEDED = (
    ". The connection's user needs USE CATALOG and USE SCHEMA, CREATE TABLE in the schema, as the run is held there, "
    "and SELECT and MODIFY in tables that exist; let an administrator run, with your names: GRANT USE SCHEMA, "
    "CREATE TABLE, SELECT, MODIFY ON SCHEMA catalog.schema TO `user`"
)


def name_of(error: BaseException | None) -> str | None:
    """Return the name of one of Databricks' errors, with which its text begins."""
    named = _NAME.match(str(error)) if is_databricks(error) else None
    return named and named[1]


def is_databricks(error: BaseException | None) -> bool:
    """Return whether an error is of Databricks' driver."""
    return type(error).__module__.startswith("databricks.")


def is_overtaken(error: BaseException | None) -> bool:
    """Return whether a transaction was refused since another one changed what it did."""
    return (name_of(error) or "").startswith(_OVERTAKEN) or _class_of(error) in _OVERTAKEN_CLASSES


def passes(error: BaseException) -> bool:
    """Return whether a later try may well meet it no more."""
    # The driver's own, of a request that was not answered; it has tried again by itself.
    is_unanswered = any(one.__name__ == "RequestError" for one in type(error).__mro__)
    return is_unanswered or is_overtaken(error) or _class_of(error) in _PASSING_CLASSES


def _class_of(error: BaseException | None) -> str:
    found = _SQLSTATE.search(str(error)) if is_databricks(error) else None
    return found[1][:2] if found else ""
