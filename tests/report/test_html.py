"""A report's file: its numbers, and that it runs nothing but its own page."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

from airflow_provider_voucherify.report.html import report_html
from airflow_provider_voucherify.report.task_runs import ReportTask, lines_of
from airflow_provider_voucherify.ui.files import PAGE
from tests.report.samples import MARKUP, day, pull_summary

NOW = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)


class _Elements(HTMLParser):
    """Collects elements with their attributes and texts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.found:
            tag, attributes, text = self.found[-1]
            self.found[-1] = (tag, attributes, text + data)


def elements(html: str) -> list[tuple[str, dict[str, str | None], str]]:
    parser = _Elements()
    parser.feed(html)
    return parser.found


def test_the_latest_runs_come_first_and_segments_are_named_once() -> None:
    lines = [
        json.loads(line) for line in lines_of("Shop", NOW, None, [day(0, pull_summary(3)), day(1, pull_summary(5))])
    ]
    head, last, first = lines
    assert (head["title"], head["made_at"], head["url"]) == ("Shop", "3 Feb 2026, 04:05 UTC", None)
    assert head["tasks"] == [{"dag_id": "shop", "task_id": "pull_segments", "kind": "pull"}]
    assert head["segments"] == [["seg_1", "VIP"], ["seg_2", MARKUP]]
    assert last["summary"]["per_segment"] == [[0, 5, 2, 1], [1, 2, 0, 0]]
    assert first["summary"]["per_segment"] == [[0, 3, 2, 1], [1, 2, 0, 0]]
    assert (first["run_id"], first["date"], first["state"]) == ("run 0", "2026-01-01T00:00:00+00:00", "success")


def test_without_a_history_nothing_is_said_of_who_entered() -> None:
    summary = pull_summary()
    summary["per_segment"] = [{"segment_id": "seg_1", "segment_name": "", "customers": 3}]
    head, line = (json.loads(line) for line in lines_of("Shop", NOW, None, [day(0, summary)]))
    assert (head["segments"], line["summary"]["per_segment"]) == ([["seg_1", "seg_1"]], [[0, 3]])


def test_the_page_finds_the_lines_of_a_task_by_how_they_begin() -> None:
    other = ReportTask("shop", "publish", "publish")
    _, *lines = lines_of("Shop", NOW, None, [day(0, pull_summary()), day(1, {"published": 2, "calls": 3}, other)])
    assert [line.partition(',"run_id"')[0] for line in lines] == ['{"task":1', '{"task":0']
    assert json.loads(lines[0])["summary"] == {"published": 2, "calls": 3, "strategy": None}


def test_a_run_that_told_nothing_is_there() -> None:
    _, line = lines_of("Shop", NOW, None, [day(0)])
    assert (json.loads(line)["state"], json.loads(line)["summary"]) == ("failed", None)


def test_no_customer_is_in_a_report() -> None:
    html = report_html([day(0, pull_summary())], NOW)
    assert "customer-of-a-sample" not in html
    assert "customer-that-failed" not in html


def test_names_cannot_end_the_script_they_stand_in() -> None:
    hostile = ReportTask('"><script>alert(1)</script>', "<b>", "pull")
    html = report_html([day(0, pull_summary()), day(1, pull_summary(), hostile)], NOW, "https://airflow/<i>")
    found = elements(html)
    assert [attributes for tag, attributes, _ in found if tag == "script"] == [
        {"type": "application/json", "id": "voucherify-report"},
        {},
    ]
    assert {tag for tag, _, _ in found} == {"html", "head", "meta", "title", "style", "body", "noscript", "script"}
    (data,) = (text for tag, attributes, text in found if attributes.get("id") == "voucherify-report")
    assert MARKUP in json.loads(data.strip().splitlines()[0])["segments"][1]


def test_only_the_page_may_run_and_it_may_ask_nobody() -> None:
    html = report_html([day(0, pull_summary())], NOW)
    found = elements(html)
    (policy,) = (str(attributes["content"]) for tag, attributes, _ in found if "http-equiv" in attributes)
    script = found[-1][2].removesuffix("\n")
    digest = base64.b64encode(hashlib.sha256(PAGE.read_text(encoding="utf-8").encode()).digest()).decode()
    assert script.startswith(PAGE.read_text(encoding="utf-8")[:200])
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def test_the_report_reads_the_numbers_the_page_reads() -> None:
    source = (PAGE.parents[3] / "page" / "src" / "history.ts").read_text()
    (listed,) = re.findall(r"const NUMBERS = \[(.*?)\];", source, re.DOTALL)
    wanted = set(re.findall(r'"(\w+)"', listed))
    _, line = lines_of("Shop", NOW, None, [day(0, dict.fromkeys(wanted, 1))])
    assert set(json.loads(line)["summary"]) - {"strategy"} == wanted
