"""Fixed windows, the billing cycle, and what the headers say about them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_voucherify.emulator import Limits, Switches
from airflow_provider_voucherify.emulator.http.limits import Limiter
from tests.emulator.desk import NEW_YEAR, Desk, SetClock

TARGET = "/v1/customers/a/segments"


def desk_with(limits: Limits, switches: Switches | None = None) -> Desk:
    return Desk(limits=limits, switches=switches or Switches())


@given(
    st.lists(st.floats(0, 30), max_size=80),
    st.integers(1, 10),
    st.sampled_from([0.5, 1.0, 6.0, 7.5]),
)
def test_no_window_ever_takes_more_than_its_limit(gaps: list[float], limit: int, seconds: float) -> None:
    limiter, now = Limiter(Limits(limit=limit, window_seconds=seconds)), NEW_YEAR
    permitted = 0
    for gap in gaps:
        now += gap / 10
        permitted += limiter.take(now, "").refused_by is None
        assert limiter.windows[-1].start <= now < limiter.windows[-1].end
    windows = list(limiter.windows)
    assert all(window.used <= limit for window in windows)
    assert all(window.rejected == 0 for window in windows if window.used < limit)
    assert sum(window.used for window in windows) == permitted
    assert all(before.end <= after.start for before, after in pairwise(windows))


def test_a_call_over_the_limit_is_refused_until_the_window_ends() -> None:
    desk = desk_with(Limits(limit=2, window_seconds=6))
    first = desk.ask(TARGET)
    assert first.headers == {
        "X-Rate-Limit-Limit": "2",
        "X-Rate-Limit-Remaining": "1",
        "X-Rate-Limit-Retry": f"{NEW_YEAR:.0f}",
    }
    desk.clock.now += 1.5
    last = desk.ask(TARGET)
    assert (last.headers["X-Rate-Limit-Remaining"], last.headers["X-Rate-Limit-Retry"]) == (
        "0",
        f"{NEW_YEAR + 6:.0f}",
    )
    refused = desk.ask(TARGET)
    assert refused.status == 429
    assert refused.json == {"code": 429, "message": "Too many requests hit the API too quickly."}
    assert refused.headers == last.headers | {"X-Rate-Limit-Type": "api_calls", "Retry-After": "5"}
    desk.clock.now = NEW_YEAR + 6
    assert desk.ask(TARGET).status == 200


def test_refused_calls_use_nothing_up() -> None:
    desk = desk_with(Limits(limit=1, window_seconds=60, cycle_limit=2))
    assert [desk.ask(TARGET).status for _ in range(5)] == [200, 429, 429, 429, 429]
    desk.clock.now += 60
    assert desk.ask(TARGET).status == 200
    counts = desk.state.first.counts
    assert (counts.calls, counts.rejected) == (2, 4)


def test_the_billing_cycle_blocks_for_weeks() -> None:
    desk = desk_with(Limits(limit=100, window_seconds=60, cycle_limit=3, cycle_seconds=1_000))
    assert [desk.ask(TARGET).status for _ in range(4)] == [200, 200, 200, 429]
    desk.clock.now += 100
    refused = desk.ask(TARGET)
    assert refused.headers["X-Rate-Limit-Type"] == "api_calls_cycle"
    assert refused.headers["Retry-After"] == "900"
    assert refused.headers["X-Rate-Limit-Retry"] == f"{NEW_YEAR + 1_000:.0f}"
    assert refused.headers["X-Rate-Limit-Remaining"] == "100"
    desk.clock.now = NEW_YEAR + 1_000
    assert desk.ask(TARGET).status == 200


def test_limits_change_in_the_middle_of_a_window() -> None:
    desk = desk_with(Limits(limit=10, window_seconds=60))
    for _ in range(4):
        desk.ask(TARGET)
    limiter = desk.state.first.limiter
    limiter.change(Limits(limit=4, window_seconds=60), desk.clock())
    assert desk.ask(TARGET).status == 429
    limiter.change(Limits(limit=6, window_seconds=60), desk.clock())
    assert desk.ask(TARGET).headers["X-Rate-Limit-Remaining"] == "1"
    limiter.change(Limits(limit=6, window_seconds=5), desk.clock())
    desk.clock.now += 1
    assert desk.ask(TARGET).headers["X-Rate-Limit-Remaining"] == "5"
    assert [window.end - window.start for window in limiter.windows][-1] == 5


def test_bulk_calls_have_a_bucket_of_their_own() -> None:
    desk = desk_with(Limits(limit=5, window_seconds=60, cycle_limit=2, bulk_limit=2, bulk_window_seconds=600))
    bulk = [desk.ask("/v1/customers/bulk/async", "POST", []) for _ in range(3)]
    assert [reply.status for reply in bulk] == [202, 202, 429]
    assert bulk[1].headers["X-Rate-Limit-Remaining"] == "3"
    assert (bulk[2].headers["X-Rate-Limit-Type"], bulk[2].headers["Retry-After"]) == ("bulk_api_calls", "600")
    assert bulk[2].headers["X-Rate-Limit-Retry"] == f"{NEW_YEAR + 600:.0f}"
    assert [desk.ask(TARGET).status for _ in range(3)] == [200, 200, 429]
    desk.clock.now += 600
    assert desk.ask("/v1/customers/metadata/async", "POST", {"source_ids": [], "metadata": {}}).status == 202
    counts = desk.state.first.counts
    assert (counts.calls, counts.rejected) == (5, 2)


def test_bulk_calls_fit_into_the_window_too() -> None:
    desk = desk_with(Limits(limit=1, bulk_limit=5))
    replies = [desk.ask("/v1/customers/bulk/async", "POST", []) for _ in range(2)]
    assert [reply.status for reply in replies] == [202, 429]
    assert replies[1].headers["X-Rate-Limit-Type"] == "api_calls"
    limiter = desk.state.first.limiter
    limiter.change(Limits(limit=9, bulk_limit=1), desk.clock())
    assert desk.ask("/v1/customers/bulk/async", "POST", []).headers["X-Rate-Limit-Type"] == "bulk_api_calls"
    limiter.restart()
    assert desk.ask("/v1/customers/bulk/async", "POST", []).status == 202


def test_without_a_bulk_limit_a_bulk_call_counts_like_any_other() -> None:
    desk = desk_with(Limits(limit=9, cycle_limit=1))
    assert [desk.ask("/v1/customers/bulk/async", "POST", []).status for _ in range(2)] == [202, 429]


def test_windows_follow_each_other_after_a_pause() -> None:
    limiter = Limiter(Limits(limit=5, window_seconds=6))
    clock = SetClock(NEW_YEAR + 0.7)
    limiter.take(clock(), "")
    clock.now = NEW_YEAR + 21.5
    limiter.take(clock(), "")
    assert [window.start - NEW_YEAR for window in limiter.windows] == [0, 18]


def test_errors_carry_the_headers_and_count() -> None:
    desk = desk_with(Limits(limit=10))
    for left, target in ((9, "/v1/customers/nobody"), (8, "/v1/nothing"), (7, "/v1/customers?limit=0")):
        assert desk.ask(target).headers["X-Rate-Limit-Remaining"] == str(left)


@pytest.mark.parametrize(
    ("switches", "while_left", "when_used_up"),
    [
        (Switches(), NEW_YEAR, NEW_YEAR + 60),
        (Switches(retry_header="window_end"), NEW_YEAR + 60, NEW_YEAR + 60),
        (Switches(clock_skew_seconds=90), NEW_YEAR + 90, NEW_YEAR + 150),
        (Switches(clock_skew_seconds=-90.5), NEW_YEAR - 91, NEW_YEAR - 30),
    ],
)
def test_what_the_retry_header_holds(switches: Switches, while_left: float, when_used_up: float) -> None:
    desk = desk_with(Limits(limit=2), switches)
    assert desk.ask(TARGET).headers["X-Rate-Limit-Retry"] == f"{while_left:.0f}"
    assert desk.ask(TARGET).headers["X-Rate-Limit-Retry"] == f"{when_used_up:.0f}"
    refused = desk.ask(TARGET)
    assert refused.headers["X-Rate-Limit-Retry"] == f"{when_used_up:.0f}"
    assert refused.headers["Retry-After"] == "60"


@pytest.mark.parametrize(
    ("switches", "missing"),
    [
        (Switches(retry_header="absent"), {"X-Rate-Limit-Retry"}),
        (Switches(retry_after=False), {"Retry-After"}),
        (Switches(limit_type=False), {"X-Rate-Limit-Type"}),
        (
            Switches(rate_limit_headers=False),
            {
                "X-Rate-Limit-Limit",
                "X-Rate-Limit-Remaining",
                "X-Rate-Limit-Retry",
                "X-Rate-Limit-Type",
                "Retry-After",
            },
        ),
    ],
)
def test_headers_can_be_left_out(switches: Switches, missing: set[str]) -> None:
    everything = desk_with(Limits(limit=0)).ask(TARGET)
    reply = desk_with(Limits(limit=0), switches).ask(TARGET)
    assert (everything.status, reply.status) == (429, 429)
    assert set(everything.headers) - set(reply.headers) == missing


def test_without_a_limit_there_are_no_headers() -> None:
    assert desk_with(Limits(limit=None)).ask(TARGET).headers == {}


def test_channels_are_told_apart_in_each_window() -> None:
    desk = desk_with(Limits(limit=3, window_seconds=10))
    for channel in ("pull", "pull", "checkout", "checkout", "pull"):
        desk.ask(TARGET, headers={"X-Voucherify-Channel": channel})
    channels = desk.state.first.limiter.windows[-1].channels
    assert (channels["pull"].calls, channels["pull"].rejected) == (2, 1)
    assert (channels["checkout"].calls, channels["checkout"].rejected) == (1, 1)


@pytest.mark.parametrize(
    ("switches", "status", "kind", "message"),
    [
        (Switches(refusal="payment_required"), 402, None, "Payment required"),
        (Switches(refusal="permission"), 403, None, "Missing permission"),
        (Switches(refusal="subscription_ended"), 429, None, "API limit reached"),
        (
            Switches(refusal="bulk_api_calls"),
            429,
            "bulk_api_calls",
            "Too many requests hit the API too quickly.",
        ),
    ],
)
def test_refusals(switches: Switches, status: int, kind: str | None, message: str) -> None:
    desk = desk_with(Limits(limit=10), switches)
    reply = desk.ask(TARGET)
    assert (reply.status, reply.json["message"]) == (status, message)
    assert reply.headers.get("X-Rate-Limit-Type") == kind
    assert ("Retry-After" in reply.headers) == (kind is not None)
    assert reply.headers["X-Rate-Limit-Remaining"] == "10"
    assert desk.state.first.counts.calls == 0
