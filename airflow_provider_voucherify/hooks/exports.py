"""The rows of an export, one by one, as the hook offers them."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from airflow_provider_voucherify.api.calls.exports import ExportFile
from airflow_provider_voucherify.api.errors import ExportFailed
from airflow_provider_voucherify.exporting.exporter import Exporter
from airflow_provider_voucherify.exporting.rows import Cell, exported_rows
from airflow_provider_voucherify.hooks.client_runner import ClientRunner
from airflow_provider_voucherify.load.exports.destinations import columns_of_fields
from airflow_provider_voucherify.pull.tools import utc_now

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.calls.exports import Export, Wanted
    from airflow_provider_voucherify.api.http.client import Client

ExportedRow: TypeAlias = dict[str, Cell]

POLL_INTERVAL: Final = timedelta(seconds=15)
TIMEOUT: Final = timedelta(hours=6)
#: A small export is there soon: the first look is so long after it was asked for, in seconds.
_FIRST_LOOK = 2.0


class Polling(NamedTuple):
    """How an export is waited for.

    :param at_most: so long, from when it was asked for.
    """

    between: timedelta
    at_most: timedelta


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
    asked_at = utc_now()
    export = await exporter.ask(asked_at)
    try:
        done = await _awaited(exporter, export, asked_at, polling)
        await exporter.fetch(done, file)
    finally:
        await exporter.remove(export.id)


async def _awaited(exporter: Exporter, export: Export, asked_at: datetime, polling: Polling) -> Export:
    seconds = min(_FIRST_LOOK, polling.between.total_seconds())
    while not export.is_over:
        exporter.check_age(export, utc_now() - asked_at, polling.at_most)
        await asyncio.sleep(seconds)
        seconds = polling.between.total_seconds()
        seen = await exporter.look(export.id)
        if seen is None:
            raise ExportFailed(f"export {export.id} was deleted by somebody else")
        export = seen
    if export.status == "ERROR":
        raise exporter.failed(export)
    return export
