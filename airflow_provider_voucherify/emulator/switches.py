"""Where the documentation is silent or contradicts itself, the emulator can be told which way to answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Switches:
    """How this Voucherify behaves where the documentation leaves a choice, and how slow it is.

    :param latency_ms: milliseconds every API answer is held back.
    :param latency_jitter_ms: up to so many milliseconds more, drawn from the seed.
    :param unknown_customer: segments of an unknown customer: those an empty profile matches, or a 404.
    :param unknown_segment: customers of an unknown or deleted segment: none, or a 404.
    :param passive_members_listed: False repeats the defect that a customer listing by a passive segment
        is empty.
    :param cursor: whether ``starting_after`` leaves out rows at exactly that instant.
    :param timestamp_storage: finest difference the server itself sees; it shows milliseconds either way.
    :param time_bounds: whether ``[before]`` and ``[after]`` leave out rows at exactly that instant.
    :param segment_filter: a customer listing by ``segment_id`` that also bounds a time the segment's own filter
        names: both hold, or the query's bounds take the place of what the filter says of that field, or so does its
        ``starting_after`` as well.
    :param has_more: when a customer listing carries ``has_more``.
    :param total: whether listings carry ``total``.
    :param most_counted: the highest ``total`` a listing of customers carries, however long; None counts to the end.
    :param initial_sync_status: whether segments carry the field that was removed in November 2025.
    :param refresh_lag_seconds: seconds until a change of a customer shows in memberships, and in which a new segment
        fills, in four steps; until then its ``initial_sync_status`` is ``IN_PROGRESS``.
    :param rate_limit_headers: False leaves all rate-limit headers out.
    :param retry_header: what ``X-Rate-Limit-Retry`` holds: the instant of the next permitted call (now,
        while calls remain), always the end of the window, or the header is left out.
    :param retry_after: False leaves ``Retry-After`` out of 429 answers.
    :param limit_type: False leaves ``X-Rate-Limit-Type`` out of 429 answers.
    :param clock_skew_seconds: how far the server's clock is ahead of real time, as ``Date`` and
        ``X-Rate-Limit-Retry`` show it.
    :param refusal: refuse every call: the plan lacks it (402), the keys' role lacks it (403), the subscription has
        ended (429), or the bulk bucket is empty (429 ``bulk_api_calls``).
    :param repeated_publication: a source id that has published for the same customer and campaign: the
        original publication, or a 400. For another customer or campaign it is a 400 either way.
    :param failed_source_id: whether a source id under which a publication failed can publish later, or is used up.
    :param updated_at_moved_by: whether events and publications that only name a customer move its ``updated_at``.
    :param joined_customer: another publication for a customer of a campaign that is joined once: the
        original publication, or a 400. ``?join_once=true`` gets the original either way.
    :param inactive_campaign: whether a campaign that is switched off or over refuses to publish.
    :param deleted_campaigns_listed: True repeats the defect that publications listed by the name of a campaign are
        also those of a deleted one of the same name.
    :param failed_publications_listed: whether refused publications show in listings, as ``FAILURE``.
    :param async_wait_seconds: seconds a bulk update waits before its first row, also in an empty queue.
    :param async_row_seconds: seconds each row of a bulk update takes.
    :param async_unseen_looks: so many looks at a bulk update that was accepted find none (404).
    :param async_outcome: how bulk updates end that are accepted from now on: ``failed`` stops after half
        of the rows, which stay updated.
    :param export_wait_seconds: seconds an export waits before its rows are read, also in an empty queue.
    :param export_row_seconds: seconds each row of an export takes.
    :param export_outcome: how exports end that are asked for from now on; ``error`` gives no reason.
    :param export_token_seconds: seconds for which the address of a file opens it.
    :param export_opened_by: whether the address of a file opens it for those with keys only, or for everybody.
    :param export_content_type: what a file says it is.
    :param export_counted_as: which limit asking for an export counts in.
    :param unknown_export_filter: what becomes of filters that are not documented for exports.
    :param export_fault: what is wrong with files: the filter was ignored, numbers were compared as texts, the end is
        cut off, every so many rows are others than they should be (as many wrong as missing), or are missing.
    :param export_fault_every: one in so many rows is hit.
    :param oauth_token_seconds: seconds for which an OAuth token is worth something.
    :param oauth_tokens: how many OAuth tokens a project may have at a time.
    :param operation_status: whether an async action that is over carries the optional field.
    """

    latency_ms: float = 0.0
    latency_jitter_ms: float = 0.0
    unknown_customer: Literal["potential", "not_found"] = "potential"
    unknown_segment: Literal["empty", "not_found"] = "empty"
    passive_members_listed: bool = True
    cursor: Literal["strict", "inclusive"] = "strict"
    timestamp_storage: Literal["millisecond", "microsecond"] = "millisecond"
    time_bounds: Literal["exclusive", "inclusive"] = "exclusive"
    segment_filter: Literal["both", "query", "query_and_cursor"] = "both"
    has_more: Literal["cursor", "always", "never"] = "cursor"
    total: bool = True
    most_counted: int | None = None
    initial_sync_status: bool = False
    refresh_lag_seconds: float = 0.0
    rate_limit_headers: bool = True
    retry_header: Literal["next_call", "window_end", "absent"] = "next_call"
    retry_after: bool = True
    limit_type: bool = True
    clock_skew_seconds: float = 0.0
    refusal: Literal["none", "payment_required", "permission", "subscription_ended", "bulk_api_calls"] = "none"
    repeated_publication: Literal["original", "refused"] = "original"
    failed_source_id: Literal["free", "used"] = "free"
    updated_at_moved_by: Literal["upserts", "profile_writes"] = "upserts"
    joined_customer: Literal["original", "refused"] = "original"
    inactive_campaign: Literal["refused", "published"] = "refused"
    deleted_campaigns_listed: bool = False
    failed_publications_listed: bool = True
    async_wait_seconds: float = 0.0
    async_row_seconds: float = 0.0
    async_unseen_looks: int = 0
    async_outcome: Literal["done", "failed"] = "done"
    export_wait_seconds: float = 0.0
    export_row_seconds: float = 0.0
    export_outcome: Literal["done", "error"] = "done"
    export_token_seconds: float = 900.0
    export_opened_by: Literal["keys_and_token", "token"] = "keys_and_token"
    export_content_type: Literal["text/plain", "text/csv"] = "text/plain"
    export_counted_as: Literal["api_calls", "bulk_api_calls"] = "api_calls"
    unknown_export_filter: Literal["refused", "ignored"] = "refused"
    export_fault: Literal["none", "filter_ignored", "numbers_as_text", "cut", "swapped", "rows_missing"] = "none"
    export_fault_every: int = 50
    oauth_token_seconds: float = 900.0
    oauth_tokens: int = 1_000
    operation_status: bool = True

    def total_of(self, rows: int) -> int | None:
        """Tell what a listing says of its length.

        :param rows: how many there are.
        :returns: its ``total``; None where it carries none.
        """
        if not self.total:
            return None
        return rows if self.most_counted is None else min(rows, self.most_counted)
