"""The rows of an export, one by one, as the hook offers them."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from airflow_provider_voucherify.api.calls.exports import ExportFile
from airflow_provider_voucherify.api.errors import VoucherifyError
from airflow_provider_voucherify.api.models import Cell
from airflow_provider_voucherify.exporting.exporter import FIRST_LOOK, Exporter
from airflow_provider_voucherify.exporting.rows import exported_rows
from airflow_provider_voucherify.hooks.client_runner import ClientRunner
from airflow_provider_voucherify.load.exports.destinations import columns_of_fields
from airflow_provider_voucherify.pull.customers.upstream import time_above_zero
from airflow_provider_voucherify.pull.tools import utc_now

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.calls.exports import Export, Wanted
    from airflow_provider_voucherify.api.http.client import Client

ExportedRow: TypeAlias = dict[str, Cell]


class Polling(NamedTuple):
    """How an export is waited for.

    :param at_most: so long, from when it was asked for.
    """

    between: timedelta
    at_most: timedelta


def checked_polling(poll_interval: object, timeout: object) -> Polling:
    """Return how an export is waited for.

    :raises InvalidArgument: if one of them is no time, none above zero, or above a week.
    """
    return Polling(
        time_above_zero(poll_interval, "poll_interval", "timedelta(seconds=15)"),
        time_above_zero(timeout, "timeout", "timedelta(hours=6)"),
    )


def exported(opening: AbstractAsyncContextManager[Client], wanted: Wanted, polling: Polling) -> Iterator[ExportedRow]:
    """Yield the rows of an export; it is asked for when the first one is read.

    :param opening: a client to be opened; closed before the first row.
    :raises ExportFailed: if it ended in ``ERROR``, is not done in time, or its file is not what was asked for.
    :raises VoucherifyError: if it cannot be had.
    """
    columns = columns_of_fields(wanted.fields)
    with tempfile.TemporaryFile() as passing:
        file = ExportFile(passing)
        with ClientRunner(opening) as runner:
            runner.run(_fetch(Exporter(runner.client, wanted), file, polling))
        for row in exported_rows(file.lines(), wanted.fields):
            yield dict(zip(columns, row, strict=True))


async def _fetch(exporter: Exporter, file: ExportFile, polling: Polling) -> None:
    """Ask, wait and fetch, and remove the export however that ends."""
    asked_at, export_id = utc_now(), None
    try:
        export = await exporter.ask(asked_at)
        export_id = export.id
        done = await _awaited(exporter, export, asked_at, polling)
        await exporter.fetch(done, file)
    finally:
        if exporter.may_be_taken:
            with suppress(VoucherifyError):  # what went wrong before is of more use
                await exporter.remove_asked(export_id, asked_at)


async def _awaited(exporter: Exporter, export: Export, asked_at: datetime, polling: Polling) -> Export:
    wait = min(FIRST_LOOK, polling.between)
    while not exporter.is_done(export, utc_now() - asked_at, polling.at_most):
        await asyncio.sleep(wait.total_seconds())
        wait = polling.between
        export = await exporter.look_again(export)
    return export
