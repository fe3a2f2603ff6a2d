"""What came from upstream - a task, a template, a Dag file, a caller: taken as what it should be, or refused in words.

The one place that tells a list of ids or names, metadata and texts from everything else. Nothing is guessed: a dict's
keys, a frame's columns and a text's characters are no ids, and nothing is not everything.
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import date, timedelta
from itertools import pairwise
from types import UnionType
from typing import TYPE_CHECKING, TypeGuard, cast
from uuid import UUID

from airflow_provider_voucherify.api.errors import (
    InvalidArgument,
    InvalidCustomers,
    InvalidMetadata,
    InvalidSegments,
    VoucherifyError,
    shown,
)
from airflow_provider_voucherify.api.id_text import NULLS, wrong_in_name, wrong_in_text

if TYPE_CHECKING:
    from tokenize import TokenInfo

    from airflow_provider_voucherify.api.models import Json

NOTHING = "Did the upstream task return nothing, or was it skipped?"
_SINGLE = "put it in brackets if it is meant alone; for mapped tasks map over batches: [[...], [...]]"
_ROWS = 'take the ids of all of them, such as [row["customer_id"] for row in rows]'
#: Types of other libraries that are lists, and how each becomes one. Told by their names: nothing is imported to look.
_LISTS_OF_OTHERS = {
    ("pandas", "Series"): "tolist",
    ("pandas", "Index"): "tolist",
    ("pandas", "ExtensionArray"): "tolist",
    ("numpy", "ndarray"): "tolist",
    ("polars", "Series"): "to_list",
    ("pyarrow", "Array"): "to_pylist",
    ("pyarrow", "ChunkedArray"): "to_pylist",
}
_FRAMES = frozenset(("DataFrame", "LazyFrame", "Table", "RecordBatch"))
#: Types of values that are none: Jinja's, and those of missing values.
_NOTHINGS = NULLS | {"Undefined", "StrictUndefined", "ChainableUndefined", "DebugUndefined"}
#: What templates make of the missing values of pandas and numpy: nobody's name.
_NO_NAMES = frozenset(("<NA>", "NaT", "nan"))
#: What waits longer, or is written out in more digits, is a slip.
_LONGEST_TIME = timedelta(days=7)
_MOST_BITS = 1_000
#: Metadata nested deeper than this is no metadata.
_DEEPEST = 32

_IDS = "write a list of ids"
_NAMES = 'write a list of ids or names such as ["VIP", "seg_3f9..."], or leave it out for all segments'
_METADATA = 'write a dict such as {"run": "{{ run_id }}"}'


def id_list(value: object, what: str = "customers", advice: str = _IDS) -> Sequence[object]:
    """Return a list of ids, as it is or as a list of Python's; the ids themselves are not looked at.

    Taken are lists, tuples and other sequences, Airflow's lazy ones among them, and one-dimensional arrays and series.
    A set has no order, and would have another in each try; an iterator is empty when it is read again: both are
    refused.

    :param what: what the list is, in the caller's words.
    :raises InvalidCustomers: if it is anything else.
    """
    return _listed(value, what, advice, InvalidCustomers)


def segment_names(value: object, what: str = "segments", *, is_rendered: bool = False) -> list[str]:
    """Return distinct ids or names of segments, in their order.

    :param is_rendered: whether a text is what a template made of a list.
    :raises InvalidSegments: if it is no list of texts, or an empty one.
    """
    return list(dict.fromkeys(text_list(value, what, _NAMES, InvalidSegments, is_rendered=is_rendered)))


def text_list(
    value: object, what: str, advice: str, error: type[VoucherifyError], *, is_rendered: bool = False
) -> list[str]:
    """Return a list of texts that say something, as it was given.

    :param is_rendered: whether a text is what a template made of a list.
    :raises VoucherifyError: of the class given, if it is no list of texts, or an empty one.
    """
    if is_rendered and isinstance(value, str):
        value = literal(value, what, error, list | tuple)
    listed = [*_listed(value, what, advice, error)]
    if not listed:
        raise error(f"{what} is an empty list; {advice}")
    for name in listed:
        if not isinstance(name, str) or is_nothing(name) or name in _NO_NAMES:
            raise error(f"{what} holds {shown(name)}; {advice}")
        if wrong := wrong_in_name(name):
            raise error(f"{what} holds {shown(name)}, which {wrong}; {advice}")
    return [str.__str__(name) for name in listed if isinstance(name, str)]


def metadata(value: object, what: str = "metadata", *, is_rendered: bool = False) -> dict[str, Json]:
    """Return metadata that can be sent as JSON.

    :param is_rendered: whether a text is what a template made of a dict.
    :raises InvalidMetadata: if it is no dict, or holds what JSON has no words for.
    """
    if is_rendered and isinstance(value, str):
        value = literal(value, what, InvalidMetadata, Mapping)
    if not isinstance(value, Mapping):
        raise InvalidMetadata(f"{what} is {type(value).__name__}; {_METADATA}{_hint(value)}")
    return _json_object(value, what, 1)


def text(value: object, what: str, advice: str, error: type[VoucherifyError] = InvalidArgument) -> str:
    """Return a text that says something: a number, a moment or a UUID, as native templates give them, as it is written.

    :raises VoucherifyError: of the class given, if it is none, is empty, or is what a template makes of nothing.
    """
    if is_writable_number(value) or (isinstance(value, date | UUID) and not is_nothing(value)):
        return str(value)
    if not isinstance(value, str):
        raise error(f"{what} is {type(value).__name__}; {advice}{_hint(value)}")
    if is_nothing(value) or value in _NO_NAMES:
        raise error(f"{what} is {shown(value)}: is it a template that had nothing to say? {advice}")
    if wrong := wrong_in_name(value):
        raise error(f"{what} is {shown(value)}, which {wrong}; {advice}")
    return str.__str__(value)  # a member of an Enum says its own name elsewhere


def is_writable_number(value: object) -> TypeGuard[int]:
    """Return whether a value is a whole number, and none of thousands of digits, which Python does not write out."""
    return isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= _MOST_BITS


def time_above_zero(value: object, what: str, example: str) -> timedelta:
    """Return a time to wait.

    :param example: what to write instead, for the error's text.
    :raises InvalidArgument: if it is no time, none above zero, or above a week.
    """
    if not isinstance(value, timedelta) or not timedelta(0) < value <= _LONGEST_TIME:
        raise InvalidArgument(
            f"{what} is {shown(value)}; write a timedelta such as {example}, above zero and of at most "
            f"{_LONGEST_TIME.days} days"
        )
    return value


def is_nothing(value: object) -> bool:
    """Return whether a value is nothing, or the text a template makes of nothing."""
    return (
        value is None or type(value).__name__ in _NOTHINGS or (isinstance(value, str) and value.strip() in {"", "None"})
    )


def leaves(value: object) -> Iterator[object]:
    """Yield what is in dicts, lists and tuples, however deep; anything else is its own leaf."""
    if isinstance(value, Mapping):
        for one in value.values():
            yield from leaves(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from leaves(one)
    else:
        yield value


def literal(written: str, what: str, error: type[VoucherifyError], wanted: type | UnionType) -> object:
    """Return what a rendered text says, as JSON or as Python writes it.

    :param wanted: what it should say: a list or a dict.
    :raises VoucherifyError: of the class given, if it says something else.
    """
    said: object = None if is_nothing(written) else written
    for read in (json.loads, _python_literal):
        try:
            said = read(written)
            break
        except _NumbersLose:
            raise error(
                f"{what} is a text of a list with numbers that are written with a +, _ or letters, or zeros in front, "
                "which a number does not keep: let ids be in quotes, as {{ ids | tojson }} writes them"
            ) from None
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            pass
    if isinstance(said, wanted):
        return said
    if "{{" in written or "{%" in written:
        raise error(
            f"{what} is a template that was not rendered: Airflow does that for a task; for an estimate call the "
            "operator's render_template_fields(context) before"
        )
    holds = "dict" if wanted is Mapping else "list"
    raise error(f"{what} is a text that holds no {holds}; write a {holds}, or a template that gives one{_hint(said)}")


class _NumbersLose(Exception):
    """A number in a list is written otherwise than it would be as an id."""


def _python_literal(written: str) -> object:
    """Read a literal, but for texts without a comma in between, as arrays are written: Python takes them for one.

    :raises _NumbersLose: if it is a list of ids that are written as numbers, but are none.
    """
    import io
    import tokenize

    written = written.strip()  # on an indented line of its own it would be an unexpected indent
    value: object = ast.literal_eval(written)
    tokens = [one for one in tokenize.generate_tokens(io.StringIO(written).readline) if one.type != tokenize.NL]
    if any(one.type == other.type == tokenize.STRING for one, other in pairwise(tokens)):
        raise ValueError("texts without a comma in between")
    if isinstance(value, list | tuple) and any(map(_loses, tokens)):
        raise _NumbersLose
    return value


def _loses(token: TokenInfo) -> bool:
    """Return whether a sign or a whole number would be written otherwise than it is."""
    if token.string == "+":
        return True
    with suppress(ValueError):  # as a float, and whatever is no number
        return str(int(token.string, 0)) != token.string
    return False


def _listed(value: object, what: str, advice: str, error: type[VoucherifyError]) -> Sequence[object]:
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview):
        return value
    how = next((_LISTS_OF_OTHERS[name] for name in _names_of(value) if name in _LISTS_OF_OTHERS), None)
    if how is None:
        raise error(f"{what} is {type(value).__name__}; {advice}{_hint(value)}")
    if getattr(value, "ndim", 1) != 1:
        raise error(f"{what} is an array of {getattr(value, 'ndim', 0)} dimensions; {advice}: take one column of it")
    taken: list[object] = getattr(value, how)()
    return taken


def _names_of(value: object) -> Iterator[tuple[str, str]]:
    """Yield library and name of the value's type and of those it is derived from."""
    for type_ in type(value).__mro__:
        yield type_.__module__.partition(".")[0], type_.__name__


