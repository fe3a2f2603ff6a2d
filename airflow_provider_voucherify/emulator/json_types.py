"""JSON as the emulator speaks it: the type of a document, and the compact form it is written in."""

from __future__ import annotations

import json
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = "dict[str, Json]"

_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def dump(document: Json) -> bytes:
    """Write a document without white space.

    :returns: its UTF-8 bytes.
    """
    return _ENCODER.encode(document).encode()


def load(body: bytes) -> Json:
    """Read a document.

    :param body: UTF-8 bytes.
    :raises ValueError: when the bytes are not JSON or not UTF-8, or hold half of a surrogate pair.
    """
    document: Json = json.loads(body.decode())
    if b"\\u" in body:
        dump(document)  # what cannot be written again could not be answered either
    return document


def as_object(value: Json) -> JsonObject:
    """Take a value for an object."""
    return value if isinstance(value, dict) else {}


def as_list(value: Json) -> list[Json]:
    """Take a value for a list."""
    return value if isinstance(value, list) else [value]


def as_float(value: Json) -> float | None:
    """Take a value for a number, as Voucherify does with numbers written as text.

    :returns: the number, or None when there is none in it (a truth value is not a number).
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None
