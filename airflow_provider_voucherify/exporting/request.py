"""What an export is asked for with, told from everything else that Dag files, templates and callers give; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from airflow_provider_voucherify.api.errors import InvalidArgument, InvalidMetadata, shown
from airflow_provider_voucherify.pull.customers import upstream

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.calls.exports import Wanted
    from airflow_provider_voucherify.api.models import Json

ExportedObject: TypeAlias = Literal[
    "voucher",
    "redemption",
    "publication",
    "customer",
    "order",
    "points_expiration",
    "voucher_transactions",
    "api_log",
]

#: Time between two looks at whether the file is there, and how long it is waited for, where nothing else is said.
POLL_INTERVAL: Final = timedelta(seconds=15)
TIMEOUT: Final = timedelta(hours=6)
#: The field that is a column for each key of the project's metadata schema.
METADATA = "metadata"
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]*|metadata\.[^,\x00-\x1f]{1,100}").fullmatch
_ORDER = re.compile(r"-?[A-Za-z][A-Za-z0-9_.]*").fullmatch
#: So many of the fields that are there twice are named.
_SHOWN = 5
_TIMES = frozenset(("$after", "$before"))
_WITHOUT_VALUE = frozenset(("$has_value", "$is_unknown"))
_FIELDS_EXAMPLE = 'write a list of fields such as ["id", "code", "created_at"]'
_FILTERS_EXAMPLE = (
    'write a dict such as {"junction": "and", "created_at": {"conditions": {"$after": ["2026-01-01T00:00:00Z"]}}}, or '
    "leave it out for all"
)


def wanted(
    exported_object: object, fields: object, filters: object = None, order: object = None, *, is_rendered: bool = False
) -> Wanted:
    """Return a checked request of an export; no call is made.

    :param is_rendered: whether texts may be what a template made of a list or dict.
    :raises InvalidArgument: if a part of it cannot be meant.
    """
    from airflow_provider_voucherify.api.calls.exports import Wanted

    return Wanted(
        exported_object=object_name(exported_object),
        fields=tuple(field_names(fields, is_rendered=is_rendered)),
        order=None if order is None else order_name(order),
        filters=None if filters is None else filter_dict(filters, is_rendered=is_rendered),
    )


def object_name(value: object) -> str:
    """Return what is exported.

    :raises InvalidArgument: if there is no such object.
    """
    known = get_args(ExportedObject)
    if not isinstance(value, str) or value not in known:
        raise InvalidArgument(f"exported_object is {shown(value)}; write one of {', '.join(map(repr, known))}")
    return value


def field_names(value: object, *, is_rendered: bool = False) -> list[str]:
    """Return the names of fields, each a column, in their order.

    :raises InvalidArgument: if they are no list of names, it is empty, or one is there twice.
    """
    names = upstream.text_list(value, "fields", _FIELDS_EXAMPLE, InvalidArgument, is_rendered=is_rendered)
    if wrong := [name for name in names if not _FIELD(name)]:
        raise InvalidArgument(f"fields holds {shown(wrong[0])}, which is no field's name; {_FIELDS_EXAMPLE}")
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidArgument(f"fields holds {', '.join(map(shown, doubled[:_SHOWN]))} more than once: leave one out")
    return names


def filter_dict(value: object, *, is_rendered: bool = False) -> dict[str, Json]:
    """Return filters that can be sent as JSON.

    :raises InvalidArgument: if they are no dict, nothing is in it or in a condition, or what should be a time is none.
    """
    if is_rendered and isinstance(value, str):
        value = upstream.literal(value, "filters", InvalidArgument, Mapping)
    if not isinstance(value, Mapping):
        raise InvalidArgument(f"filters is {type(value).__name__}; {_FILTERS_EXAMPLE}")
    if not set(value) - {"junction"}:
        raise InvalidArgument(f"filters has no condition, which would export all; {_FILTERS_EXAMPLE}")
    try:
        checked = upstream.metadata(value, "filters")
    except InvalidMetadata as error:
        raise InvalidArgument(str(error)) from None
    for name, one in checked.items():
        if name != "junction":
            _check_filter(name, one)
    return checked


def order_name(value: object) -> str:
    """Return the field to order by, with ``-`` before it for descending.

    :raises InvalidArgument: if it is none.
    """
    if not isinstance(value, str) or not _ORDER(value):
        raise InvalidArgument(
            f"order is {shown(value)}; write a field's name such as 'created_at', '-created_at' for latest"
        )
    return value


def _check_filter(name: str, value: Json) -> None:
    conditions = value.get("conditions") if isinstance(value, dict) else None
    if not isinstance(conditions, dict) or not conditions:
        raise InvalidArgument(f"filters[{name!r}] has no conditions; {_FILTERS_EXAMPLE}")
    for operator, compared in conditions.items():
        if operator not in _WITHOUT_VALUE and _is_nothing(compared):
            raise InvalidArgument(
                f"filters[{name!r}] has {operator} with nothing to compare with. {upstream.NOTHING} What has no value "
                "is found by $is_unknown"
            )
    for operator in _TIMES & conditions.keys():
        told = conditions[operator]
        for moment in told if isinstance(told, list) else [told]:
            if not _is_time(moment):
                raise InvalidArgument(
                    f"filters[{name!r}] has {operator} {str(moment)[:40]!r}, which is no time; write ISO 8601 such as "
                    "'2026-01-01T00:00:00Z'"
                )


def _is_nothing(value: Json) -> bool:
    """Return whether a value, or one of several, is nothing, or the text a template makes of it or of an empty list."""
    if isinstance(value, list):
        return not value or any(map(_is_nothing, value))
    return value == "[]" or upstream.is_nothing(value)


def _is_time(value: Json) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False
