"""Exports over real HTTP: asked for once, fetched whole or not at all, and the keys go nowhere else."""

from __future__ import annotations

import asyncio
import gzip
import io
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.calls import exports
from airflow_provider_voucherify.api.calls.call import ask
from airflow_provider_voucherify.api.calls.exports import Export, ExportFile, Wanted
from airflow_provider_voucherify.api.http import transport as transport_module
from airflow_provider_voucherify.api.http.body import Unpacking
from airflow_provider_voucherify.api.http.client import Client, open_client
from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.api.http.settings import ApiSettings, checked_file_url
from airflow_provider_voucherify.api.limit.gate import Concurrency, Gate, OwnCeiling
from airflow_provider_voucherify.api.limit.window import Window
from airflow_provider_voucherify.emulator import Emulator, Fault, Limits, Switches

T = TypeVar("T")

FIELDS = ("id", "source_id", "created_at")
GOLD = {"junction": "and", "metadata.tier": {"conditions": {"$is": ["gold"]}}}
WANTED = Wanted("customer", FIELDS, "created_at", GOLD)  # type: ignore[arg-type]
HOST = "https://api.voucherify.io"


@pytest.fixture(scope="module")
def server() -> Iterator[Emulator]:
    with Emulator(customers=3_000, limits=Limits(limit=None)) as emulator:
        yield emulator


@pytest.fixture
def emulator(server: Emulator) -> Emulator:
    server.reset(population=True, settings=True)
    return server


def on(emulator: Emulator, act: Callable[[Client], Awaitable[T]], timeout: float = 5.0) -> T:
    """Act with a client."""

    async def main() -> T:
        gate = Gate(Window(1.0), Concurrency(16), OwnCeiling(None))
        settings = ApiSettings(emulator.url, emulator.app_id, emulator.app_token, timeout=timeout)
        async with open_client(settings, gate, retry=RetryPolicy(first_wait=0.001)) as client:
            return await act(client)

    return asyncio.run(main())


async def made(client: Client, wanted: Wanted = WANTED) -> Export:
    """Ask for an export and wait for it."""
    asked = await ask(client, exports.create_export(wanted))
    return next(one for one in await ask(client, exports.list_exports()) if one.id == asked.id)


async def read(client: Client, export: Export) -> list[list[str]]:
    """Return the rows of the file."""
    with tempfile.TemporaryFile() as passing:
        file = ExportFile(passing)
        await exports.download(client, export, file)
        return list(exports.rows_of(file.lines(), FIELDS))


async def made_and_read(client: Client) -> list[list[str]]:
    return await read(client, await made(client))


def gold(emulator: Emulator) -> set[str]:
    return {one.customer_id for one in emulator.customers() if one.metadata.get("tier") == "gold"}


def test_an_export_from_first_to_last(emulator: Emulator) -> None:
    async def act(client: Client) -> tuple[list[list[str]], Export, list[Export]]:
        export = await made(client)
        rows = await read(client, export)
        await exports.delete_export(client, export.id)
        await exports.delete_export(client, export.id)
        return rows, export, await ask(client, exports.list_exports())

    rows, export, left = on(emulator, act)
    assert {row[0] for row in rows} == gold(emulator)
    assert WANTED.is_of(export)
    assert not replace(WANTED, filters=None).is_of(export)
    assert left == []
    assert "token" not in repr(export)
    assert "gold" not in repr(WANTED)


@pytest.mark.parametrize("fault", ["reset", "truncate", "status"])
def test_a_file_that_breaks_off_is_fetched_from_the_start(emulator: Emulator, fault: str) -> None:
    emulator.set_faults([Fault(fault, 1.0, count=2, path="^GET /download/", status=503)])  # type: ignore[arg-type]
    rows = on(emulator, made_and_read)
    assert [row[0] for row in rows] == list(dict.fromkeys(row[0] for row in rows))
    assert {row[0] for row in rows} == gold(emulator)


