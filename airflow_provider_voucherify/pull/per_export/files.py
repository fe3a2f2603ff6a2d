"""The strategy of exporting segments: a file for each that is long and can be exported, its list where that fails."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final

from airflow_provider_voucherify.api.calls.reads import list_segments
from airflow_provider_voucherify.api.models import Json, Segment
from airflow_provider_voucherify.load.base import in_parts
from airflow_provider_voucherify.pull.per_export.fetch import BelievedFile, Exports, Job
from airflow_provider_voucherify.pull.per_export.gate import moments_for
from airflow_provider_voucherify.pull.per_export.notes import EVERYONE, Asked, ExportNotes
from airflow_provider_voucherify.pull.per_segment.listing import Listing
from airflow_provider_voucherify.pull.tools import PullTools

log = logging.getLogger(__name__)

#: A file is asked for if it saves so many calls.
LEAST_SAVED = 1
#: Members of a page made of a file, and pages stored at a time.
_MEMBERS_PER_PAGE, _PAGES_AT_A_TIME = 1_000, 10

# Which segments' filters an export can be asked for with: names and operators as documented, nothing else. The filter
# is handed over word for word, and never evaluated here.
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


def file_calls(listing: Listing) -> int:
    """Return the calls of an export: asked for, fetched, its newest members looked at, its windows counted, deleted."""
    return 3 + (1 if listing.segment.names_created_at else moments_for(listing.total or 0))


def most_file_calls(listing: Listing) -> int:
    """Return the calls of an export that is refused in the end: its address expired, its members counted, its list
    read anew."""
    return file_calls(listing) + 4


def is_worth_exporting(listing: Listing, notes: Mapping[str, Asked], *, may_ask: bool) -> bool:
    """Return whether a file takes fewer calls than the rest of a list, or was asked for already.

    :param may_ask: whether files may be asked for that were not yet.
    """
    note = notes.get(listing.segment.id)
    if listing.is_over or not is_exportable(listing.segment) or (note is not None and note.is_refused):
        return False
    if note is not None and note.is_open and (may_ask or note.export_id is not None):
        return True
    return may_ask and bool(listing.first_ids) and _saves_calls(listing)


def lacks_witnesses(listing: Listing, notes: Mapping[str, Asked]) -> bool:
    """Return whether a file would take fewer calls than the rest of a list, were it known who has to be in it."""
    note = notes.get(listing.segment.id)
    is_told = bool(listing.first_ids) or (note is not None and (note.is_open or note.is_refused))
    return not (is_told or listing.is_over) and is_exportable(listing.segment) and _saves_calls(listing)


def _saves_calls(listing: Listing) -> bool:
    left = listing.calls_left
    return left is not None and listing.total is not None and left - file_calls(listing) >= LEAST_SAVED


class PerExport:
    """Reads segments by exports.

    ``listings`` are those it takes over until :meth:`read` has ended; those that are not whole then are to be listed.

    :param tools: client, sink and the like.
    :param may_ask: whether files may be asked for that no earlier try asked for.
    """

    def __init__(self, tools: PullTools, notes: ExportNotes, listings: Sequence[Listing], *, may_ask: bool) -> None:
        self._tools = tools
        self._notes = notes
        self._exports = Exports(tools, notes)
        self.listings = [one for one in listings if is_worth_exporting(one, notes.held, may_ask=may_ask)]
        self._jobs = [(one, _job_of(one)) for one in self.listings]

    def ask(self) -> None:
        """Ask for the files, and delete what earlier tries left behind."""
        self._exports.delete_unused([job for _, job in self._jobs])
        self._exports.ask([job for _, job in self._jobs])

    def read(self) -> None:
        """Wait for the files and hold the members of those that are to be believed."""
        self._exports.wait([job for _, job in self._jobs])
        is_any = any(self._exports.is_open(job) for _, job in self._jobs)
        after = {one.id: one for one in self._tools.run(list_segments(self._tools.client))} if is_any else {}
        for listing, job in self._jobs:
            if not self._exports.is_open(job):
                continue
            segment = after.get(job.key)
            if segment is None or definition_of(segment) != job.definition:
                self._exports.refuse(job, "its filter or type was changed meanwhile")
            else:
                self._exports.read(job, lambda file, listing=listing: self._hold(listing, file))  # type: ignore[misc]
        self._exports.delete_unused([])

    @property
    def read_by_file(self) -> frozenset[str]:
        """Return the ids of segments whose members were taken from a file, by this try or an earlier one."""
        held = self._notes.held.items()
        return frozenset(key for key, one in held if one.is_over and not one.is_refused and key != EVERYONE)

    def _hold(self, listing: Listing, file: BelievedFile) -> None:
        customers, is_first = file.customers(), True
        while parts := list(in_parts(islice(customers, _MEMBERS_PER_PAGE * _PAGES_AT_A_TIME), _MEMBERS_PER_PAGE)):
            pages = []
            for part in parts:
                pages.append(listing.file_page(part, file.asked_at, is_first=is_first))
                is_first = False
            self._tools.sink.write_pages(pages)
        found = file.checked
        self._tools.sink.write_pages([listing.end_file(found.rows, found.latest, file.totals, file.asked_at)])


def _job_of(listing: Listing) -> Job:
    segment = listing.segment
    return Job(
        segment.id,
        f"segment {segment.name!r}",
        listing.total or 0,
        segment.filter,
        definition_of(segment),
        listing.first_ids,
        has_windows=not segment.names_created_at,
    )