def _hint(value: object) -> str:
    """Return what else helps with a value of this kind, behind the advice; empty if nothing does."""
    name, hint = type(value).__name__, ""
    if is_nothing(value):
        return f". {NOTHING}"
    if isinstance(value, str):
        hint = _SINGLE
    elif isinstance(value, Mapping):
        hint = _dict_hint(value)
    elif name in _FRAMES:
        hint = 'a frame is a table, write a column of it, such as df["source_id"].tolist()'
    elif isinstance(value, AbstractSet):
        hint = "it has no order, write sorted(...)"
    elif isinstance(value, bytes | bytearray | memoryview):
        hint = "bytes are no text, decode them"
    elif hasattr(value, "__next__") or hasattr(value, "__anext__"):
        hint = "it can be read once only, write list(...), in a template | list"
    return hint and f": {hint}"


def _dict_hint(value: Mapping[object, object]) -> str:
    if {"customers", "calls"} <= value.keys() or "memberships" in value:
        return (
            "this is a summary, not ids: `pull.output` of a run into a table or files. Read the ids from there, such "
            "as with CustomerQuery(sql, conn_id)"
        )
    if "customer_id" in value:
        return f"this is one row, not ids; {_ROWS}"
    return "its keys are not taken for ids, write the list it holds, such as output['ids']"


