"""Which static segments a table holds all members of: told by a hash of the rows, so that whoever wrote to the table
since, by a run or by hand, cannot make it lie."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_voucherify.api.models import Json, JsonObject, Member, Segment, StaticList
from airflow_provider_voucherify.load.base import in_parts
from airflow_provider_voucherify.load.sql import visible
from airflow_provider_voucherify.load.sql.marks import STATIC_LISTS, forget_mark, insert_mark, select_mark
from airflow_provider_voucherify.warehouse.catalog import catalog_of
from airflow_provider_voucherify.warehouse.many_rows import IDS_PER_STATEMENT, ROWS_PER_FETCH

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.engine import Connection

    from airflow_provider_voucherify.load.sql.target import Target
    from airflow_provider_voucherify.warehouse.database import Database

_DIGEST_BYTES = 16


@dataclass(slots=True)
class Digest:
    """A hash of the members of a segment, in whatever order they come.

    :param members: so many came.
    :param total: the sum of the hashes of each.
    """

    members: int = 0
    total: int = 0

    def add(self, member: Member) -> None:
        """Take in a member, who comes once."""
        text = json.dumps([member.customer_id, member.source_id])
        self.members += 1
        self.total += int.from_bytes(hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest())

    def __str__(self) -> str:
        return f"{self.total % 256**_DIGEST_BYTES:0{2 * _DIGEST_BYTES}x}"


@dataclass(frozen=True, slots=True)
class Proof:
    """Says which rows are all members of a static segment: rows that hash alike are, whoever wrote them.

    :param listed: the segment, and how many members it had.
    :param digest: hash of the members.
    """

    listed: StaticList
    digest: str

    def fits(self, found: Digest) -> bool:
        """Return whether rows are those members."""
        return found.members == self.listed.members and str(found) == self.digest

    def to_json(self) -> JsonObject:
        """Return the proof as JSON, to be read back by :func:`proofs_from_text`."""
        segment = self.listed.segment
        times: list[Json] = [_text(segment.created_at), _text(segment.updated_at)]
        return {"name": segment.name, "times": times, "members": self.listed.members, "digest": self.digest}


class StaticLists:
    """The static segments of a project in a table, their hashes in a row of the table of marks.

    :param database: where the table is.
    :param target: the table.
    :param marks: the table of marks beside it.
    :param project: hash of the project; where it is empty nothing is proven.
    """

    def __init__(self, database: Database, target: Target, marks: Table, project: str) -> None:
        self._database = database
        self._target = target
        self._marks = marks
        self._can_prove = bool(project) and target.is_kept and "source_id" in target.table.c
        digest = hashlib.blake2b(f"{target.table.fullname}\n{project}".encode(), digest_size=12)
        self._key = STATIC_LISTS + digest.hexdigest()

    def read(self) -> list[StaticList]:
        """Return the lists whose rows are all there, and no others; the rows are read once.

        :raises StatementFailed: if the database refused or could not be reached.
        """
        return self._database.read("look for static segments that are unchanged", self._read)

    def members(self, segment_id: str) -> list[Member] | None:
        """Return the members of a static segment, ``None`` if the rows are not exactly them.

        :raises StatementFailed: if the database refused or could not be reached.
        """

        def work(connection: Connection) -> list[Member] | None:
            proof = self._proofs(connection).get(segment_id)
            if proof is None:
                return None
            members, digest = [member for _, member in self._rows(connection, [segment_id])], Digest()
            for member in members:
                digest.add(member)
            return members if proof.fits(digest) else None

        return self._database.read("read the members of a static segment", work)

    def put(self, connection: Connection, static: Sequence[StaticList], now: datetime) -> None:
        """Keep hashes of the rows of some segments; the caller published, holds the lock, and commits.

        :param static: those the run holds all members of.
        :param now: UTC.
        """
        if not self._can_prove:
            return
        held = self._proofs(connection)
        listed = [one.segment.id for one in static]
        found = self._digests(connection, listed)
        proofs = {segment_id: proof for segment_id, proof in held.items() if segment_id not in listed}
        for one in static:
            proof = Proof(one, str(found[one.segment.id]))
            if proof.fits(found[one.segment.id]):
                proofs[one.segment.id] = proof
        if proofs != held:
            connection.execute(forget_mark(self._marks, self._key))
            connection.execute(insert_mark(self._marks, self._key, now, proofs_to_text(proofs)))

    def _read(self, connection: Connection) -> list[StaticList]:
        proofs = self._proofs(connection)
        found = self._digests(connection, [*proofs])
        return [proof.listed for segment_id, proof in proofs.items() if proof.fits(found[segment_id])]

    def _proofs(self, connection: Connection) -> dict[str, Proof]:
        catalog, table = catalog_of(connection), self._target.table
        tables = (table, self._marks)
        if not self._can_prove or not all(catalog.has_table(one.name, schema=one.schema) for one in tables):
            return {}
        text = connection.scalars(select_mark(self._marks, self._key)).first()
        return {} if text is None else proofs_from_text(text)

    def _digests(self, connection: Connection, segment_ids: Sequence[str]) -> defaultdict[str, Digest]:
        found = defaultdict[str, Digest](Digest)
        for segment_id, member in self._rows(connection, segment_ids):
            found[segment_id].add(member)
        return found

    def _rows(self, connection: Connection, segment_ids: Sequence[str]) -> Iterator[tuple[str, Member]]:
        for batch in in_parts(segment_ids, IDS_PER_STATEMENT):
            query = visible.select_members(self._target.table, self._target.rows_in(batch))
            # Of the query only: a connection would go on so, and PostgreSQL streams no other statement.
            streamed = connection.execute(query.execution_options(yield_per=ROWS_PER_FETCH))
            for segment_id, customer_id, source_id in streamed:
                yield segment_id, Member(customer_id, source_id)


def proofs_to_text(proofs: Mapping[str, Proof]) -> str:
    """Return proofs as JSON text, by the segment's id."""
    return json.dumps({segment_id: proof.to_json() for segment_id, proof in proofs.items()})


def proofs_from_text(text: str) -> dict[str, Proof]:
    """Read what :func:`proofs_to_text` wrote; what is none of it proves nothing."""
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    stored = data.items() if isinstance(data, dict) else ()
    read = {segment_id: _proof(segment_id, one) for segment_id, one in stored}
    return {segment_id: proof for segment_id, proof in read.items() if proof is not None}


def _proof(segment_id: str, data: Json) -> Proof | None:
    match data:
        case {"name": str(name), "times": [*times], "members": int(members), "digest": str(digest)} if len(times) == 2:
            try:
                created_at, updated_at = map(_time, times)
            except ValueError:
                return None
            return Proof(StaticList(Segment(segment_id, name, "static", created_at, updated_at), members), digest)
    return None


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _time(value: Json) -> datetime | None:
    return None if value is None else datetime.fromisoformat(str(value))
