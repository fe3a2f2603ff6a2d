"""Pure: which segments' filters an export can be asked for with: names and operators as documented, nothing else.

The filter is handed over word for word. It is never evaluated here.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final

from airflow_provider_voucherify.api.models import Json, Segment

_TYPES: Final = frozenset({"passive", "auto-update"})
#: Documented for filters of exports (FiltersCondition); ``$next_month`` and ``$in_location`` are not among them.
_OPERATORS: Final = frozenset(
    [
        "$in",
        "$not_in",
        "$is",
        "$is_not",
        "$is_days_ago",
        "$is_days_in_future",
        "$has_value",
        "$is_unknown",
        "$contains",
        "$not_contain",
        "$starts_with",
        "$ends_with",
        "$more_than",
        "$less_than",
        "$more_than_equal",
        "$less_than_equal",
        "$more_than_ago",
        "$less_than_ago",
        "$more_than_future",
        "$less_than_future",
        "$after",
        "$before",
        "$count",
        "$count_less",
        "$count_more",
    ]
)
#: Names that take all operators, and names that take some only.
_NAMES: Final = frozenset(
    ["email", "name", "phone", "birthday", "source_id", "publications.created_at", "publications.related_object_id"]
)
_NARROWED: Final = {
    "created_at": frozenset({"$after", "$before"}),
    "updated_at": frozenset({"$after", "$before", "$is"}),
    "city": frozenset({"$is"}),
}
_PREFIXES: Final = (
    *("metadata.", "address.", "summary.", "loyalty.", "loyalty_tier.", "loyalty_points.", "system_metadata."),
)
_JUNCTION: Final = "junction"


def is_exportable(segment: Segment) -> bool:
    """Return whether an export can be asked for with a segment's own filter."""
    named = {name: value for name, value in (segment.filter or {}).items() if name != _JUNCTION}
    return segment.type in _TYPES and bool(named) and all(_is_known(name, value) for name, value in named.items())


def names_created_at(segment: Segment) -> bool:
    """Return whether a segment's filter names ``created_at``: bounds on it may get in each other's way."""
    return "created_at" in (segment.filter or {})


def definition_of(segment: Segment) -> str:
    """Return a hash of what decides who is in a segment; it stays the same as long as that does."""
    text = json.dumps([segment.type, segment.filter], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _is_known(name: str, value: Json) -> bool:
    conditions = value.get("conditions") if isinstance(value, dict) else None
    if not isinstance(conditions, dict) or not conditions:
        return False
    is_prefixed = any(name.startswith(prefix) and len(name) > len(prefix) for prefix in _PREFIXES)
    if name not in _NARROWED and name not in _NAMES and not is_prefixed:
        return False
    return conditions.keys() <= _NARROWED.get(name, _OPERATORS)
