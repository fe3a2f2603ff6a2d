"""Exports: a file of many objects, made at Voucherify's leisure and fetched by an address it gives.

Asked for with :func:`create_export`, looked after with :func:`list_exports`, fetched with :func:`download`, read with
:func:`rows_of`, and removed with :func:`delete_export`: six calls for as many customers as there are.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO, Final, Literal, TypeAlias

from airflow_provider_voucherify.api.calls.call import Call, Repeatable, Sender, ask, post
from airflow_provider_voucherify.api.errors import ExportFailed, FileRefused, MalformedAnswer, NotFound
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.id_text import checked_id
from airflow_provider_voucherify.api.limit.window import LONGEST_WINDOW
from airflow_provider_voucherify.api.models import Json, JsonObject, UnexpectedShape, optional_time, required_text

Status: TypeAlias = Literal["SCHEDULED", "IN_PROGRESS", "DONE", "ERROR"]

#: So many exports one call lists, the latest first.
MOST_LISTED: Final = 100
#: A file may be so long, in bytes, unpacked.
LARGEST_FILE: Final = 8 * 1024**3
#: A line of a file may be so long, in bytes; a cell may have 131,072 characters, as the csv module sees to.
LONGEST_LINE: Final = 1024 * 1024
#: Voucherify's clock and that of a worker may differ by so much.
CLOCKS_DIFFER: Final = timedelta(minutes=15)
#: So long after an export was to be asked for it is on the list at the latest: the call may wait for the rate limit.
LISTED_WITHIN: Final = timedelta(seconds=LONGEST_WINDOW) + CLOCKS_DIFFER
_STATUSES: Final[tuple[Status, ...]] = ("SCHEDULED", "IN_PROGRESS", "DONE", "ERROR")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an export is to hold.

    :param exported_object: such as ``customer``.
    :param fields: the columns, by the names of the API.
    :param order: a field, with ``-`` before it for descending; ``None`` for Voucherify's default.
    :param filters: as in the documentation of exports; kept out of ``repr``, since it may quote ids.
    """

    exported_object: str
    fields: tuple[str, ...]
    order: str | None = None
    filters: Mapping[str, Json] | None = field(default=None, repr=False)

    @property
    def parameters(self) -> JsonObject:
        """Return what is sent besides the object."""
        fields: list[Json] = [*self.fields]
        parameters: JsonObject = {"fields": fields}
        if self.order is not None:
            parameters["order"] = self.order
        if self.filters is not None:
            parameters["filters"] = dict(self.filters)
        return parameters

    def is_of(self, export: Export) -> bool:
        """Return whether an export was asked for with this; what Voucherify adds of its own makes no difference."""
        told = {name: export.parameters.get(name) for name in ("fields", "order", "filters")}
        own = {name: self.parameters.get(name) for name in told}
        return export.exported_object == self.exported_object and told == own


@dataclass(frozen=True, slots=True)
class Export:
    """An export as Voucherify tells of it; times are UTC.

    :param url: where the file is once it is ``DONE``; it opens the file, so it is kept out of ``repr`` and of logs.
    """

    id: str
    status: Status
    exported_object: str
    created_at: datetime | None = None
    parameters: JsonObject = field(default_factory=dict, repr=False, hash=False)
    url: str | None = field(default=None, repr=False)

    def may_be_of(self, asked_at: datetime) -> bool:
        """Return whether it can be one that was asked for, or was about to be, at a moment (UTC)."""
        made = self.created_at
        return made is not None and asked_at - CLOCKS_DIFFER <= made <= asked_at + LISTED_WITHIN

    @property
    def is_over(self) -> bool:
        """Return whether it changes no more."""
        return self.status in {"DONE", "ERROR"}

    @classmethod
    def from_json(cls, data: JsonObject) -> Export:
        """Read an export.

        :raises UnexpectedShape: if it is none.
        """
        status = next((one for one in _STATUSES if one == data.get("status")), None)
        if status is None:
            raise UnexpectedShape("field 'status' should be one that is documented")
        result, parameters = data.get("result"), data.get("parameters")
        url = result.get("url") if isinstance(result, dict) else None
        return cls(
            required_text(data, "id"),
            status,
            str(data.get("exported_object")),
            optional_time(data, "created_at"),
            parameters if isinstance(parameters, dict) else {},
            url if isinstance(url, str) else None,
        )