def test_an_address_that_has_expired_is_asked_for_once_more(emulator: Emulator) -> None:
    async def act(client: Client) -> list[list[str]]:
        export = await made(client)
        emulator.advance(3_600)
        return await read(client, export)

    assert {row[0] for row in on(emulator, act)} == gold(emulator)
    endpoints = emulator.stats().endpoints
    assert [endpoints[f"GET {path}/exports/{{id}}"].calls for path in ("/v1", "/download")] == [1, 2]


def test_an_address_that_never_opens_ends_nothing_else(emulator: Emulator) -> None:
    emulator.set_switches(Switches(export_token_seconds=0))

    async def act(client: Client) -> list[Export]:
        export = await made(client)
        with pytest.raises(errors.FileRefused, match="401") as caught:
            await read(client, export)
        assert "token" not in str(caught.value)
        return await ask(client, exports.list_exports())  # the keys are not thought to be refused

    assert len(on(emulator, act)) == 1


def test_a_limit_of_bulk_calls_is_told_of_and_not_waited_for(emulator: Emulator) -> None:
    emulator.set_switches(Switches(export_counted_as="bulk_api_calls"))
    emulator.set_limits(Limits(limit=None, bulk_limit=1, bulk_window_seconds=3_600))

    async def act(client: Client) -> list[Export]:
        await ask(client, exports.create_export(WANTED))
        with pytest.raises(errors.OtherLimitReached, match="bulk_api_calls"):
            await ask(client, exports.create_export(WANTED))
        return await ask(client, exports.list_exports())

    assert len(on(emulator, act)) == 1


def test_what_is_asked_for_is_asked_once_also_without_an_answer(emulator: Emulator) -> None:
    emulator.set_faults([Fault("reset", 1.0, count=1, path="^POST /v1/exports", after_acting=True)])

    async def act(client: Client) -> list[Export]:
        with pytest.raises(errors.TransportFailed):
            await ask(client, exports.create_export(WANTED))
        return await ask(client, exports.list_exports())

    assert [WANTED.is_of(one) for one in on(emulator, act)] == [True]


def test_an_export_that_failed_has_no_file(emulator: Emulator) -> None:
    emulator.set_switches(Switches(export_outcome="error"))
    with pytest.raises(errors.ExportFailed, match="is ERROR and has no file"):
        on(emulator, made_and_read)


def test_a_file_longer_than_wanted_is_not_read_to_its_end(emulator: Emulator) -> None:
    async def act(client: Client) -> None:
        export = await made(client)
        with tempfile.TemporaryFile() as passing:
            await exports.download(client, export, ExportFile(passing, largest=1_000))

    with pytest.raises(errors.FileRefused, match=r"longer than 1,000 bytes"):
        on(emulator, act)


def test_a_full_disk_is_named_and_is_no_fault_of_the_connection(emulator: Emulator) -> None:
    async def act(client: Client) -> None:
        await exports.download(client, await made(client), file)

    with Path("/dev/full").open("r+b", buffering=0) as full:
        file = _NoSeeking(full)
        with pytest.raises(errors.FileRefused, match="No space left on device"):
            on(emulator, act)


class _NoSeeking(ExportFile):
    def begin(self) -> None:
        """Leave the device as it is."""


def test_a_file_that_takes_for_ever_is_given_up(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "LONGEST_DOWNLOAD", -1.0)
    with pytest.raises(errors.FileRefused, match="was not there within -1 s"):
        on(emulator, made_and_read)


