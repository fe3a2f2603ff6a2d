"""Answers no Voucherify gives: what a broken or hostile server, or something in between, may send; pure bytes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import repeat
from types import MappingProxyType
from typing import TypeAlias

#: Stands in each of them: what is found in a log or an error was quoted from a body.
MARKER = "from-a-hostile-body"
_MEBIBYTE = 2**20
_UNPACKED = 200 * _MEBIBYTE

HostileAnswer: TypeAlias = Callable[[str], Iterator[bytes]]
"""Makes the pieces of an answer, without an end where there is none.

Its argument is the address of another server, which nobody should tell the keys to.
"""


def _answer(body: bytes, status: str = "200 OK", headers: str = "Content-Type: application/json\r\n") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _of_json(value: object, status: str = "200 OK", headers: str = "") -> bytes:
    return _answer(json.dumps(value).encode(), status, f"Content-Type: application/json\r\n{headers}")


def _deep(_: str) -> Iterator[bytes]:
    yield _answer(b'{"object":"list","data":' + b'[{"a":' * 60_000 + f'"{MARKER}"'.encode() + b"}]" * 60_000 + b"}")


def _wrong_types(_: str) -> Iterator[bytes]:
    yield _of_json({"object": MARKER, "total": "many", "data": {MARKER: 7}, "customers": 5, "id": [MARKER]})


def _wrong_rows(_: str) -> Iterator[bytes]:
    rows: list[object] = [{"id": 5, "source_id": {MARKER: 1}, "name": [MARKER]}, None, 7, MARKER, [[]]]
    yield _of_json({"object": "list", "total": len(rows), "data_ref": "data", "data": rows, "customers": rows})


def _no_object(_: str) -> Iterator[bytes]:
    yield _of_json([MARKER])


def _not_a_number(_: str) -> Iterator[bytes]:
    yield _answer(f'{{"object":"list","total":NaN,"data":[{{"id":"{MARKER}","total":-1e999}}]}}'.encode())


def _digits(_: str) -> Iterator[bytes]:
    yield _answer(b'{"object":"list","total":' + b"9" * 1_000_000 + f',"data":["{MARKER}"]}}'.encode())


def _ends_early(_: str) -> Iterator[bytes]:
    yield f'HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n{{"object":"list","data":["{MARKER}"'.encode()


def _elsewhere(address: str) -> Iterator[bytes]:
    yield _answer(MARKER.encode(), "307 Temporary Redirect", f"Location: {address}/{MARKER}\r\n")


def _large_header(_: str) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nX-Rate-Limit-Limit: "
    yield from repeat(MARKER.encode() * 3_000, 80)
    yield b"\r\nContent-Length: 2\r\n\r\n{}"


def _many_headers(_: str) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    yield from (f"X-{number}: {MARKER}\r\n".encode() * 100 for number in range(2_000))
    yield b"Content-Length: 2\r\n\r\n{}"


def _without_end(_: str) -> Iterator[bytes]:
    yield b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n"\r\n'
    piece = MARKER.encode() * 3_000
    yield from repeat(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")


@cache
def _small_gzip() -> bytes:
    return gzip.compress(b'"' + b" " * _UNPACKED + MARKER.encode() + b'"', 6)


def _unpacks_to_much(_: str) -> Iterator[bytes]:
    yield _answer(_small_gzip(), headers="Content-Encoding: gzip\r\n")


def _no_http(_: str) -> Iterator[bytes]:
    yield f"SSH-2.0-{MARKER}\r\n".encode()


def _html(_: str) -> Iterator[bytes]:
    yield _answer(f"<html>{MARKER}</html>".encode(), headers="Content-Type: text/html\r\n")


def _wrong_limits(_: str) -> Iterator[bytes]:
    headers = f"X-Rate-Limit-Limit: -7\r\nX-Rate-Limit-Remaining: {MARKER}\r\nX-Rate-Limit-Retry: 9{'9' * 30}\r\n"
    yield _of_json({"code": 500, "message": MARKER}, "500 Oops", headers)


def _error_that_quotes(_: str) -> Iterator[bytes]:
    document = {"code": 400, "key": MARKER * 9, "message": MARKER, "details": MARKER * 90, "request_id": MARKER * 9}
    yield _of_json(document, "503 Service Unavailable")


#: After these a try may well say that no retry helps: the keys, or the worker's memory, are at stake.
FOR_GOOD = frozenset({"200 MB from a small gzip", "a redirect to another host", "chunks without end"})

HOSTILE: Mapping[str, HostileAnswer] = MappingProxyType(
    {
        "60,000 lists in each other": _deep,
        "wrong types": _wrong_types,
        "rows of wrong types": _wrong_rows,
        "a list where an object belongs": _no_object,
        "numbers that are none": _not_a_number,
        "a number of a million digits": _digits,
        "a body that ends early": _ends_early,
        "a redirect to another host": _elsewhere,
        "a header of 5 MB": _large_header,
        "200,000 headers": _many_headers,
        "chunks without end": _without_end,
        "200 MB from a small gzip": _unpacks_to_much,
        "another protocol": _no_http,
        "a page of HTML": _html,
        "limits that cannot be": _wrong_limits,
        "an error full of its own words": _error_that_quotes,
    }
)
