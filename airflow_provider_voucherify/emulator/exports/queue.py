"""The exports of a project: one file is made behind the other, as time goes by."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from airflow_provider_voucherify.emulator.exports.objects import OBJECTS, Row, cell, columns_of
from airflow_provider_voucherify.emulator.giving.publications import Publications
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject
from airflow_provider_voucherify.emulator.shop.index import NEVER
from airflow_provider_voucherify.emulator.shop.population import Population
from airflow_provider_voucherify.emulator.shop.reference import object_id
from airflow_provider_voucherify.emulator.switches import Switches
from airflow_provider_voucherify.emulator.times import show_instant, to_micros

Status = Literal["SCHEDULED", "IN_PROGRESS", "DONE", "ERROR"]


@dataclass(frozen=True, slots=True)
class Order:
    """What an export is to hold.

    :param kind: the exported object.
    :param fields: checked names of the columns.
    :param lets_in: whether a row is in, at an instant.
    :param by: the field to order by, and ``descending``.
    """

    kind: str
    fields: tuple[str, ...]
    lets_in: Callable[[Row, int], bool]
    by: str
    descending: bool
    parameters: JsonObject


@dataclass(slots=True, eq=False)
class Export:
    """One export; all instants are microseconds since 1970, UTC.

    :param starts_at: when its rows are read, all at once.
    :param ends_at: when its file is there; not known before it starts.
    """

    id: str
    created_at: int
    starts_at: int
    order: Order
    switches: Switches
    ends_at: int = NEVER
    content: bytes = b""

    def status(self, now: int) -> Status:
        """Tell how far it is.

        :param now: microseconds since 1970, UTC.
        """
        if self.ends_at == NEVER:
            return "SCHEDULED"
        if now < self.ends_at:
            return "IN_PROGRESS"
        return "ERROR" if self.switches.export_outcome == "error" else "DONE"

    def token(self, now: int) -> str:
        """Make the token that opens the file for a while.

        :param now: microseconds since 1970, UTC.
        """
        return self._token(now + to_micros(self.switches.export_token_seconds))

    def is_opened_by(self, token: str, now: int) -> bool:
        """Tell whether a token opens the file.

        :param now: microseconds since 1970, UTC.
        :returns: False too when it has expired.
        """
        ends = token.partition("-")[0]
        return ends.isdigit() and int(ends) > now and token == self._token(int(ends))

    def _token(self, ends_at: int) -> str:
        return f"{ends_at}-{random.Random(f'{self.id}/{ends_at}').getrandbits(96):024x}"

    def to_json(self, base_url: str, now: int) -> JsonObject:
        """Show the export.

        :param now: microseconds since 1970, UTC.
        :returns: the export; its result is null before it is done.
        """
        url = f"{base_url}/download/exports/{self.id}?token={self.token(now)}"
        result: Json = {"url": url} if self.status(now) == "DONE" else None
        return {
            "id": self.id,
            "object": "export",
            "created_at": show_instant(self.created_at),
            "status": self.status(now),
            "channel": "API",
            "exported_object": self.order.kind,
            "parameters": self.order.parameters,
            "result": result,
            "user_id": None,
        }


class Exports:
    """The exports of one project."""

    def __init__(self, owner: str) -> None:
        """Start without exports.

        :param owner: the project's id: two projects have no export id in common.
        """
        self._owner = owner
        self._made = 0
        self._by_id: dict[str, Export] = {}
        self._waiting: list[Export] = []
        self._latest: Export | None = None

    def add(self, order: Order, switches: Switches, now: int) -> Export:
        """Put an export behind the others.

        :param now: microseconds since 1970, UTC.
        :returns: the export, which has not begun.
        """
        self._made += 1
        new_id = object_id("exp", 24, random.Random(f"{self._owner}/export/{self._made}"))
        export = Export(new_id, now, now + to_micros(switches.export_wait_seconds), order, switches)
        self._by_id[new_id] = export
        self._waiting.append(export)
        return export

    def settle(self, population: Population, publications: Publications, now: int) -> None:
        """Make the files whose turn has come.

        :param now: the instant of the request that is about to look.
        """
        while self._waiting:
            first = self._waiting[0]
            start = max(first.starts_at, 0 if self._latest is None else self._latest.ends_at)
            if start > now:
                break
            self._waiting.pop(0)
            first.starts_at = start
            rows, first.content = _file_of(first, population, publications)
            first.ends_at = first.starts_at + to_micros(first.switches.export_row_seconds) * rows
            self._latest = first

    def find(self, export_id: str) -> Export | None:
        """Find an export.

        :returns: the export, or None.
        """
        return self._by_id.get(export_id)

    def remove(self, export: Export) -> None:
        """Delete an export and its file."""
        del self._by_id[export.id]
        if export is self._latest:
            self._latest = None
        if export in self._waiting:
            self._waiting.remove(export)

    def all(self) -> list[Export]:
        """List the exports that were not deleted."""
        return list(self._by_id.values())


def _file_of(export: Export, population: Population, publications: Publications) -> tuple[int, bytes]:
    order, fault = export.order, export.switches.export_fault
    everything = list(OBJECTS[order.kind].rows(population, publications))
    rows = everything
    if fault != "filter_ignored":
        rows = [row for row in everything if order.lets_in(row, export.starts_at)]
    if fault == "swapped":
        rows = _swapped(rows, everything, export.switches.export_fault_every)
    elif fault == "rows_missing":
        rows = [row for number, row in enumerate(rows, 1) if number % export.switches.export_fault_every]
    columns = columns_of(order.kind, order.fields, population.schema)
    readers = dict(zip(order.fields, (read for _, read in columns), strict=False))
    by = readers.get(order.by) or columns_of(order.kind, [order.by], ())[0][1]
    rows.sort(key=lambda row: cell(by(row)), reverse=order.descending)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(title for title, _ in columns)
    writer.writerows([cell(read(row)) for _, read in columns] for row in rows)
    content = text.getvalue().encode()
    return len(rows), content[: len(content) * 2 // 3] if fault == "cut" else content


def _swapped(rows: list[Row], everything: list[Row], every: int) -> list[Row]:
    """Put others in the place of some rows: as many wrong ones as missing ones, which no count can tell."""
    inside = {id(row) for row in rows}
    others = iter([row for row in everything if id(row) not in inside])
    return [row if number % every else next(others, row) for number, row in enumerate(rows, 1)]
