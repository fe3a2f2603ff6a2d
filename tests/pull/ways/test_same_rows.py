"""Whatever the shop, all strategies give the same rows, and they are the truth."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_voucherify.api.errors import WrongProject
from airflow_provider_voucherify.emulator import Emulator, Limits, ProjectSettings
from airflow_provider_voucherify.pull.per_export import files as per_export
from airflow_provider_voucherify.pull.plan.question import Question, StrategyName
from tests.pull.ways.desk import Desk, truth

pytestmark = pytest.mark.long

ODD_IDS = ("a/b c+d%?#é", "50%25", "…", " padded ", "A@x.com", "a@x.com", "0017", "17", "%2e%2e", "日本", "x" * 300)
MOMENTS = ("2024-05-01T10:00:00.000Z", "2024-05-01T10:00:00.001Z", "2024-05-01T10:00:00.002Z", "2025-01-01T00:00:00Z")

WAYS: tuple[StrategyName, ...] = ("per_customer", "per_segment", "export", "auto")

shops = st.fixed_dictionaries(
    {
        "customers": st.integers(0, 40),
        "odd": st.lists(st.sampled_from(ODD_IDS), unique=True),
        "tied": st.integers(0, 230),
        "nameless": st.integers(0, 3),
        "moment": st.integers(0, len(MOMENTS) - 1),
        "statics": st.lists(st.integers(0, 250), max_size=3),
        "filters": st.lists(st.sampled_from(["$is", "$is_not", "$is_unknown"]), max_size=4),
        "types": st.lists(st.sampled_from(["passive", "auto-update"]), min_size=4, max_size=4),
        "part": st.floats(0, 1),
        "double": st.integers(0, 3),
        "unknown": st.integers(0, 4),
    }
)


def fill(emulator: Emulator, drawn: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Fill an empty shop; return ids of the customers as known, and of the segments."""
    emulator.reset(population=True)
    names = [f"c-{number}" for number in range(drawn["customers"])] + drawn["odd"]
    tied = [f"t-{number}" for number in range(drawn["tied"])]
    moment = MOMENTS[drawn["moment"]]
    customers: list[Any] = [
        {"source_id": name, "created_at": MOMENTS[place % len(MOMENTS)], "metadata": {"tier": "gold"}}
        for place, name in enumerate(names)
    ]
    customers += [{"source_id": name, "created_at": moment} for name in tied]
    customers += [{"created_at": moment, "metadata": {"tier": "gold"}} for _ in range(drawn["nameless"])]
    ids = emulator.add_customers(customers)
    for place, size in enumerate(drawn["statics"]):
        emulator.add_segment(f"static {place}", customers=ids[:size])
    for place, (operator, type_) in enumerate(zip(drawn["filters"], drawn["types"], strict=False)):
        condition: Any = {"junction": "and", "metadata.tier": {"conditions": {operator: ["gold"]}}}
        emulator.add_segment(f"filter {place}", filter=condition, type=type_)
    return ids, [*names, *tied]


def asked_for(drawn: dict[str, Any], ids: list[str], names: list[str]) -> list[str]:
    asked = names[: round(len(names) * drawn["part"])] + ids[len(names) :]
    asked += ids[: drawn["double"]]  # the same customers again, by Voucherify's id
    return list(dict.fromkeys([*asked, *(f"nobody-{number}" for number in range(drawn["unknown"]))]))


def test_all_strategies_give_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(per_export, "LEAST_SAVED", -math.inf)  # whatever can be exported is
    exported = list[int]()
    with Emulator(customers=0, segments=0, limits=Limits(limit=None)) as emulator:

        @settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(shops)
        def check(drawn: dict[str, Any]) -> None:
            ids, names = fill(emulator, drawn)
            asked = asked_for(drawn, ids, names)
            desk = Desk(emulator)
            if len(ids) and any(name in asked for name in (*ids, *names)):
                pulls = [desk.pull(Question(asked, strategy=way)) for way in WAYS]
                assert [pull.rows for pull in pulls] == [truth(emulator, asked)] * len(WAYS)
                assert {pull.loaded.customers for pull in pulls} == {pulls[0].loaded.customers}
            if not ids:
                with pytest.raises(WrongProject, match="no customers at all"):
                    desk.pull(Question(None))
                return
            everyone = [desk.pull(Question(None, strategy=way)) for way in WAYS]
            assert [pull.rows for pull in everyone] == [truth(emulator)] * len(WAYS)
            assert [pull.loaded.customers for pull in everyone] == [len(ids)] * len(WAYS)
            exported.append(emulator.stats().endpoints["POST /v1/exports"].calls if drawn["filters"] else 0)

        check()
        assert sum(exported) >= 50, "most shops should have something to export"


def test_another_project_is_another_shop(shop: Emulator) -> None:
    shop.add_project(ProjectSettings("other", "token", customers=50, segments=4))
    rows = Desk(shop, app_id="other", token="token").pull(Question(None)).rows
    expected = sorted((one.customer_id, one.segment_id) for one in shop.memberships(app_id="other"))
    assert rows == expected != []
