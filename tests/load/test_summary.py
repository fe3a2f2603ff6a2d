"""Counting answers."""

from __future__ import annotations

import json

from airflow_provider_voucherify.api.models import Segment
from airflow_provider_voucherify.load.base import LoadSummary, SegmentCount
from airflow_provider_voucherify.load.summary import memberships, summary_from_json, summary_to_json
from tests.load.runs import failed, found, no_segment, summarise, unknown

ANSWERS = [
    failed("anna"),
    found("bert", "new", "gold"),
    no_segment("carl"),
    unknown("dora"),
    found("anna", "gold", "gold"),
    failed("emil"),
]
SUMMARY = LoadSummary(
    found=2,
    no_segment=1,
    unknown=1,
    failed=1,
    memberships=3,
    per_segment=(SegmentCount("seg_gold", "Gold", 2), SegmentCount("seg_new", "New", 1)),
)


def test_every_customer_counts_once_with_the_last_answer() -> None:
    assert summarise(ANSWERS) == SUMMARY
    assert SUMMARY.customers == 5


def test_nothing_makes_an_empty_summary() -> None:
    assert summarise([]) == LoadSummary()


def test_segments_of_one_size_are_ordered_by_id() -> None:
    assert [entry.segment_id for entry in summarise([found("anna", "b", "a", "c")]).per_segment] == [
        "seg_a",
        "seg_b",
        "seg_c",
    ]


def test_a_summary_survives_json() -> None:
    assert summary_from_json(json.loads(json.dumps(summary_to_json(SUMMARY)))) == SUMMARY


def test_a_repeated_segment_is_one_membership() -> None:
    assert memberships(found("anna", "gold", "gold")) == (Segment("seg_gold", "Gold"),)
