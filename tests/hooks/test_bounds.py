"""Whatever a server sends, both drivers take a bounded part of it, in a bounded time."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import time
import tracemalloc
import zlib
from collections.abc import Callable, Sized

import pytest

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.calls.reads import segments_from, segments_of_customer
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.body import LARGEST_ANSWER, Body
from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.api.models import JsonObject
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from tests.hooks.answers import FIVE_SEGMENTS
from tests.hooks.conftest import MakeHook
from tests.hooks.local_server import Answer, LocalServer, json_answer
from tests.hooks.raw_server import Talk, head, raw_server

Say = Callable[[bytes], None]
Ask = Callable[[VoucherifyHook], Sized]

ZEROS = bytes(2**20)
GIB_PACKED = gzip.compress(ZEROS) * 1024


def ask_alone(hook: VoucherifyHook) -> Sized:
    return hook.get_customer_segments("c")


def ask_many(hook: VoucherifyHook) -> Sized:
    async def main() -> Sized:
        async with hook.aclient() as client:
            return await segments_of_customer(client, "c")

    return asyncio.run(main())


both_drivers = pytest.mark.parametrize("ask", [ask_alone, ask_many])


def endless(say: Say) -> None:
    say(head())
    for _ in range(1024):
        say(ZEROS)


def endless_chunks(say: Say) -> None:
    say(head("Transfer-Encoding: chunked"))
    for _ in range(1024):
        say(b"100000\r\n" + ZEROS + b"\r\n")


def announced(say: Say) -> None:
    say(head(f"Content-Length: {2**30}"))
    for _ in range(1024):
        say(ZEROS)


def bomb(say: Say) -> None:
    say(head("Content-Encoding: gzip", f"Content-Length: {len(GIB_PACKED)}") + GIB_PACKED)


def bomb_of_one_piece(say: Say) -> None:
    packing = zlib.compressobj()
    packed = b"".join(packing.compress(ZEROS) for _ in range(100)) + packing.flush()
    say(head("Content-Encoding: deflate", f"Content-Length: {len(packed)}") + packed)


@both_drivers
@pytest.mark.parametrize("talk", [endless, endless_chunks, announced, bomb, bomb_of_one_piece])
def test_a_body_is_read_up_to_a_cap_and_refused_once(make_hook: MakeHook, ask: Ask, talk: Talk) -> None:
    with raw_server(talk) as (url, calls):
        hook = make_hook(host=url)
        tracemalloc.start()
        try:
            with pytest.raises(errors.AnswerTooLarge, match="longer than 8 MiB"):
                ask(hook)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert len(calls) == 1
    assert peak < 5 * LARGEST_ANSWER


@both_drivers
def test_an_error_says_what_it_is_however_long_its_body(make_hook: MakeHook, ask: Ask) -> None:
    def refuse(say: Say) -> None:
        say(head(status="401 Unauthorized"))
        for _ in range(1024):
            say(ZEROS)

    with raw_server(refuse) as (url, _), pytest.raises(errors.NotAuthenticated):
        ask(make_hook(host=url))


@both_drivers
@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip"])
def test_what_was_not_asked_for_is_not_unpacked(
    make_hook: MakeHook, server: LocalServer, ask: Ask, encoding: str
) -> None:
    server.answer = lambda _: Answer(body=b"\x00", headers={"Content-Encoding": encoding})
    hook = make_hook(host=server.url)
    hook.retry = RetryPolicy(attempts=1)
    with pytest.raises(errors.MalformedAnswer, match="Content-Encoding"):
        ask(hook)
    assert server.calls[0].headers["Accept-Encoding"] == "gzip, deflate"


@both_drivers
@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:])),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body)[2:-4]),
        ("identity", bytes),
    ],
)
def test_packed_bodies_are_read(
    make_hook: MakeHook, server: LocalServer, ask: Ask, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    body = pack(json_answer(FIVE_SEGMENTS).body)
    server.answer = lambda _: Answer(body=body, headers={"Content-Encoding": encoding})
    assert len(ask(make_hook(host=server.url))) == 5


@pytest.mark.parametrize("cut", [5, 20, 40])
def test_a_packed_body_that_was_cut_off_did_not_arrive(cut: int) -> None:
    packed = gzip.compress(bytes(range(256)))
    body = Body(200, "gzip")
    body.take(packed[:cut])
    with pytest.raises(errors.TransportFailed, match="cut off"):
        body.whole()


def drip_body(say: Say) -> None:
    say(head("Content-Length: 100000"))
    drip(say)


def drip_headers(say: Say) -> None:
    say(b"HTTP/1.1 200 OK\r\nX-Padding: ")
    drip(say)


def drip_frame(say: Say) -> None:
    say(head("Transfer-Encoding: chunked") + b"2;")
    drip(say)


def drip(say: Say) -> None:
    for _ in range(300):
        say(b"x")
        time.sleep(0.02)


@both_drivers
@pytest.mark.parametrize("talk", [drip_body, drip_headers, drip_frame])
def test_a_server_that_drips_is_given_up_in_time(make_hook: MakeHook, ask: Ask, talk: Talk) -> None:
    with raw_server(talk) as (url, calls):
        hook = make_hook(host=url, extra={"timeout": 0.1})
        hook.retry = RetryPolicy(attempts=1)
        began_at = time.monotonic()
        with pytest.raises(errors.TransportFailed, match="within the timeout"):
            ask(hook)
        assert time.monotonic() - began_at < 3
    assert len(calls) == 1


@pytest.mark.parametrize("talk", [drip_body, drip_headers])
def test_the_connection_test_is_over_in_time(make_hook: MakeHook, talk: Talk) -> None:
    with raw_server(talk) as (url, _):
        works, says = make_hook(host=url, extra={"timeout": 0.1}).test_connection()
    assert not works
    assert "within the timeout" in says


def test_the_connection_test_refuses_an_endless_answer(make_hook: MakeHook) -> None:
    with raw_server(endless) as (url, _):
        works, says = make_hook(host=url).test_connection()
    assert not works
    assert "longer than 8 MiB" in says


def test_what_is_streamed_may_be_long_and_slow(make_hook: MakeHook) -> None:
    def export(say: Say) -> None:
        say(head(f"Content-Length: {12 * 2**20}"))
        for _ in range(12):
            say(ZEROS)
            time.sleep(0.02)

    with raw_server(export) as (url, _):
        hook = make_hook(host=url, extra={"timeout": 0.2})
        response = hook.run("/v1/exports/exp_1", extra_options={"stream": True})
        assert sum(map(len, response.iter_content(65_536))) == 12 * 2**20


@both_drivers
@pytest.mark.parametrize("length", [20_000, 9_000_000])
def test_a_header_of_absurd_size_is_no_bare_error(make_hook: MakeHook, ask: Ask, length: int) -> None:
    def say_much(say: Say) -> None:
        say(head(*(f"X-{number}: {'x' * length}" for number in range(2 if length > 100_000 else 200))))

    with raw_server(say_much) as (url, _):
        hook = make_hook(host=url)
        hook.retry = RetryPolicy(attempts=1)
        with pytest.raises((errors.TransportFailed, errors.AnswerTooLarge)):
            ask(hook)


@both_drivers
@pytest.mark.parametrize("limit", ["0", "-5", "99999999999", "many"])
def test_a_limit_that_cannot_be_is_unknown(make_hook: MakeHook, server: LocalServer, ask: Ask, limit: str) -> None:
    rate = {"X-Rate-Limit-Limit": limit, "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Retry": str(time.time() + 3_000)}
    server.answer = lambda _: json_answer(FIVE_SEGMENTS, rate)
    hook = make_hook(host=server.url)
    began_at = time.monotonic()
    for _ in range(3):
        ask(hook)
    assert time.monotonic() - began_at < 5
    server.answer = lambda _: json_answer({"object": "list", "data_ref": "data", "data": []}, rate)
    assert "did not say the API limit" in hook.test_connection()[1]


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000])
def test_an_answer_nested_too_deeply_is_one_of_our_errors(body: bytes) -> None:
    with pytest.raises(errors.MalformedAnswer, match="nested too deeply"):
        wire.decode(wire.Response(200, {}, body))
    assert isinstance(wire.error_of(wire.Response(500, {}, body)), errors.ServerFault)


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1" * 5_000])
def test_what_is_no_number_of_json_is_refused(value: str) -> None:
    with pytest.raises(errors.MalformedAnswer, match="not JSON"):
        wire.decode(wire.Response(200, {}, b'{"total": %s}' % value.encode()))


BAD_TEXTS = ["a\0b", "\ud83d", "x\udc00"]


@pytest.mark.parametrize(("field", "text"), [*itertools.product(["id", "name"], BAD_TEXTS)])
def test_a_segment_no_database_could_store_is_refused(field: str, text: str) -> None:
    item: JsonObject = {"id": "seg_1", "name": "VIP", "object": "segment", field: text}
    with pytest.raises(errors.MalformedAnswer, match="cannot be stored"):
        segments_from({"object": "list", "data_ref": "data", "data": [item], "total": 1})


@pytest.mark.parametrize(("field", "text"), [*itertools.product(["id", "source_id"], BAD_TEXTS)])
def test_a_customer_no_database_could_store_is_refused(field: str, text: str) -> None:
    with pytest.raises(errors.MalformedAnswer, match="cannot be stored"):
        wire.customer_from({"id": "cust_1", "source_id": "c", field: text})


def test_half_an_emoji_in_a_name_that_is_not_stored_does_no_harm() -> None:
    assert wire.customer_from({"id": "cust_1", "name": "Jo \ud83d"}).name == "Jo \ud83d"
