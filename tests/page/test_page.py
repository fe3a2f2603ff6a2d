"""What people see and do on the page, number by number beside the XComs it was made from."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.page import ADMIN, WITHOUT_RIGHTS
from tests.page.conftest import PASSWORD, Json, Look, Site
from tests.page.shop import DAG_ID, MARKUP, PUBLISH_ID, TASK_ID

if TYPE_CHECKING:
    from playwright.sync_api import Route

CHOSEN_AT_FIRST = 6


def largest(site: Site, number: int = CHOSEN_AT_FIRST) -> list[str]:
    """Return the names of the largest segments of the last run."""
    return [segment["segment_name"] for segment in site.last["per_segment"]][:number]


def sizes(summary: dict[str, object]) -> dict[str, int]:
    per_segment = summary["per_segment"]
    assert isinstance(per_segment, list)
    return {segment["segment_name"]: segment["customers"] for segment in per_segment}


def in_words(day: str) -> str:
    return f"{date.fromisoformat(day):%-d %b %Y}"


def test_sizes_are_those_of_the_xcoms(look: Look, site: Site) -> None:
    head, *rows = look.csv("sizes")
    names = largest(site)
    assert head == ["run_id", "date", "state", *names]
    assert [row[1][:10] for row in rows] == list(site.pulls)
    expected = [[str(sizes(summary).get(name, 0)) for name in names] for summary in site.pulls.values()]
    assert [row[3:] for row in rows] == expected
    shown = [[f"{int(number):,}" for number in row] for row in reversed(expected)]
    assert [row[2:] for row in look.table("sizes")] == shown


def test_who_entered_and_left_is_that_of_the_xcoms(look: Look, site: Site) -> None:
    expected = [[str(one["entered"]), str(one["left"])] for one in site.pulls.values()]
    assert [row[3:] for row in look.csv("moves")[1:]] == expected
    assert [row[2:] for row in look.table("moves")] == [[f"{int(n):,}" for n in row] for row in reversed(expected)]
    look.picture("moves").get_by_role("button", name="Chosen ones").click()
    names = set(largest(site))
    of_chosen = [
        [
            str(sum(segment[change] for segment in one["per_segment"] if segment["segment_name"] in names))
            for change in ("entered", "left")
        ]
        for one in site.pulls.values()
    ]
    assert [row[3:] for row in look.csv("moves")[1:]] == of_chosen


def test_calls_stand_under_the_way_they_were_made(look: Look, site: Site) -> None:
    head, *rows = look.csv("calls")
    ways = {"per_customer": "Asked one by one", "per_segment": "Listed by segment"}
    assert head[3:] == ["One by one it takes", *ways.values()]
    for row, summary in zip(rows, site.pulls.values(), strict=True):
        told = dict(zip(head[3:], row[3:], strict=True))
        way = ways[summary["strategy"]]
        assert told.pop(way) == str(summary["calls"])
        assert told.pop("One by one it takes") == str(summary["customers"])
        assert set(told.values()) == {""}
    month = max(site.pulls)[:7]
    calls = sum(summary["calls"] for day, summary in site.pulls.items() if day.startswith(month))
    assert f"{calls:,} calls" in look.picture("calls").locator(".month").inner_text()
    look.picture("calls").get_by_role("combobox", name="Plan").select_option("other")
    look.picture("calls").get_by_role("spinbutton", name="Calls a month").fill(str(2 * calls))
    assert "50 % of the plan" in look.picture("calls").locator(".month").inner_text()


def test_durations_and_waits_are_those_of_the_xcoms(look: Look, site: Site) -> None:
    head, *rows = look.csv("time")
    assert head[3:] == ["Waited for the rate limit", "At work"]
    for row, summary in zip(rows, site.pulls.values(), strict=True):
        assert float(row[3]) == summary["waited_seconds"]
        assert float(row[3]) + float(row[4]) == pytest.approx(summary["duration_seconds"])


def test_publications_are_those_of_the_xcoms(look: Look, site: Site) -> None:
    rows = {row[1][:10]: row[3:] for row in look.csv("publications")[1:]}
    assert {day: row for day, row in rows.items() if row != ["", ""]} == {
        day: [
            str(one["published"] - one["published_before"]),
            str(one["unknown"] + one["failed"] + one["no_voucher"]),
        ]
        for day, one in site.publications.items()
    }
    assert sum(one["failed"] for one in site.publications.values()) > 0
    given = sum(one["published"] - one["published_before"] for one in site.publications.values())
    assert f"{given:,}" in look.page.locator(".tile", has_text="Vouchers given").inner_text()


def test_the_last_run_is_that_of_the_xcom(look: Look, site: Site) -> None:
    before = sizes(site.pulls[sorted(site.pulls)[-2]])
    expected = {
        segment["segment_id"]: [
            segment["segment_name"],
            str(segment["customers"]),
            str(segment["customers"] - before.get(segment["segment_name"], 0)),
        ]
        for segment in site.last["per_segment"]
    }
    rows = look.csv("last_run")[1:]
    assert {row[0]: row[1:] for row in rows if row[2] != "0"} == {
        id_: row for id_, row in expected.items() if row[1] != "0"
    }
    numbers = [int(row[2]) for row in rows]
    assert numbers == sorted(numbers, reverse=True)
    shown = look.picture("last_run").locator("li .size").all_inner_texts()
    assert shown == [f"{number:,}" for number in numbers[:12]]
    tiles = look.page.locator(".tiles").inner_text()
    for name in ("customers", "memberships", "calls"):
        assert f"{site.last[name]:,}" in tiles


def test_segments_are_searched_and_sorted(look: Look, site: Site) -> None:
    picture = look.picture("last_run")
    picture.get_by_role("searchbox").fill("pANel")
    names = picture.locator("li .name > span:first-child")
    assert set(names.all_inner_texts()) == {name for name in sizes(site.last) if "panel" in name.lower()}
    picture.get_by_role("searchbox").fill("nothing has this name")
    assert "No segment has that in its name" in picture.get_by_role("status").inner_text()
    picture.get_by_role("searchbox").fill("")
    picture.get_by_role("combobox").select_option("name")
    found = names.all_inner_texts()
    assert found == sorted(found, key=str.lower)[: len(found)]


def test_a_segment_gets_a_line_and_loses_it(look: Look, site: Site) -> None:
    other = [segment["segment_name"] for segment in site.last["per_segment"]][CHOSEN_AT_FIRST]
    button = look.picture("last_run").get_by_role("button", name=re.compile(f"^{other}: "))
    assert button.get_attribute("aria-pressed") == "false"
    button.press("Enter")
    assert button.get_attribute("aria-pressed") == "true"
    assert look.csv("sizes")[0][3:] == [*largest(site), other]
    look.picture("sizes").get_by_role("button", name=f"Take {other} out of the picture").click()
    assert look.csv("sizes")[0][3:] == largest(site)


def test_more_lines_than_can_be_told_apart_are_refused_in_words(look: Look) -> None:
    buttons = look.picture("last_run").locator("li button[aria-pressed=false]")
    for _ in range(3):
        buttons.first.click()
    assert look.picture("sizes").locator(".readout .value").count() == 8
    assert "8 segments have a line" in look.page.locator(".status").inner_text()


def test_the_pointer_tells_values_in_all_pictures_of_the_task(look: Look, site: Site) -> None:
    for name in ("moves", "calls", "time"):
        look.painted(name)
    box = look.painted("sizes").bounding_box()
    assert box is not None
    days = list(site.pulls)
    at = len(days) // 3
    part = (at + 0.6) / (len(days) + 0.2)
    look.page.mouse.move(box["x"] + part * box["width"], box["y"] + box["height"] / 2)
    summary = site.pulls[days[at]]
    when, values = look.readout("sizes")
    assert when == in_words(days[at])
    assert values == {name: f"{sizes(summary).get(name, 0):,}" for name in largest(site)}
    assert look.readout("moves") == (when, {"Entered": f"{summary['entered']:,}", "Left": f"{summary['left']:,}"})
    assert look.readout("calls")[0] == look.readout("time")[0] == when
    look.page.mouse.move(5, 5)
    assert look.readout("moves")[0] == in_words(days[-1])


def test_the_keyboard_walks_through_the_runs(look: Look, site: Site) -> None:
    days = list(site.pulls)
    look.picture("moves").locator(".drawing").focus()
    for key, day in (("Home", days[0]), ("ArrowRight", days[1]), ("End", days[-1]), ("ArrowLeft", days[-2])):
        look.page.keyboard.press(key)
        summary = site.pulls[day]
        expected = {"Entered": f"{summary['entered']:,}", "Left": f"{summary['left']:,}"}
        assert look.readout("moves") == (in_words(day), expected)
    assert look.picture("moves").locator(".readout").get_attribute("aria-live") == "polite"


def test_a_run_is_a_link_away(look: Look, site: Site) -> None:
    look.picture("last_run").get_by_role("link").click()
    look.page.wait_for_url(re.compile(f"/dags/{DAG_ID}/runs/[^/]+/tasks/{TASK_ID}"))
    look.page.get_by_text("Rendered Templates").first.wait_for()


def test_fewer_runs_are_looked_at(look: Look, site: Site) -> None:
    look.page.get_by_role("button", name="Last 30 runs").click()
    look.page.locator(".page[data-read=all]").wait_for()
    assert [row[1][:10] for row in look.csv("calls")[1:]] == list(site.pulls)[-30:]


def test_the_page_is_dark_where_airflow_is(look: Look) -> None:
    main, card = look.page.locator(".page"), look.picture("sizes")
    colour, text = (f"element => getComputedStyle(element).{name}" for name in ("backgroundColor", "color"))
    light = (card.evaluate(colour), card.evaluate(text))
    assert main.get_attribute("data-theme") == "light"
    look.page.evaluate("document.documentElement.classList.replace('light', 'dark')")
    look.page.locator(".page[data-theme=dark]").wait_for()
    assert card.evaluate(text) == "rgb(231, 235, 241)"
    assert card.evaluate(colour) not in light
    look.page.evaluate("localStorage.setItem('theme', 'dark')")
    look.page.reload()
    look.page.locator(".page[data-theme=dark][data-read=all]").wait_for()


def test_a_name_with_markup_is_text(look: Look) -> None:
    assert look.picture("last_run").get_by_text(MARKUP, exact=True).count() == 1
    assert MARKUP in look.readout("sizes")[1]
    look.picture("sizes").get_by_role("button", name="Table", exact=True).click()
    assert MARKUP in look.picture("sizes").locator("th").all_inner_texts()
    assert look.page.locator(".page img").count() == 0
    assert look.page.title() != "taken"
    assert any(MARKUP in row for row in look.csv("last_run"))


def test_a_viewer_without_the_right_sees_that_in_words(site: Site, log_in: Callable[[str], Look]) -> None:
    window = log_in(WITHOUT_RIGHTS)
    window.page.goto(f"{site.url}/dags/{DAG_ID}/plugin/voucherify-dag")
    message = window.page.get_by_role("alert")
    message.get_by_text("You may not see this").wait_for()
    assert f"does not let you read the XComs of {DAG_ID}" in message.inner_text()
    assert not window.page.locator(".pictures").is_visible()
    assert "Engaged" not in window.page.locator(".page").inner_text()


def test_a_session_that_is_over_is_said_in_words(look: Look) -> None:
    look.page.route("**/api/v2/**", lambda route: route.fulfill(status=401, json={"detail": "Not authenticated"}))
    look.page.get_by_role("button", name="Last 30 runs").click()
    look.page.get_by_role("alert").get_by_text("You are not logged in any more").wait_for()
    assert not look.page.locator(".pictures").is_visible()
    look.complaints.clear()  # the browser's own, of the 401


def test_a_server_that_is_gone_is_said_and_may_be_asked_again(look: Look) -> None:
    look.page.route("**/api/v2/**", lambda route: route.abort())
    look.page.get_by_role("button", name="Last 30 runs").click()
    look.page.get_by_role("alert").get_by_text("Airflow cannot be reached").wait_for()
    look.page.unroute("**/api/v2/**")
    look.page.get_by_role("button", name="Try again").click()
    look.page.locator(".page[data-read=all]").wait_for()
    assert look.picture("sizes").is_visible()
    look.complaints.clear()


def test_a_run_that_begins_while_pages_are_read_doubles_none(look: Look) -> None:
    before = {name: look.csv(name) for name in ("sizes", "calls", "publications")}
    last: dict[str, Json] = {}

    def as_if_one_began(route: Route) -> None:
        found = route.fetch().json()
        task = re.search(r"task_id=(\w+)", route.request.url)
        assert task is not None
        if "offset=0" in route.request.url:
            last[task[1]] = found["task_instances"][-1]
        else:
            found["task_instances"] = [last[task[1]]]
        route.fulfill(json=found | {"total_entries": found["total_entries"] + 1})

    look.page.route(re.compile(r"/taskInstances\?"), as_if_one_began)
    look.page.get_by_role("button", name="Last 365 runs").click()
    look.page.locator(".page[data-read=all]").wait_for()
    assert {name: look.csv(name) for name in before} == before


def test_the_menu_leads_to_all_tasks(site: Site, log_in: Callable[[str], Look]) -> None:
    window = log_in(ADMIN).open(f"{site.url}/plugin/voucherify")
    assert f"{DAG_ID} \u203a {TASK_ID}" in window.page.locator(".top").inner_text()
    assert len(window.csv("sizes")) == len(site.pulls) + 1


def test_a_task_has_its_own_page(site: Site, log_in: Callable[[str], Look]) -> None:
    window = log_in(ADMIN).open(f"{site.url}/dags/{DAG_ID}/tasks/{PUBLISH_ID}/plugin/voucherify-task")
    assert not window.picture("sizes").is_visible()
    assert len(window.csv("publications")) == len(site.pulls) + 1
    window.page.goto(f"{site.url}/dags/{DAG_ID}/tasks/is_later/plugin/voucherify-task")
    window.page.get_by_role("alert").get_by_text("Nothing to show here").wait_for()


def test_a_report_shows_the_same_numbers_and_asks_nobody(
    look: Look, site: Site, log_in: Callable[[str], Look], tmp_path: Path
) -> None:
    output = tmp_path / "report.html"
    command = [sys.executable, "-m", "airflow_provider_voucherify.report", "--dag", DAG_ID, "--url", site.url]
    login = {"AIRFLOW_API_USERNAME": ADMIN, "AIRFLOW_API_PASSWORD": PASSWORD}
    subprocess.run([*command, "--output", str(output)], env=site.environment | login, check=True, capture_output=True)
    report = log_in(ADMIN)
    report.page.context.set_offline(True)
    report.open(output.as_uri())
    for name in ("sizes", "moves", "calls", "time", "publications", "last_run"):
        assert report.csv(name) == look.csv(name)
    assert report.page.locator(".when a").first.get_attribute("href").startswith(f"{site.url}/dags/{DAG_ID}/runs/")
    assert report.page.title() == "Voucherify segments"
    assert report.complaints == []
    assert {address for address in report.asked if not address.startswith("blob:")} == {output.as_uri()}
