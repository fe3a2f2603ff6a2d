"""The async client over real HTTP: every fault is retried or named, and every call is counted."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.calls.reads import get_customer_segments, segments_from
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.client import CallCount, Client, Clock, open_client
from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.api.http.settings import ApiSettings
from airflow_provider_voucherify.api.limit.gate import Concurrency, Gate, OwnCeiling
from airflow_provider_voucherify.api.limit.window import Window
from airflow_provider_voucherify.emulator import Emulator, Fault, Limits
from tests.hooks.local_server import LocalServer

CUSTOMERS = [f"customer-{number:07d}" for number in range(1, 401)]


@pytest.fixture(scope="module")
def server() -> Iterator[Emulator]:
    with Emulator(customers=500, limits=Limits(limit=None)) as emulator:
        yield emulator


@pytest.fixture
def emulator(server: Emulator) -> Emulator:
    server.reset(settings=True)
    return server


async def _no_wait(_: float) -> None:
    await asyncio.sleep(0)


def segment_ids(
    emulator: Emulator, *, url: str | None = None, timeout: float = 5.0, customers: Sequence[str] = CUSTOMERS
) -> tuple[list[set[str]], CallCount]:
    """Ask for customers' segments at once, waiting for nothing."""
    settings = ApiSettings(url or emulator.url, emulator.app_id, emulator.app_token, timeout=timeout)

    async def ask(client: Client, customer_id: str) -> set[str]:
        answer = await client.send(get_customer_segments(customer_id).request)
        return {segment.id for segment in segments_from(answer)}

    async def main() -> tuple[list[set[str]], CallCount]:
        gate = Gate(Window(1.0), Concurrency(16), OwnCeiling(None))
        clock = Clock(sleep=_no_wait, uniform=random.Random(1).random)
        async with open_client(settings, gate, retry=RetryPolicy(attempts=8), clock=clock) as client:
            return await asyncio.gather(*(ask(client, customer_id) for customer_id in customers)), client.calls

    return asyncio.run(main())


def truth(emulator: Emulator) -> list[set[str]]:
    by_customer: dict[str, set[str]] = {customer_id: set() for customer_id in CUSTOMERS}
    for membership in emulator.memberships():
        if membership.source_id in by_customer:
            by_customer[membership.source_id].add(membership.segment_id)
    return list(by_customer.values())


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", 0.05, status=500),
        Fault("status", 0.05, status=502),
        Fault("status", 0.05, status=503, body="empty", after_acting=True),
        Fault("reset", 0.05),
        Fault("reset", 0.05, after_acting=True),
        Fault("truncate", 0.05),
        Fault("malformed", 0.05),
        Fault("slow", 0.05, seconds=0.05),
        Fault("hang", 0.05, seconds=0.05),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.after_acting}",
)
def test_every_fault_is_survived_and_every_call_counted(emulator: Emulator, fault: Fault) -> None:
    emulator.set_faults([fault])
    answers, calls = segment_ids(emulator)
    stats = emulator.stats()
    assert answers == truth(emulator)
    assert sum(stats.faults.values()) > 0
    assert stats.requests <= calls.sent <= len(CUSTOMERS) + calls.retried


def test_an_answer_that_never_comes_is_given_up_after_the_timeout(emulator: Emulator) -> None:
    emulator.set_faults([Fault("hang", 1.0, count=1, seconds=30.0)])
    answers, calls = segment_ids(emulator, timeout=0.2)
    assert answers == truth(emulator)
    assert calls.retried == 1


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("status", 1.0, status=401), errors.NotAuthenticated),
        (Fault("status", 1.0, status=402), errors.PaymentRequired),
        (Fault("status", 1.0, status=307), errors.RedirectRefused),
    ],
    ids=lambda case: getattr(case, "__name__", None),
)
def test_what_no_retry_can_escape_is_asked_once(
    emulator: Emulator, fault: Fault, expected: type[errors.VoucherifyError]
) -> None:
    emulator.set_faults([fault])
    with pytest.raises(expected) as raised:
        segment_ids(emulator)
    assert emulator.stats().requests <= 4
    assert "customer-" not in str(raised.value)
    assert emulator.app_token not in str(raised.value)


def test_a_server_that_is_not_there_is_named_without_the_address_asked_for(emulator: Emulator) -> None:
    with pytest.raises(errors.TransportFailed, match=r"no connection to 127\.0\.0\.1:9: it refused the connection"):
        segment_ids(emulator, url="http://127.0.0.1:9", customers=CUSTOMERS[:20])


def test_a_garbled_404_between_answers_is_asked_again(emulator: Emulator) -> None:
    emulator.set_faults([Fault("status", count=1, path="customer-0000300/", status=404, body="html")])
    answers, calls = segment_ids(emulator)
    assert answers == truth(emulator)
    assert calls.retried == 1


def test_a_garbled_404_before_any_answer_ends_all(emulator: Emulator) -> None:
    emulator.set_faults([Fault("status", status=404, body="html")])
    with pytest.raises(errors.WrongAddress):
        segment_ids(emulator)


@pytest.mark.parametrize("folder", ["", "/proxy/voucherify"])
@pytest.mark.parametrize(
    "request_",
    [
        get_customer_segments("a/b c+d%2F?#é@x").request,
        wire.get("/v1/segments", {"filters[created_at][conditions][$before]": "2026-01-01T00:00:00.000Z"}),
        wire.get("/v1/customers", {"email": "a+b@x.com"}),
    ],
    ids=["id that needs encoding", "brackets in the query", "plus in the query"],
)
def test_a_target_is_sent_as_it_is_below_the_base_url(folder: str, request_: wire.Request) -> None:
    async def main(url: str) -> None:
        gate = Gate(Window(1.0), Concurrency(1), OwnCeiling(None))
        async with open_client(ApiSettings(url, "app", "token"), gate) as client:
            await client.send(request_)

    with LocalServer() as server:
        asyncio.run(main(server.url + folder))
    assert [call.target for call in server.calls] == [folder + request_.target]


def test_authorities_are_read_where_a_certificate_is_to_be_verified_the_proxys_too(tmp_path: Path) -> None:
    async def opened(url: str, proxy: str | None) -> None:
        settings = ApiSettings(url, "id", "token", verify=str(tmp_path / "missing.pem"), proxy=proxy)
        async with open_client(settings, Gate(Window(1.0), Concurrency(1), OwnCeiling(None))):
            pass

    asyncio.run(opened("http://127.0.0.1:1", None))
    for url, proxy in (("https://127.0.0.1:1", None), ("http://127.0.0.1:1", "https://127.0.0.1:2")):
        with pytest.raises(errors.InvalidConnection, match="cannot be read as a CA bundle"):
            asyncio.run(opened(url, proxy))
