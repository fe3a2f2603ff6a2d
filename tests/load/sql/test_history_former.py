"""Who a history names as former members of a segment."""

from __future__ import annotations

from tests.load.histories import history_sink, record
from tests.load.runs import Warehouse, found, no_segment


def test_only_memberships_that_are_open_are_told(warehouse: Warehouse) -> None:
    record(warehouse, 1, found("anna", "gold"), found("bert", "gold"))
    record(warehouse, 2, no_segment("anna"), found("bert", "gold"))
    assert history_sink(warehouse, 3).members_before("seg_gold", 3) == ["bert"]
