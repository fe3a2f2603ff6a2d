"""Which static segments a table holds all members of: told by a hash of the rows, so that whoever wrote to the table
since, by a run or by hand, cannot make it lie."""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_voucherify.api.models import Member, StaticList
from airflow_provider_voucherify.load.base import in_parts
from airflow_provider_voucherify.load.sql import visible
from airflow_provider_voucherify.load.sql.marks import STATIC_LISTS, forget_mark, insert_mark, select_mark
from airflow_provider_voucherify.load.static_lists import Digest, Proof, proofs_from_text, proofs_to_text
from airflow_provider_voucherify.warehouse.catalog import catalog_of
from airflow_provider_voucherify.warehouse.many_rows import IDS_PER_STATEMENT, ROWS_PER_FETCH

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.engine import Connection

    from airflow_provider_voucherify.load.sql.target import Target
    from airflow_provider_voucherify.warehouse.database import Database

log = logging.getLogger(__name__)


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