def test_a_file_that_does_not_come_is_given_up_after_the_timeout(emulator: Emulator) -> None:
    emulator.set_faults([Fault("hang", 1.0, path="^GET /download/", seconds=30)])
    with pytest.raises(errors.TransportFailed, match="timeout"):
        on(emulator, made_and_read, timeout=0.05)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://download.voucherify.io/v1/exports/exp_1?token=a%2Fb", HOST),
        ("https://us1.download.voucherify.io/v1/exports/exp_1?token=a", "https://us1.api.voucherify.io"),
        ("https://API.voucherify.io:443/x", HOST),
        ("http://127.0.0.1:8080/download/x?token=1-a", "http://127.0.0.1:8080"),
        ("https://acme.example.com/file", "https://acme.example.com/voucherify"),
    ],
)
def test_the_keys_go_to_the_own_host_and_to_voucherifys_for_files(url: str, base: str) -> None:
    assert checked_file_url(url, base) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://download.voucherify.io/x?token=secret",
        "https://download.voucherify.io:8443/x?token=secret",
        "https://download.voucherify.io.example.com/x?token=secret",
        "https://notdownload.voucherify.io/x?token=secret",
        "https://user:pass@download.voucherify.io/x?token=secret",
        "https://example.com\\@download.voucherify.io/x?token=secret",
        "https://example.com#@download.voucherify.io/x?token=secret",
        "http://api.voucherify.io/x?token=secret",
        "https://api.voucherify.io:8443/x?token=secret",
        "https://download.voucherify.io/x\r\nX: secret",
        "//download.voucherify.io/secret",
        "ftp://download.voucherify.io/secret",
        "https://[::1/secret",
        "",
    ],
)
def test_the_keys_go_nowhere_else_and_the_address_is_not_told(url: str) -> None:
    with pytest.raises(errors.FileRefused) as caught:
        checked_file_url(url, HOST)
    assert "secret" not in str(caught.value)


def test_no_call_is_made_to_another_host(emulator: Emulator) -> None:
    async def act(client: Client) -> None:
        export = await made(client)
        await read(client, replace(export, url=f"http://localhost:{emulator.url.rpartition(':')[2]}/download/x"))

    with pytest.raises(errors.FileRefused, match="'localhost'"):
        on(emulator, act)
    assert "GET /download/exports/{id}" not in emulator.stats().endpoints


def lines(text: str) -> Iterator[str]:
    file = ExportFile(io.BytesIO())
    file.begin()
    file.take(text.encode())
    return file.lines()


def test_columns_go_by_place_whatever_their_titles() -> None:
    text = '\ufeffKundennummer,Extern,"Angelegt\nam"\r\ncust_1,"a, ""b""\nc",2024-01-01\r\n'
    assert list(exports.rows_of(lines(text), FIELDS)) == [["cust_1", 'a, "b"\nc', "2024-01-01"]]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has 0 columns where 3"),
        ("ID,Source ID\n", "has 2 columns where 3"),
        ("a,b,c\ncust_1,x,2024\ncust_2,y", "row 3 of the export's file has 2 of 3 cells"),
        ("a,b,c\ncust_1,x,2024,z\n", "has 4 of 3 cells"),
        ('a,b,c\ncust_1,"x', "line 2 of the export's file is no CSV"),
        ('a,b,c\ncust_1,"x"y,2024\n', "is no CSV"),
        (f"a,b,c\ncust_1,{'x' * 200_000},2024\n", "is no CSV"),
        (f"a,b,c\n{'x,' * 1_000_000}\n", "longer than 1,048,576 bytes"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(text: str, problem: str) -> None:
    with pytest.raises(errors.ExportFailed, match=problem) as caught:
        list(exports.rows_of(lines(text), FIELDS))
    assert "cust_1" not in str(caught.value)


def test_what_is_no_text_is_refused() -> None:
    file = ExportFile(io.BytesIO())
    file.take(b"a,b,c\ncust_1,\xff,2024\n")
    with pytest.raises(errors.ExportFailed, match="UTF-8"):
        list(exports.rows_of(file.lines(), FIELDS))


def test_what_is_packed_is_unpacked_in_small_pieces() -> None:
    packed, unpacking = gzip.compress(bytes(50_000_000)), Unpacking("gzip")
    pieces = [
        len(piece) for start in range(0, len(packed), 9_000) for piece in unpacking.pieces(packed[start:][:9_000])
    ]
    unpacking.check_end()
    assert sum(pieces) == 50_000_000
    assert max(pieces) <= 1024 * 1024
    cut = Unpacking("gzip")
    assert list(cut.pieces(packed[:-9]))
    with pytest.raises(errors.TransportFailed, match="cut off"):
        cut.check_end()
