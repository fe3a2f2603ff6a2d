"""OAuth by both drivers, in both versions, against the emulator: single calls, the session, and the async client."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.calls import events
from airflow_provider_voucherify.api.calls.reads import get_customer_segments
from airflow_provider_voucherify.api.http import auth
from airflow_provider_voucherify.api.http.client import Client, Clock
from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.emulator import Emulator, Fault, Limits, ProjectSettings, Switches
from airflow_provider_voucherify.hooks.client_runner import ClientRunner
from airflow_provider_voucherify.hooks.session import KeySession
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from tests.hooks.conftest import MakeHook

V1 = {"auth": "oauth", "scope": "customers segments"}
V2 = {"auth": "oauth2", "scope": "customers.details.read"}
TOKENS = {"oauth": "POST /v1/oauth/token", "oauth2": "POST /v2/oauth/token"}

Ask = Callable[[VoucherifyHook, int], None]


@pytest.fixture(autouse=True)
def no_tokens() -> Iterator[None]:
    auth.forget_tokens()
    yield
    auth.forget_tokens()


@pytest.fixture
def connect(voucherify_emulator: Emulator, make_hook: MakeHook) -> MakeHook:
    """Return a maker of hooks for the emulator, given how to sign in."""

    def make(**extra: object) -> VoucherifyHook:
        project = {"project_id": f"proj_{voucherify_emulator.app_id}"} if extra.get("auth") == "oauth2" else {}
        hook = make_hook(
            login=voucherify_emulator.app_id,
            password=voucherify_emulator.app_token,
            host=voucherify_emulator.url,
            extra=project | extra,
        )
        hook.retry = RetryPolicy(first_wait=0.001, looks=0)
        return hook

    return make


def one_by_one(hook: VoucherifyHook, calls: int) -> None:
    for number in range(calls):
        hook.get_customer_segments(f"customer-{number:07}")


def in_flight(hook: VoucherifyHook, calls: int) -> None:
    async def main() -> None:
        async with hook.aclient() as client:
            await all_at_once(client, calls)

    asyncio.run(main())


async def all_at_once(client: Client, calls: int) -> None:
    await asyncio.gather(
        *(client.send(get_customer_segments(f"customer-{number:07}").request) for number in range(calls)),
    )


BOTH_DRIVERS = pytest.mark.parametrize("ask", [one_by_one, in_flight])
BOTH_VERSIONS = pytest.mark.parametrize("extra", [V1, V2], ids=["v1", "v2"])


def tokens_made(emulator: Emulator, extra: dict[str, str]) -> int:
    count = emulator.stats().endpoints.get(TOKENS[extra["auth"]])
    return 0 if count is None else count.calls


@BOTH_VERSIONS
@BOTH_DRIVERS
def test_many_calls_share_one_token(
    voucherify_emulator: Emulator, connect: MakeHook, ask: Ask, extra: dict[str, str]
) -> None:
    ask(connect(**extra), 32)
    assert tokens_made(voucherify_emulator, extra) == 1
    assert voucherify_emulator.stats().answers == {200: 33}


@BOTH_VERSIONS
def test_hooks_and_drivers_of_a_process_share_a_token(
    voucherify_emulator: Emulator, connect: MakeHook, extra: dict[str, str]
) -> None:
    for ask in (in_flight, one_by_one, in_flight):
        ask(connect(**extra), 2)
    connect(**extra).get_conn().get(f"{voucherify_emulator.url}/v1/segments").raise_for_status()
    connect(**extra).run("/v1/segments", data={"limit": 1})
    assert tokens_made(voucherify_emulator, extra) == 1


def test_another_scope_is_another_token(voucherify_emulator: Emulator, connect: MakeHook) -> None:
    one_by_one(connect(**V1), 1)
    one_by_one(connect(auth="oauth", scope="customers"), 1)
    assert tokens_made(voucherify_emulator, V1) == 2


@BOTH_VERSIONS
@BOTH_DRIVERS
def test_a_token_that_ended_is_renewed_once_for_all(
    voucherify_emulator: Emulator, connect: MakeHook, ask: Ask, extra: dict[str, str]
) -> None:
    hook = connect(**extra)
    ask(hook, 8)
    voucherify_emulator.advance(901)  # ours goes on as before: only the server knows that it ended
    ask(hook, 8)
    assert tokens_made(voucherify_emulator, extra) == 2


@pytest.mark.parametrize("calls", [1, 32])
def test_calls_in_flight_whose_token_is_refused_share_the_next(
    voucherify_emulator: Emulator, connect: MakeHook, calls: int
) -> None:
    async def main() -> None:
        async with connect(**V1).aclient() as client:
            await all_at_once(client, 4)
            voucherify_emulator.advance(901)
            await all_at_once(client, calls)

    asyncio.run(main())
    assert tokens_made(voucherify_emulator, V1) == 2


def test_a_post_whose_token_is_refused_is_sent_again(voucherify_emulator: Emulator, connect: MakeHook) -> None:
    hook = connect(auth="oauth", scope="api")
    one_by_one(hook, 1)
    voucherify_emulator.advance(901)
    hook.campaigns.track_event("visited", "customer-0000001")
    assert len(voucherify_emulator.events()) == 1


def test_a_body_that_is_gone_is_not_sent_again(voucherify_emulator: Emulator, connect: MakeHook) -> None:
    hook = connect(auth="oauth", scope="api")
    one_by_one(hook, 1)
    voucherify_emulator.advance(901)
    body = (piece for piece in [b'{"event": "visited", ', b'"customer": {"source_id": "x"}}'])
    with pytest.raises(errors.NotAuthenticated):
        hook.run("/v1/events", data=body, method="POST")  # type: ignore[arg-type]  # what requests streams
    assert tokens_made(voucherify_emulator, V1) == 1


class ManualClock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("seconds", "good_for"), [(900, 839), (300, 269), (20, 17)])
def test_the_session_renews_a_token_before_it_ends(
    voucherify_emulator: Emulator, connect: MakeHook, seconds: int, good_for: int
) -> None:
    voucherify_emulator.set_switches(Switches(oauth_token_seconds=seconds))
    now = ManualClock()
    session = KeySession(connect(**V1).settings, now=now)
    url = f"{voucherify_emulator.url}/v1/segments"
    for passed in (0, good_for, 2):
        now.now += passed
        assert session.get(url).status_code == 200
    assert (tokens_made(voucherify_emulator, V1), voucherify_emulator.stats().unauthorized) == (2, 0)


def test_the_client_renews_a_token_before_it_ends(voucherify_emulator: Emulator, connect: MakeHook) -> None:
    now = ManualClock()

    async def main() -> None:
        async with connect(**V1).aclient() as client:
            client.clock = Clock(now=now)
            for passed in (0, 839, 2):
                now.now += passed
                await all_at_once(client, 8)

    asyncio.run(main())
    assert (tokens_made(voucherify_emulator, V1), voucherify_emulator.stats().unauthorized) == (2, 0)


def test_a_token_that_comes_to_its_end_in_the_queue_is_renewed_before_the_call(
    voucherify_emulator: Emulator, connect: MakeHook
) -> None:
    now = ManualClock()

    async def main() -> None:
        async with connect(**V1).aclient() as client:
            client.clock = Clock(now=now)
            await all_at_once(client, 1)
            enter = client.gate.enter

            async def enter_late() -> object:
                ticket = await enter()
                now.now += 900 if now.now == 1_000.0 else 0
                return ticket

            client.gate.enter = enter_late  # type: ignore[method-assign, assignment]  # a queue of 15 minutes
            await all_at_once(client, 4)
            assert client.gate.window.in_flight == 0

    asyncio.run(main())
    stats = voucherify_emulator.stats()
    assert (tokens_made(voucherify_emulator, V1), stats.unauthorized, stats.calls) == (2, 0, 7)


def test_the_request_for_a_token_counts_as_a_call(voucherify_emulator: Emulator, connect: MakeHook) -> None:
    async def main() -> None:
        async with connect(**V1).aclient() as client:
            await all_at_once(client, 8)
            assert client.calls.sent == 9
            assert "9 of our" in str(client.gate.window)

    asyncio.run(main())


def test_a_used_up_window_holds_the_request_for_a_token_back(voucherify_emulator: Emulator, connect: MakeHook) -> None:
    voucherify_emulator.set_limits(Limits(limit=1))
    one_by_one(connect(), 1)

    async def main() -> None:
        async with connect(**V1).aclient(longest_wait=0.5) as client:
            await all_at_once(client, 8)

    with pytest.raises(errors.WindowClosed):
        asyncio.run(main())


@BOTH_DRIVERS
def test_a_request_for_a_token_that_fails_is_made_again(
    voucherify_emulator: Emulator, connect: MakeHook, ask: Ask
) -> None:
    voucherify_emulator.set_faults([Fault("status", 1.0, status=503, count=2, path="/v1/oauth/token")])
    ask(connect(**V1), 4)


def test_calls_in_flight_share_the_failure_of_the_request_for_a_token(
    voucherify_emulator: Emulator, connect: MakeHook
) -> None:
    voucherify_emulator.set_faults([Fault("status", 1.0, status=503, path="/v1/oauth/token")])
    hook = connect(**V1)
    hook.retry = RetryPolicy(attempts=1)

    async def main() -> list[object]:
        async with hook.aclient() as client:
            requests = [get_customer_segments(f"customer-{number}").request for number in range(32)]
            return await asyncio.gather(*map(client.send, requests), return_exceptions=True)

    assert {type(answer) for answer in asyncio.run(main())} == {errors.ServerFault}
    assert voucherify_emulator.stats().requests == 1


def test_a_write_is_sent_if_its_token_came_late(voucherify_emulator: Emulator, connect: MakeHook) -> None:
    voucherify_emulator.set_faults([Fault("status", 1.0, status=503, count=2, path="/v1/oauth/token")])

    async def main() -> None:
        async with connect(auth="oauth", scope="api").aclient() as client:
            await client.send(events.track_event("visited", "customer-0000001").request)

    asyncio.run(main())
    assert len(voucherify_emulator.events()) == 1


@pytest.mark.parametrize("drivers", [(one_by_one, one_by_one), (in_flight, in_flight), (one_by_one, in_flight)])
def test_threads_of_a_process_share_a_token_as_well(
    voucherify_emulator: Emulator, connect: MakeHook, drivers: tuple[Ask, Ask]
) -> None:
    voucherify_emulator.set_switches(Switches(latency_ms=20))
    hooks = [connect(**V1) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(drivers[number % 2], hook, 2) for number, hook in enumerate(hooks)]:
            done.result()
    assert tokens_made(voucherify_emulator, V1) == 1


def test_a_process_made_while_a_token_is_asked_for_asks_for_its_own(connect: MakeHook) -> None:
    sign_in = auth.sign_in_of(connect(**V1).settings)
    assert sign_in is not None
    assert sign_in.begin()
    child = os.fork()
    if not child:
        os._exit(0 if sign_in.begin() else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert not sign_in.begin()


def no_token(hook: VoucherifyHook, ask: Ask) -> str:
    with pytest.raises(errors.VoucherifyError) as refused:
        ask(hook, 8)
    return str(refused.value)


@BOTH_DRIVERS
@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({"auth": "oauth", "scope": "shoes"}, ["invalid_scope", "'shoes'", "scope", "'api'"]),
        (V2 | {"project_id": "proj_other"}, ["invalid_project_id", "'proj_other'", "Project settings"]),
    ],
)
def test_what_the_connection_says_wrong_is_said_in_words_for_one_call(
    voucherify_emulator: Emulator, connect: MakeHook, ask: Ask, extra: dict[str, str], says: list[str]
) -> None:
    told = no_token(connect(**extra), ask)
    assert [words for words in says if words not in told] == []
    assert (voucherify_emulator.stats().requests, voucherify_emulator.stats().answers) == (1, {400: 1})


@BOTH_DRIVERS
@BOTH_VERSIONS
def test_refused_keys_are_asked_for_a_token_once(
    voucherify_emulator: Emulator, make_hook: MakeHook, ask: Ask, extra: dict[str, str]
) -> None:
    secret = "not-the-secret-key"
    hook = make_hook(
        login=voucherify_emulator.app_id,
        password=secret,
        host=voucherify_emulator.url,
        extra=extra | {"project_id": "p"},
    )
    told = no_token(hook, ask)
    assert "request for a token" in told
    assert "login" in told
    assert secret not in told
    assert voucherify_emulator.stats().requests == 1


@BOTH_DRIVERS
def test_too_many_tokens_says_what_to_do_and_may_pass(
    voucherify_emulator: Emulator, connect: MakeHook, ask: Ask
) -> None:
    voucherify_emulator.set_switches(Switches(oauth_tokens=0))
    with pytest.raises(errors.TooManyTokens, match=r"15 minutes.*fewer tasks"):
        ask(connect(**V1), 8)
    assert voucherify_emulator.stats().requests == 1
    voucherify_emulator.set_switches(Switches())
    ask(connect(**V1), 8)


@BOTH_DRIVERS
def test_a_401_that_a_new_token_does_not_mend_is_renewed_once_only(
    voucherify_emulator: Emulator, connect: MakeHook, ask: Ask
) -> None:
    voucherify_emulator.set_switches(Switches(oauth_token_seconds=-1))  # over when it comes
    with pytest.raises(errors.NotAuthenticated):
        ask(connect(**V1), 1)
    assert tokens_made(voucherify_emulator, V1) == 2
    assert voucherify_emulator.stats().unauthorized == 2


@BOTH_DRIVERS
def test_a_scope_that_does_not_cover_a_call_is_a_403(
    voucherify_emulator: Emulator, connect: MakeHook, ask: Ask
) -> None:
    with pytest.raises(errors.PermissionMissing, match="scope"):
        ask(connect(auth="oauth", scope="segments"), 1)


def test_two_projects_have_tokens_of_their_own(voucherify_emulator: Emulator, make_hook: MakeHook) -> None:
    voucherify_emulator.add_project(ProjectSettings(app_id="other", app_token="other-token", customers=3, segments=2))
    names = []
    for login, password in ((voucherify_emulator.app_id, voucherify_emulator.app_token), ("other", "other-token")):
        hook = make_hook(login=login, password=password, host=voucherify_emulator.url, extra=V1)
        names.append(sorted(segment.id for segment in hook.list_segments()))
    assert names[0]
    assert names[1]
    assert not {*names[0]} & {*names[1]}


@BOTH_VERSIONS
@BOTH_DRIVERS
def test_neither_token_nor_keys_show_anywhere(
    voucherify_emulator: Emulator,
    connect: MakeHook,
    ask: Ask,
    extra: dict[str, str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    masked: list[str] = []
    monkeypatch.setattr("airflow_provider_voucherify.hooks.connection.environment.mask_secret", masked.append)
    caplog.set_level(logging.DEBUG, "airflow_provider_voucherify")
    hook = connect(**extra)
    ask(hook, 2)
    sign_in = auth.sign_in_of(hook.settings)
    assert sign_in is not None
    token = sign_in.token(0.0)
    assert token is not None
    assert token.value in masked
    assert voucherify_emulator.app_token in masked
    shown = " ".join(map(repr, [token, token.headers, sign_in, sign_in.request, hook.settings, caplog.text]))
    assert [secret for secret in masked if secret in shown] == []


def test_a_token_that_comes_in_another_thread_is_masked_at_once_and_told_in_the_main_thread(
    connect: MakeHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk._shared.secrets_masker import redact
    from airflow.sdk.execution_time import task_runner

    told: list[tuple[object, str]] = []

    class Supervisor:
        def send(self, message: object) -> None:
            told.append((getattr(message, "value", None), threading.current_thread().name))

    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", Supervisor(), raising=False)
    hook = connect(**V1)
    sign_in = auth.sign_in_of(hook.settings)
    assert sign_in is not None
    shown: list[str] = []

    async def sign_in_there() -> str:
        await all_at_once(runner.client, 1)
        token = sign_in.token(runner.client.clock.now())
        assert token is not None
        shown.append(str(redact(f"Bearer {token.value}")))
        return token.value

    with ClientRunner(hook.aclient()) as runner:
        value = runner.run(sign_in_there())
    assert shown == ["Bearer ***"]
    assert {thread for secret, thread in told if secret == value} == {threading.main_thread().name}


@pytest.mark.parametrize(
    ("switches", "extra", "works", "says"),
    [
        (Switches(), V1, True, "Connected to Voucherify"),
        (Switches(), V2, True, "Connected to Voucherify"),
        (Switches(), V1 | {"scope": "customers"}, True, "with OAuth the scope has to name it"),
        (Switches(), V1 | {"scope": "shoes"}, False, "gave no token: Voucherify answered 400 (invalid_scope)"),
        (Switches(), V2 | {"project_id": "proj_x"}, False, "its project_id 'proj_x' is not that of a project"),
        (Switches(oauth_tokens=0), V1, False, "as many tokens as it may have"),
        (Switches(oauth_token_seconds=-1), V1, False, "gave a token and refused it (401)"),
        (Switches(), V1 | {"scope": "a,b"}, False, "write scopes with a blank between them"),
    ],
)
def test_the_test_of_the_connection_names_what_is_wrong(
    voucherify_emulator: Emulator,
    connect: MakeHook,
    switches: Switches,
    extra: dict[str, str],
    works: bool,
    says: str,
) -> None:
    voucherify_emulator.set_switches(switches)
    found = connect(**extra).test_connection()
    assert found[0] is works
    assert says in found[1]
