"""Counts what a staging table holds, in as few passes as that takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_voucherify.api.models import Outcome
from airflow_provider_voucherify.load.base import NOTE, LoadSummary, SegmentCount
from airflow_provider_voucherify.load.sql import statements
from airflow_provider_voucherify.load.sql import visible as publication
from airflow_provider_voucherify.load.sql.visible import StagedAs
from airflow_provider_voucherify.load.summary import count

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.engine import Connection

    from airflow_provider_voucherify.load.sql.visible import Segments


class _Counted(NamedTuple):
    """How many rows are staged of a sort."""

    kind: str
    outcome: str
    segment_id: str
    segment_name: str
    rows: int


def _in_one_pass(connection: Connection, staging: Table) -> Iterator[_Counted]:
    return (_Counted(*row) for row in connection.execute(statements.count_rows(staging)))


def _by_kind(connection: Connection, staging: Table) -> Iterator[_Counted]:
    for outcome, rows in connection.execute(statements.count_outcomes(staging)):
        yield _Counted(statements.ANSWER, outcome, "", "", rows)
    for kind in (statements.MEMBERSHIP, statements.WALK):
        for segment_id, segment_name, rows in connection.execute(statements.count_by_segment(staging, kind)):
            yield _Counted(kind, "", segment_id, segment_name, rows)


def count_staged(connection: Connection, staging: Table, parts: Sequence[Segments]) -> tuple[LoadSummary, StagedAs]:
    """Count what is staged.

    :param parts: the segments to show, some at a time; ``None`` for all.
    :returns: the counts, and how the memberships of these segments were staged.
    """
    # Where the key begins with the kind, a query for each takes half as long as one pass through all of them.
    counted = list(_by_kind(connection, staging) if staging.primary_key.columns else _in_one_pass(connection, staging))
    outcomes = {one.outcome: one.rows for one in counted if one.kind == statements.ANSWER}
    rest = connection.scalars(statements.select_rest(staging)).one_or_none()
    outcomes[Outcome.NO_SEGMENT] = outcomes.get(Outcome.NO_SEGMENT, 0) + int(rest or 0)
    wanted = None if None in parts else {segment_id for part in parts for segment_id in part or ()}
    staged = [
        SegmentCount(one.segment_id, one.segment_name, one.rows)
        for one in counted
        if one.kind == statements.MEMBERSHIP and (wanted is None or one.segment_id in wanted)
    ]
    if not any(one.kind == statements.WALK and not one.segment_id.startswith(NOTE) for one in counted):
        # Without lists each membership came with its customer's answer.
        return count(outcomes, staged), StagedAs()
    rows = (row for part in parts for row in connection.execute(publication.count_segments(staging, part)))
    shown = count(outcomes, [SegmentCount(*row) for row in rows])
    return shown, StagedAs(is_listed=True, has_hidden=shown.memberships < sum(one.customers for one in staged))