class ExportFile:
    """A file of an export, in a passing file on disk: memory stays flat, and a second try begins anew.

    :param file: open for reading and writing, such as ``tempfile.TemporaryFile()``; left open.
    :param largest: so long it may be, in bytes.
    """

    def __init__(self, file: BinaryIO, largest: int = LARGEST_FILE) -> None:
        self._file = file
        self._largest = largest
        self._length = 0

    def begin(self) -> None:
        """Begin with an empty file."""
        self._file.seek(0)
        self._file.truncate()
        self._length = 0

    def take(self, piece: bytes) -> None:
        """Take the next piece.

        :raises FileRefused: if the file is too long.
        """
        self._length += len(piece)
        if self._length > self._largest:
            raise FileRefused(
                f"the file of an export is longer than {self._largest:,} bytes: it was not read to its end"
            )
        try:
            self._file.write(piece)
        except OSError as error:
            problem = os.strerror(error.errno) if error.errno else type(error).__name__
            raise FileRefused(f"the file of an export cannot be written to a passing file: {problem}") from None

    def lines(self) -> Iterator[str]:
        """Yield the lines from the first on, line ends included.

        :raises ExportFailed: if a line is too long, or no text in UTF-8.
        """
        self._file.seek(0)
        number = 0
        while line := self._file.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise ExportFailed(f"line {number} of the export's file is longer than {LONGEST_LINE:,} bytes")
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise ExportFailed(f"line {number} of the export's file is not in UTF-8") from None


_export_from = wire.reader(Export.from_json, "an export")


def _exports_from(data: JsonObject) -> list[Export]:
    exports = list[Export]()
    for item in wire.items_of(data):
        with suppress(MalformedAnswer):
            exports.append(_export_from(item))
    return exports


def create_export(wanted: Wanted) -> Call[Export]:
    """Ask for an export.

    It is never sent a second time by itself: without an answer, :meth:`Wanted.is_of` tells it on the list. Answers are
    ``OtherLimitReached`` if it counts as a bulk call and these are used up, and ``RequestRefused`` if a field or filter
    is none of those an export knows.
    """
    body: JsonObject = {"exported_object": wanted.exported_object, "parameters": wanted.parameters}
    return Call(post(wire.path_of("exports"), body)._replace(may_be_left=True), _export_from)


def list_exports() -> Call[list[Export]]:
    """The latest exports of the project, at most 100, with the addresses of their files; those that cannot be read,
    which anybody may have made, are left out."""
    query: dict[str, str | int] = {"limit": MOST_LISTED, "order": "-created_at"}
    return Call(wire.get(wire.path_of("exports"), query), _exports_from)


def get_export(export_id: str) -> Call[Export]:
    """One export; ``NotFound`` if there is none."""
    return Call(wire.get(wire.path_of("exports", checked_id(export_id, "export id"))), _export_from)


async def delete_export(client: Sender, export_id: str) -> None:
    """Remove an export and its file, for one call; that it is not there any more is fine.

    :raises PermissionMissing: if the keys may not; those that may not delete may export all the same.
    """
    try:
        target = wire.path_of("exports", checked_id(export_id, "export id"))
        await client.send(Repeatable("DELETE", target, may_be_forbidden=True))
    except NotFound:
        return


async def download(client: Sender, export: Export, file: wire.FileTaker) -> None:
    """Fetch the file of an export that is done, for one call; for three if its address had expired.

    :param client: its keys are sent along, to the connection's own host or Voucherify's for files only.
    :param export: if it tells no address it is asked for again.
    :raises FileRefused: if the file cannot be had.
    :raises ExportFailed: if there is none.
    """
    if export.url is not None:
        try:
            await client.send(_file_request(export, file))
        except FileRefused as error:
            if error.status != 401:
                raise
        else:
            return
    await client.send(_file_request(await ask(client, get_export(export.id)), file))


def rows_of(lines: Iterator[str], fields: Sequence[str]) -> Iterator[list[str]]:
    """Yield the rows of a file, cell by cell in the order of the fields; titles are for people and not looked at.

    :param lines: of the file, such as :meth:`ExportFile.lines`.
    :param fields: the columns that were asked for, none of which expands to several.
    :raises ExportFailed: if the file has another number of columns, or a row is not whole.
    """
    reader = csv.reader(lines, strict=True)
    try:
        titles = next(reader, [])
        if len(titles) != len(fields):
            raise ExportFailed(f"the export's file has {len(titles)} columns where {len(fields)} were asked for")
        for row in reader:
            if len(row) != len(fields):
                raise ExportFailed(f"row {reader.line_num} of the export's file has {len(row)} of {len(fields)} cells")
            yield row
    except csv.Error:
        raise ExportFailed(f"line {reader.line_num} of the export's file is no CSV") from None


def _file_request(export: Export, file: wire.FileTaker) -> wire.Request:
    if export.url is None:
        raise ExportFailed(f"export {export.id} is {export.status} and has no file")
    return wire.Request("GET", export.url, file=file, may_be_left=True)
