"""Runs of other shapes than those of the shop, shown by a report: what the page makes of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_voucherify.api.models import JsonObject
from airflow_provider_voucherify.report.html import report_html
from airflow_provider_voucherify.report.task_runs import ReportTask, TaskRun
from tests.page.conftest import Look
from tests.report.samples import day, pull_summary

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NOW = datetime(2026, 2, 3, tzinfo=UTC)
Show = Callable[[Sequence[TaskRun]], Look]


@pytest.fixture
def show(chromium: Browser, tmp_path: Path) -> Iterator[Show]:
    """Open a report of runs."""
    context = chromium.new_context(viewport={"width": 1300, "height": 1000}, accept_downloads=True)
    looks = []

    def opened(runs: Sequence[TaskRun]) -> Look:
        file = tmp_path / "report.html"
        file.write_text(report_html(runs, NOW), encoding="utf-8")
        looks.append(Look(context.new_page()))
        return looks[-1].open(file.as_uri())

    yield opened
    assert [look.complaints for look in looks] == [[]] * len(looks)
    context.close()


def without_history(vip: int) -> JsonObject:
    summary = pull_summary(vip)
    for name in ("entered", "left"):
        del summary[name]
    summary["per_segment"] = [{"segment_id": "seg_1", "segment_name": "VIP", "customers": vip}]
    return summary


def test_without_a_history_the_change_of_sizes_is_shown(show: Show) -> None:
    look = show([day(0, without_history(5)), day(1, without_history(8)), day(2), day(3, without_history(6))])
    head, *rows = look.csv("moves")
    assert head[3:] == ["Grew by", "Shrank by"]
    assert [row[3:] for row in rows] == [["", ""], ["3", ""], ["", ""], ["", "-2"]]
    assert look.page.locator(".tile", has_text="Entered, left").count() == 0


def test_a_run_that_failed_leaves_a_gap_and_its_state(show: Show) -> None:
    look = show([day(0, pull_summary(5)), day(1), day(2, pull_summary(7))])
    rows = [row[2:4] for row in look.csv("sizes")[1:]]
    assert rows == [["success", "5"], ["failed", ""], ["success", "7"]]
    assert "2 runs with numbers, 1 without" in look.page.locator(".status").inner_text()
    look.picture("sizes").locator(".drawing").focus()
    look.page.keyboard.press("Home")
    look.page.keyboard.press("ArrowRight")
    assert "2 Jan 2026 (failed)" in look.picture("sizes").locator(".readout").inner_text()


def test_mapped_tasks_are_summed_or_looked_at_one_by_one(show: Show) -> None:
    parts = [replace(day(0, pull_summary(vip)), map_index=at, map_label=f"brand {at}") for at, vip in enumerate((3, 4))]
    look = show(parts)
    assert look.readout("sizes")[1]["VIP"] == "7"
    assert look.csv("calls")[1][3:] == ["20", "14"]
    look.page.get_by_role("combobox", name="Mapped task").select_option(label="brand 1")
    assert look.readout("sizes")[1]["VIP"] == "4"
    look.page.get_by_role("combobox", name="Mapped task").select_option(label="All 2 mapped")
    assert look.readout("sizes")[1]["VIP"] == "7"


def test_tasks_of_a_dag_that_publish_count_as_one(show: Show) -> None:
    told: JsonObject = {"published": 5, "published_before": 2, "unknown": 1, "failed": 0, "no_voucher": 1, "calls": 9}
    tasks = [ReportTask("shop", name, "publish") for name in ("publish", "publish_more")]
    look = show([day(0, pull_summary()), *(day(0, told, task) for task in tasks)])
    assert look.csv("publications")[1][3:] == ["6", "4"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (9.94, "9.9 s"),
        (99.4, "99 s"),
        (119.7, "2 min 0 s"),
        (5_999.4, "99 min 59 s"),
        (5_999.7, "1 h 40 min"),
        (7_199.0, "2 h 0 min"),
    ],
)
def test_a_duration_is_rounded_before_it_is_divided(show: Show, seconds: float, words: str) -> None:
    look = show([day(0, pull_summary() | {"duration_seconds": seconds, "waited_seconds": 0.0})])
    assert look.readout("time")[1]["At work"] == words


def test_the_part_of_the_plan_is_said_to_be_that_of_the_runs_shown(show: Show) -> None:
    look = show(
        [day(0, pull_summary(calls=7_000)), day(1, pull_summary(calls=2_000)), day(31, pull_summary(calls=500))]
    )
    assert "February 2026: 500 calls in the runs shown, 0.50 % of the plan" in look.page.locator(".month").inner_text()


def test_dags_are_chosen(show: Show) -> None:
    other = ReportTask("other_shop", "pull_segments", "pull")
    look = show([day(0, pull_summary(3)), day(1, pull_summary(9), other)])
    look.page.get_by_role("combobox", name="Task").select_option(label="shop \u203a pull_segments")
    look.page.locator(".page[data-read=all]").wait_for()
    assert look.readout("sizes")[1]["VIP"] == "3"


def test_no_spreadsheet_takes_a_name_for_a_formula(show: Show) -> None:
    summary = pull_summary()
    names = ["=HYPERLINK(1)", "+1", "@x", 'a "quoted", name', "-2"]
    summary["per_segment"] = [
        {"segment_id": str(at), "segment_name": name, "customers": 9 - at} for at, name in enumerate(names)
    ]
    rows = show([day(0, summary)]).csv("last_run")[1:]
    assert [row[1] for row in rows] == ["'=HYPERLINK(1)", "'+1", "'@x", 'a "quoted", name', "'-2"]


def test_a_segment_that_came_later_was_empty_before(show: Show) -> None:
    later = pull_summary(5)
    segment: JsonObject = {"segment_id": "seg_3", "segment_name": "Later", "customers": 50, "entered": 50, "left": 0}
    later["per_segment"] = [segment, *json.loads(json.dumps(later["per_segment"]))]
    look = show([day(0, pull_summary(4)), day(1, later)])
    assert [row[3:5] for row in look.csv("sizes")] == [["Later", "VIP"], ["0", "4"], ["50", "5"]]


def test_a_task_that_told_nothing_yet_is_said(show: Show) -> None:
    look = show([day(0), day(1)])
    assert "0 runs with numbers, 2 without" in look.page.locator(".status").inner_text()
    assert look.picture("sizes").get_by_text("No run told anything yet.").is_visible()


def test_the_keyboard_goes_on_where_it_was_once_a_picture_is_drawn_anew(show: Show) -> None:
    look = show([day(number, pull_summary(number + 1)) for number in range(40)])
    look.picture("time").locator(".drawing").focus()  # far below what is in sight
    look.page.keyboard.press("Home")
    assert look.readout("time")[0] == "1 Jan 2026"
    look.picture("sizes").locator(".drawing").focus()
    look.page.keyboard.press("End")
    look.page.keyboard.press("ArrowLeft")
    look.painted("sizes")
    look.page.emulate_media(color_scheme="dark")
    look.page.locator(".page[data-theme=dark]").wait_for()
    look.painted("sizes")
    assert look.readout("sizes")[0] == "8 Feb 2026"
    look.page.keyboard.press("ArrowLeft")
    assert look.readout("sizes")[0] == "7 Feb 2026"
