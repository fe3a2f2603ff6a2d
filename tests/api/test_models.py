"""How fields are read: a time has a zone, an empty text says nothing, and what cannot be stored is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from airflow_provider_voucherify.api.calls.exports import Export
from airflow_provider_voucherify.api.campaign_models import Publication
from airflow_provider_voucherify.api.models import Customer, Json, JsonObject, Segment, UnexpectedShape

Read = Callable[[JsonObject], Customer | Segment | Publication | Export]

READS: list[Read] = [Customer.from_json, Segment.from_json, Publication.from_json, Export.from_json]
FIELDS: JsonObject = {"id": "x_1", "name": "VIP", "customer_id": "cust_1", "status": "DONE"}

every_model = pytest.mark.parametrize("read", READS, ids=["customer", "segment", "publication", "export"])


@every_model
@pytest.mark.parametrize(
    ("told", "moment"),
    [
        ("2026-01-31T12:00:00.000Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))),
        ("yesterday", None),
        ("", None),
        (1_769_860_800, None),
        (None, None),
    ],
    ids=["utc", "no zone", "another zone", "no time", "empty", "number", "absent"],
)
def test_a_time_has_a_zone(read: Read, told: Json, moment: datetime | None) -> None:
    created_at = read(FIELDS | {"created_at": told}).created_at
    assert created_at == moment
    assert created_at is None or created_at.tzinfo is not None


@every_model
@pytest.mark.parametrize("told", [None, "", 7, ["x"], "a\0b", "\ud800"], ids=ascii)
def test_an_id_is_a_text_that_can_be_stored(read: Read, told: Json) -> None:
    with pytest.raises(UnexpectedShape, match="field 'id'"):
        read(FIELDS | {"id": told})


def test_an_empty_text_is_none() -> None:
    assert Customer.from_json(FIELDS | {"source_id": ""}).source_id is None
    assert Segment.from_json(FIELDS | {"type": ""}).type is None
    given = Publication.from_json(FIELDS | {"source_id": "", "vouchers": [""]})
    assert (given.source_id, given.code) == (None, None)
