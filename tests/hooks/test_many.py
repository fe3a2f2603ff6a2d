"""Many customers: the async client and the DataFrame."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.calls import reads as endpoints
from airflow_provider_voucherify.hooks.memberships import SomeCustomersFailed
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from airflow_provider_voucherify.pull.customers.sources import CustomerQuery
from tests.hooks.conftest import SECRET, MakeHook
from tests.hooks.local_server import Answer, Call, LocalServer, json_answer

RATE = {"X-Rate-Limit-Limit": "2000", "X-Rate-Limit-Remaining": "1987"}


def memberships(call: Call) -> Answer:
    """Put customer ``c<n>`` into segments 0 to n-1, at most 3."""
    match = re.fullmatch(r"/v1/customers/c(\d+)/segments", call.target)
    assert match is not None, call.target
    data = [{"id": f"seg_{n}", "name": f"S{n}", "object": "segment"} for n in range(min(int(match[1]), 3))]
    return json_answer({"object": "list", "data_ref": "data", "data": data, "total": len(data)}, RATE)


def test_a_frame_has_a_row_for_each_customer_and_segment(make_hook: MakeHook, server: LocalServer) -> None:
    server.answer = memberships
    before = datetime.now(UTC)
    frame = make_hook(host=server.url).get_customer_segments_df(["c2", "c0", "c3", "c2", "c1"])
    assert list(frame.columns) == ["customer_id", "segment_id", "segment_name", "observed_at"]
    assert list(zip(frame["customer_id"], frame["segment_id"], frame["segment_name"], strict=True)) == [
        ("c2", "seg_0", "S0"),
        ("c2", "seg_1", "S1"),
        ("c3", "seg_0", "S0"),
        ("c3", "seg_1", "S1"),
        ("c3", "seg_2", "S2"),
        ("c1", "seg_0", "S0"),
    ]
    assert frame["observed_at"].between(before, datetime.now(UTC)).all()
    assert len(server.calls) == 4
    assert server.calls[0].headers["X-App-Token"] == SECRET


@pytest.mark.parametrize("customer_ids", [[], ["c0"]])
def test_an_empty_frame_has_the_same_types(make_hook: MakeHook, server: LocalServer, customer_ids: list[str]) -> None:
    server.answer = memberships
    hook = make_hook(host=server.url)
    empty, full = hook.get_customer_segments_df(customer_ids), hook.get_customer_segments_df(["c1"])
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()
    assert isinstance(full["observed_at"].dtype, pd.DatetimeTZDtype)


def test_a_frame_in_a_notebook(make_hook: MakeHook, server: LocalServer) -> None:
    server.answer = memberships
    hook = make_hook(host=server.url)

    async def cell() -> pd.DataFrame:
        return hook.get_customer_segments_df(["c1", "c2"])

    assert len(asyncio.run(cell())) == 3


def test_calls_are_made_at_the_same_time(make_hook: MakeHook, server: LocalServer) -> None:
    ids = ["c1", "c2", "c3", "c4", "c5"]
    meeting = threading.Barrier(4, timeout=5)

    def answer(call: Call) -> Answer:
        if "/c1/" not in call.target:  # the first one finds out the limit alone; the others have to meet here
            meeting.wait()
        return memberships(call)

    server.answer = answer
    frame = make_hook(host=server.url).get_customer_segments_df(tuple(ids), concurrency=4)
    assert list(frame["customer_id"].unique()) == ids


def test_the_async_client_takes_no_password_from_netrc_either(
    make_hook: MakeHook, server: LocalServer, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password else\n")
    server.answer = memberships
    make_hook(host=server.url).get_customer_segments_df(["c1"])
    assert "Authorization" not in server.calls[0].headers


@pytest.mark.parametrize("customer_ids", [["c1", ".."], ["c1", ""], "c1", [None]])
def test_a_wrong_id_costs_no_call(make_hook: MakeHook, server: LocalServer, customer_ids: list[str]) -> None:
    with pytest.raises(errors.InvalidCustomerId):
        make_hook(host=server.url).get_customer_segments_df(customer_ids)
    assert server.calls == []


def test_refused_keys_end_it(make_hook: MakeHook, server: LocalServer) -> None:
    server.answer = lambda _: Answer(401)
    with pytest.raises(errors.NotAuthenticated):
        make_hook(host=server.url).get_customer_segments_df(["c1", "c2"])


def test_a_failed_customer_is_no_silent_gap(make_hook: MakeHook, server: LocalServer) -> None:
    server.answer = lambda call: Answer(400) if "c2" in call.target else memberships(call)
    with pytest.raises(SomeCustomersFailed, match=r"1 of 3 customers failed \(RequestRefused 400: 1\)"):
        make_hook(host=server.url).get_customer_segments_df(["c1", "c2", "c3"])


def test_without_pandas_the_extra_is_named_and_no_call_made(
    make_hook: MakeHook, server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install 'airflow-provider-voucherify\[pandas\]'"):
        make_hook(host=server.url).get_customer_segments_df(["c1"])
    assert server.calls == []


def test_the_async_client_works_within_a_loop(make_hook: MakeHook, server: LocalServer) -> None:
    server.answer = memberships
    hook = make_hook(host=server.url)

    async def pull() -> int:
        async with hook.aclient(concurrency=2) as client:
            await endpoints.segments_of_customer(client, "c3")
            return client.calls.sent

    assert asyncio.run(pull()) == 1


@pytest.mark.parametrize(("of_connection", "of_call"), [(None, 3), (3, None), (3, 100), (100, 3)])
def test_the_lower_ceiling_holds(
    make_hook: MakeHook, server: LocalServer, of_connection: int | None, of_call: int | None
) -> None:
    server.answer = memberships
    hook = make_hook(host=server.url, extra={"requests_per_minute": of_connection})

    async def pull() -> None:
        async with hook.aclient(requests_per_minute=of_call, longest_wait=0) as client:
            for _ in range(4):
                await endpoints.segments_of_customer(client, "c1")

    with pytest.raises(errors.WindowClosed):
        asyncio.run(pull())
    assert len(server.calls) == 3


def limit_to_ten(server: LocalServer) -> None:
    """Let it say that ten calls are allowed."""
    server.answer = lambda _: json_answer(
        {"object": "list", "data_ref": "data", "data": [], "total": 0},
        {"X-Rate-Limit-Limit": "10", "X-Rate-Limit-Remaining": str(10 - len(server.calls))},
    )


async def ask(hook: VoucherifyHook, calls: int) -> None:
    """Make calls by a client that waits for nothing."""
    async with hook.aclient(longest_wait=0) as client:
        for _ in range(calls):
            await endpoints.segments_of_customer(client, "c1")


def test_the_share_of_the_hook_bounds_the_window(make_hook: MakeHook, server: LocalServer) -> None:
    limit_to_ten(server)
    hook = make_hook(host=server.url, quota_share=0.4)

    with pytest.raises(errors.WindowClosed):
        asyncio.run(ask(hook, 10))
    assert 1 <= len(server.calls) <= 4


def test_clients_of_one_hook_have_the_share_together(make_hook: MakeHook, server: LocalServer) -> None:
    limit_to_ten(server)
    hook = make_hook(host=server.url, quota_share=0.4)

    asyncio.run(ask(hook, 2))
    with pytest.raises(errors.WindowClosed):
        asyncio.run(ask(hook, 8))
    assert len(server.calls) <= 4


def test_clients_of_one_hook_have_the_ceiling_together(make_hook: MakeHook, server: LocalServer) -> None:
    server.answer = memberships
    hook = make_hook(host=server.url, extra={"requests_per_minute": 3})

    asyncio.run(ask(hook, 2))
    with pytest.raises(errors.WindowClosed):
        asyncio.run(ask(hook, 2))
    assert len(server.calls) == 3


def test_a_client_beside_another_takes_what_is_used_for_the_others(make_hook: MakeHook, server: LocalServer) -> None:
    limit_to_ten(server)
    hook = make_hook(host=server.url, quota_share=0.4)

    async def ask_side_by_side() -> None:
        async with hook.aclient(longest_wait=0) as one:
            for _ in range(2):
                await endpoints.segments_of_customer(one, "c1")
            await ask(hook, 8)

    with pytest.raises(errors.WindowClosed):
        asyncio.run(ask_side_by_side())
    assert len(server.calls) <= 4


@pytest.mark.parametrize("customers", [CustomerQuery("SELECT id FROM customers", "warehouse"), None], ids=str)
def test_what_only_an_operator_can_read_is_refused(make_hook: MakeHook, server: LocalServer, customers: object) -> None:
    hook = make_hook(host=server.url)
    for method in (hook.plan_customer_segments, hook.get_customer_segments_df):
        with pytest.raises(errors.InvalidCustomerId, match=r"a CustomerQuery is run by an operator only"):
            method(customers)  # type: ignore[arg-type]
    assert not server.calls


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"segments": "VIP"}, "segments is str; write a list of ids or names"),
        ({"segments": []}, "segments is an empty list"),
        ({"segments": [1]}, "segments holds 1;"),
        (
            {"strategy": "per-customer"},
            "strategy is 'per-customer'; write one of 'auto', 'per_customer', 'per_segment'",
        ),
    ],
)
def test_a_plan_of_what_cannot_be_meant_costs_no_call(
    make_hook: MakeHook, server: LocalServer, arguments: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        make_hook(host=server.url).plan_customer_segments(["c1"], **arguments)
    assert not server.calls


@pytest.mark.parametrize("wait", [None, "60", float("nan"), -1, True], ids=str)
def test_a_client_waits_for_a_number_of_seconds(make_hook: MakeHook, server: LocalServer, wait: float) -> None:
    with pytest.raises(errors.InvalidArgument, match=rf"^longest_wait is {wait!r}; write seconds"):
        make_hook(host=server.url).aclient(longest_wait=wait)


def test_each_method_calls_its_ids_as_its_argument_is_called(make_hook: MakeHook, server: LocalServer) -> None:
    hook = make_hook(host=server.url)
    ids: Any
    for ids, said in (("abc", " is str"), ([None], r"\[0\]: ")):
        with pytest.raises(errors.InvalidCustomerId, match=f"^customers{said}"):
            hook.plan_customer_segments(ids)
        with pytest.raises(errors.InvalidCustomerId, match=f"^customer_ids{said}"):
            hook.get_customer_segments_df(ids)


@pytest.mark.parametrize("arguments", [{"concurrency": "4"}, {"concurrency": 0}, {"requests_per_minute": "5"}])
def test_a_client_takes_whole_numbers(make_hook: MakeHook, server: LocalServer, arguments: dict[str, Any]) -> None:
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError, match=rf"{name} is {value!r}; write"):
        make_hook(host=server.url).aclient(**arguments)


@pytest.mark.parametrize("share", ["0.5", True, 0, 1.1])
def test_a_share_is_a_part(make_hook: MakeHook, server: LocalServer, share: float) -> None:
    with pytest.raises(errors.InvalidConnection, match=rf"quota_share should be above 0 and at most 1, is {share!r}"):
        make_hook(host=server.url, quota_share=share)
