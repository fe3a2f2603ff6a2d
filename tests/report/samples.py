"""Summaries as the operators return them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow_provider_voucherify.api.models import JsonObject
from airflow_provider_voucherify.report.task_runs import ReportTask, TaskRun

PULL = ReportTask("shop", "pull_segments", "pull")
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
MARKUP = "</script><img src=x onerror=alert(1)>"


def pull_summary(vip: int = 3, calls: int = 7) -> JsonObject:
    return {
        "customers": 10,
        "found": 8,
        "unknown": 1,
        "unknown_sample": ["customer-of-a-sample"],
        "memberships": vip + 2,
        "per_segment": [
            {"segment_id": "seg_1", "segment_name": "VIP", "customers": vip, "entered": 2, "left": 1},
            {"segment_id": "seg_2", "segment_name": MARKUP, "customers": 2, "entered": 0, "left": 0},
        ],
        "entered": 2,
        "left": 1,
        "strategy": "per_segment",
        "mismatch": None,
        "calls": calls,
        "waited_seconds": 1.5,
        "duration_seconds": 4.25,
        "failures": [{"customer_id": "customer-that-failed", "reason": "timeout"}],
    }


def day(number: int, summary: JsonObject | None = None, task: ReportTask = PULL) -> TaskRun:
    date = FIRST_DAY + timedelta(days=number)
    return TaskRun(task, f"run {number}", date, "failed" if summary is None else "success", summary=summary)