def _json_object(value: Mapping[object, object], what: str, depth: int) -> dict[str, Json]:
    if depth > _DEEPEST:
        raise InvalidMetadata(f"{_root(what)} cannot be sent as JSON: it is nested more than {_DEEPEST} times")
    if wrong := [key for key in value if not isinstance(key, str)]:
        raise InvalidMetadata(f"{_root(what)} cannot be sent as JSON: a key of {what} is {shown(wrong[0])}, no text")
    checked: dict[str, Json] = {}
    for key, one in value.items():
        name = str.__str__(cast("str", key))  # a member of an Enum says its own name elsewhere
        _check_text(name, f"{what}[{shown(name)}]")
        checked[name] = _json(one, f"{what}[{shown(name)}]", depth + 1)
    return checked


def _check_text(value: str, what: str) -> None:
    if wrong := wrong_in_text(value):
        raise InvalidMetadata(f"{_root(what)} cannot be sent as JSON: {what} {wrong}")


def _json(value: object, what: str, depth: int) -> Json:
    """Return a value that JSON has words for.

    :raises InvalidMetadata: if it has none.
    """
    if isinstance(value, Mapping):
        return _json_object(value, what, depth)
    if isinstance(value, list | tuple) and depth <= _DEEPEST:
        return [_json(one, f"{what}[{place}]", depth + 1) for place, one in enumerate(value)]
    if isinstance(value, bool | None):
        return value
    if isinstance(value, str):
        _check_text(value, what)
        return str.__str__(value)
    if is_writable_number(value):
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    raise InvalidMetadata(
        f"{_root(what)} cannot be sent as JSON: {what} is {shown(value)}. Write texts, finite numbers, truth values, "
        "None, lists and dicts; a time as a text, such as moment.isoformat()"
    )


def _root(what: str) -> str:
    return what.partition("[")[0]
