"""The rows of an export by the hook: streamed, by column, and the export is deleted whatever happens."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowTaskTimeout

from airflow_provider_voucherify.api.errors import ExportFailed, InvalidArgument, TransportFailed
from airflow_provider_voucherify.emulator import Emulator, Fault, Switches
from airflow_provider_voucherify.exporting.exporter import Exporter
from airflow_provider_voucherify.hooks.exports import ExportedRow
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from tests.operators.exporting import GOLD, asked, left

OFTEN = timedelta(seconds=0.02)


def exported(*fields: str, **more: object) -> Iterator[ExportedRow]:
    return VoucherifyHook().export("customer", fields, poll_interval=OFTEN, **more)  # type: ignore[arg-type]


def test_rows_are_dicts_by_column_and_the_export_is_gone_with_the_first(voucherify_connection: Emulator) -> None:
    voucherify_connection.set_switches(Switches(export_wait_seconds=0.05))
    rows = exported("id", "metadata", "metadata.tier", filters=GOLD, order="-created_at")
    assert asked(voucherify_connection) == 0
    first = next(rows)
    assert left() == 0
    assert list(first) == ["id", "metadata", "metadata_tier"]
    assert isinstance(first["metadata"], dict)
    gold = {one.customer_id for one in voucherify_connection.customers() if one.metadata["tier"] == "gold"}
    assert {first["id"], *(row["id"] for row in rows)} == gold
    assert asked(voucherify_connection) == 1


@pytest.mark.parametrize(
    ("switches", "said"),
    [
        (Switches(export_outcome="error"), "status ERROR"),
        (Switches(export_wait_seconds=60), "longer than timeout allows"),
        (Switches(export_fault="cut"), "cut off"),
    ],
    ids=["error", "too long", "cut"],
)
def test_what_fails_leaves_no_export_behind(voucherify_connection: Emulator, switches: Switches, said: str) -> None:
    voucherify_connection.set_switches(switches)
    with pytest.raises(ExportFailed, match=said):
        list(exported("id", "email", "created_at", timeout=timedelta(seconds=0.1)))
    assert (asked(voucherify_connection), left()) == (1, 0)


def test_a_timeout_while_it_waits_comes_out_as_itself_and_leaves_no_export_behind(
    voucherify_connection: Emulator, alarm: Callable[[float], None]
) -> None:
    voucherify_connection.set_switches(Switches(export_wait_seconds=60))
    rows = exported("id", "email")
    alarm(0.5)
    with pytest.raises(AirflowTaskTimeout):
        next(rows)
    assert (asked(voucherify_connection), left()) == (1, 0)


def test_lost_answers_leave_no_export_behind(voucherify_connection: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    find, finds = Exporter.find, list[datetime]()

    async def lost_at_first(self: Exporter, asked_at: datetime) -> object:
        finds.append(asked_at)
        if len(finds) == 1:
            raise TransportFailed("no answer")
        return await find(self, asked_at)

    monkeypatch.setattr(Exporter, "find", lost_at_first)
    voucherify_connection.set_faults([Fault("reset", rate=1.0, path="^POST /v1/exports", after_acting=True)])
    with pytest.raises(TransportFailed, match="no answer"):
        next(exported("id"))
    assert (asked(voucherify_connection), left()) == (1, 0)


@pytest.mark.usefixtures("alarm")
def test_a_timeout_before_the_id_is_known_leaves_no_export_behind(
    voucherify_connection: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Exporter.ask

    async def hang_at_the_end(self: Exporter, asked_at: datetime) -> None:
        await ask(self, asked_at)
        os.kill(os.getpid(), signal.SIGALRM)
        await asyncio.sleep(60)

    monkeypatch.setattr(Exporter, "ask", hang_at_the_end)
    with pytest.raises(AirflowTaskTimeout):
        next(exported("id"))
    assert (asked(voucherify_connection), left()) == (1, 0)


def test_fields_that_would_be_one_column_are_refused_before_any_call(voucherify_connection: Emulator) -> None:
    with pytest.raises(ValueError, match="fields make two columns of one name: 'metadata_a_b'"):
        next(exported("metadata.a.b", "metadata.a_b"))
    assert voucherify_connection.stats().calls == 0


@pytest.mark.parametrize("fields", [[], "id", ["id", "id"], None], ids=str)
def test_what_cannot_be_meant_is_refused_before_any_call(voucherify_connection: Emulator, fields: object) -> None:
    with pytest.raises(InvalidArgument, match="fields"):
        VoucherifyHook().export("customer", fields)  # type: ignore[arg-type]
    assert voucherify_connection.stats().calls == 0


@pytest.mark.parametrize("name", ["poll_interval", "timeout"])
@pytest.mark.parametrize("value", [timedelta(0), timedelta(seconds=-1), timedelta.max, 15, None], ids=str)
def test_times_that_cannot_be_meant_are_refused_before_any_call(
    voucherify_connection: Emulator, name: str, value: object
) -> None:
    with pytest.raises(InvalidArgument, match=f"{name} is .*; write a timedelta such as"):
        VoucherifyHook().export("customer", ["id"], **{name: value})  # type: ignore[arg-type]
    assert voucherify_connection.stats().calls == 0
