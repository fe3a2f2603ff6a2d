"""Which connection it was: with several brands nobody knows otherwise."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.calls.call import ask
from airflow_provider_voucherify.api.calls.reads import get_segment
from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from airflow_provider_voucherify.pull.customers.sources import AllCustomers
from tests.hooks.conftest import MakeHook
from tests.hooks.local_server import Answer, LocalServer

Ask = Callable[[VoucherifyHook], object]


def by_client(hook: VoucherifyHook) -> None:
    async def main() -> None:
        async with hook.aclient() as client:
            await ask(client, get_segment("seg_1"))

    asyncio.run(main())


def by_check(hook: VoucherifyHook) -> None:
    hook.check_response(hook.run("/v1/segments/seg_1", extra_options={"check_response": False}))


ASKS: list[Ask] = [
    by_client,
    by_check,
    lambda hook: hook.get_segment("seg_1"),
    lambda hook: hook.run("/v1/segments/seg_1"),
    lambda hook: hook.campaigns.get_campaign("camp_1"),
    lambda hook: hook.plan_customer_segments(AllCustomers()),
    lambda hook: next(hook.export("customer", ["id"])),
]
every_way = pytest.mark.parametrize("ask", ASKS, ids=["client", "check", "single", "run", "campaign", "plan", "export"])


@pytest.fixture
def brand_b(make_hook: MakeHook, monkeypatch: pytest.MonkeyPatch) -> Callable[..., VoucherifyHook]:
    """Return a maker of hooks of the connection ``brand_b``, whose calls are tried once."""

    def make(**fields: object) -> VoucherifyHook:
        connection = {"conn_type": "voucherify", "login": "id", "password": "key", **fields}
        monkeypatch.setenv("AIRFLOW_CONN_BRAND_B", json.dumps(connection))
        hook = VoucherifyHook("brand_b")
        hook.retry = RetryPolicy(attempts=1)
        return hook

    return make


@every_way
@pytest.mark.parametrize("status", [401, 402, 403, 404, 500, 302])
def test_an_error_names_the_connection(
    brand_b: Callable[..., VoucherifyHook], server: LocalServer, ask: Ask, status: int
) -> None:
    server.answer = lambda _: Answer(status)
    with pytest.raises(errors.VoucherifyError, match=rf"^connection 'brand_b': Voucherify answered {status}"):
        ask(brand_b(host=server.url))


@every_way
def test_a_name_that_cannot_be_resolved_reads_the_same_everywhere(
    brand_b: Callable[..., VoucherifyHook], ask: Ask
) -> None:
    hook = brand_b(host="https://voucherify.invalid")
    with pytest.raises(errors.TransportFailed) as failed:
        ask(hook)
    words = "no connection to voucherify.invalid:443: its name cannot be resolved (DNS)"
    assert str(failed.value) == f"connection 'brand_b': {words}"
    assert words in hook.test_connection()[1]


@every_way
def test_a_refused_connection_reads_the_same_everywhere(brand_b: Callable[..., VoucherifyHook], ask: Ask) -> None:
    with pytest.raises(errors.TransportFailed, match=r"brand_b.*no connection to 127.0.0.1:9: it refused the connect"):
        ask(brand_b(host="http://127.0.0.1:9"))


@every_way
def test_a_connection_of_another_type_is_refused(brand_b: Callable[..., VoucherifyHook], ask: Ask) -> None:
    with pytest.raises(errors.InvalidConnection, match=r"^connection 'brand_b': its type is 'http': .*'voucherify'"):
        ask(brand_b(conn_type="http"))


def test_a_connection_without_a_type_is_taken(brand_b: Callable[..., VoucherifyHook]) -> None:
    assert brand_b(conn_type=None).settings.app_id == "id"


def test_an_argument_that_is_wrong_is_no_matter_of_the_connection(brand_b: Callable[..., VoucherifyHook]) -> None:
    with pytest.raises(errors.InvalidCustomerId) as refused:
        brand_b().get_customer("..")
    assert "brand_b" not in str(refused.value)
