"""One id as the text it is sent as, or why what was given is none. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from typing import TypeGuard, cast
from urllib.parse import quote
from uuid import UUID

from airflow_provider_voucherify.api.errors import InvalidCustomerId

#: What HTTP clients make the address of another resource of.
_OTHER_RESOURCES = frozenset(("", ".", ".."))
#: As part of an address: servers take addresses of some 8,000 characters, and refuse longer ones for good.
_LONGEST = 6_000
#: A text of so many characters is no longer than that, whatever they are.
_SHORT = _LONGEST // 12
_FORM_OF_VOUCHERIFY_ID = re.compile(r"cust_[0-9A-Za-z]{20,}").fullmatch
_NO_NULLS = "leave NULLs out"
#: What pandas has in place of a value, by the names of its types.
NULLS = frozenset(("NaTType", "NAType"))
_NO_ROWS = "write the ids alone, not rows that hold them"
#: What to do about ids of other types, the first that fits.
_HOW_TO_GIVE: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (type(None), _NO_NULLS),
    (Mapping, f'{_NO_ROWS}, such as [row["customer_id"] for row in rows]'),
    ((list, tuple), f"{_NO_ROWS}; batches of ids are one list where they are put end to end"),
    ((bytes, bytearray, memoryview), "decode it, or let the query give text: bytes are no text of one kind"),
    ((date, time, timedelta), "a time is nobody's id: is the column of the ids the first?"),
    (Decimal, "its digits behind the point may be none of the id's: cast to text in the query"),
    ((set, frozenset), _NO_ROWS),
)
_FROM_NUMPY = "numpy's scalars are no texts: write array.tolist(), or cast to text"
_OTHERS = "numbers lose leading zeros: cast to text"


def checked_customer_id(customer_id: object) -> str:
    """Return the id as a plain text if it can be sent safely; a UUID is its text.

    HTTP clients normalise the path parts ``.`` and ``..`` away even where percent-encoded, and an empty part
    names the list: the answer would be that of another resource in the very shape of this one.

    :raises InvalidCustomerId: if it is not a text, is empty, ``.``, ``..`` or too long, or cannot be encoded or stored.
    """
    return checked_id(customer_id, "customer id")


def checked_id(value: object, what: str) -> str:
    """Return the id of something as :func:`checked_customer_id` does.

    :param what: what it is the id of, in words: ``segment id``.
    :raises InvalidCustomerId: if it cannot be sent safely.
    """
    if not isinstance(value, str):
        if isinstance(value, UUID):
            return str(value)
        raise InvalidCustomerId(f"a {what} should be a text, is {type(value).__name__}; {_how_to_give(value)}")
    if value in _OTHER_RESOURCES:
        raise InvalidCustomerId(
            f"{what} {value!r} cannot be asked for: its address would be that of another resource; remove it"
        )
    if wrong := wrong_in_name(value):
        raise InvalidCustomerId(f"a {what} {wrong}")
    return value if type(value) is str else str.__str__(value)  # a member of an Enum says its own name elsewhere


def wrong_in_text(text: str) -> str | None:
    """Return in words why a text can be neither sent nor stored, ``None`` if it can."""
    if "\0" in text:
        return "holds a NUL character, which no database can store"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "holds half of a surrogate pair: it is not valid Unicode text"
    return None


def wrong_in_name(name: str) -> str | None:
    """Return in words why the id or name of something cannot be asked for, ``None`` if it can."""
    if wrong := wrong_in_text(name):
        return wrong
    if len(name) > _SHORT and len(quote(name, safe="")) > _LONGEST:
        return f"has {len(name):,} characters, which no address has room for: is it an id, and one alone?"
    return None


def is_voucherify_id(customer_id: str) -> bool:
    """Return whether an id is taken for Voucherify's own; Voucherify creates no customer for such an id."""
    return customer_id.startswith("cust_")


def has_form_of_voucherify_id(text: str) -> bool:
    """Return whether a text has the documented form of Voucherify's own ids; a ``cust_001`` may be the merchant's."""
    return _FORM_OF_VOUCHERIFY_ID(text) is not None


def are_plain_ids(values: Sequence[object]) -> TypeGuard[Sequence[str]]:
    """Return whether all are texts of ASCII characters that :func:`checked_customer_id` takes as they are: of many,
    that is told in a tenth of the time."""
    if {*map(type, values)} != {str}:
        return False
    texts = cast("Sequence[str]", values)
    together = "".join(texts)
    if len(together) > _SHORT and max(map(len, texts)) > _SHORT:
        return False
    return together.isascii() and "\0" not in together and _OTHER_RESOURCES.isdisjoint(texts)


def _how_to_give(value: object) -> str:
    if type(value).__name__ in NULLS or (isinstance(value, float | Decimal) and math.isnan(value)):
        return _NO_NULLS
    if type(value).__module__.partition(".")[0] == "numpy":
        return _FROM_NUMPY
    return next((help_ for types, help_ in _HOW_TO_GIVE if isinstance(value, types)), _OTHERS)


def ends_in_blanks(customer_id: str) -> bool:
    """Return whether an id ends in blanks, as columns of a fixed length fill texts up."""
    return customer_id != customer_id.rstrip()
