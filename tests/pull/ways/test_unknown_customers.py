"""Ids Voucherify does not know: dropped and counted, kept, or refused; and projects that know nobody."""

from __future__ import annotations

from collections import Counter

import pytest

from airflow_provider_voucherify.api.errors import CustomersUnknown, WrongProject
from airflow_provider_voucherify.api.models import JsonObject
from airflow_provider_voucherify.emulator import Emulator, ProjectSettings, Switches
from airflow_provider_voucherify.pull.plan.question import Question, StrategyName
from tests.pull.ways.desk import Desk, truth, xcom_sink

KNOWN = [f"customer-{number:07d}" for number in range(1, 401)]
UNKNOWN = [f"nobody-{number:04d}" for number in range(20)]
MIXED = [name for place, known in enumerate(KNOWN) for name in ([known, UNKNOWN[place // 20]][: 1 + (place % 20 == 9)])]
WAYS: tuple[StrategyName, ...] = ("per_customer", "per_segment")


@pytest.mark.parametrize("way", WAYS)
def test_five_per_cent_unknown_ids_are_counted_and_have_no_rows(shop: Emulator, way: StrategyName) -> None:
    sink = xcom_sink()
    done = Desk(shop).pull(Question(MIXED, strategy=way), sink)
    assert done.rows == truth(shop, KNOWN)
    assert (done.loaded.unknown, done.loaded.customers) == (20, 420)
    assert list(sink.unknown(5)) == UNKNOWN[:5]


def test_unknown_ids_cost_one_call_and_one_for_each_suspect(shop: Emulator) -> None:
    ghost = {segment for _, segment in Desk(shop).pull(Question(["ghost"], unknown="keep")).rows}
    done = Desk(shop).pull(Question(MIXED, strategy="per_customer"))
    suspects = sum({segment for name, segment in done.rows if name == known} == ghost for known in KNOWN)
    assert ghost
    assert done.calls == len(MIXED) + 1 + len(UNKNOWN) + suspects
    assert done.plan.calls == len(MIXED) + 1


def test_unknown_ids_that_are_kept_cost_nothing(shop: Emulator) -> None:
    done = Desk(shop).pull(Question(MIXED, unknown="keep"))
    assert done.calls == len(MIXED)
    assert {name for name, _ in done.rows} >= set(UNKNOWN)
    assert done.loaded.unknown == 0


@pytest.mark.parametrize("way", WAYS)
def test_unknown_ids_fail_the_pull_where_none_is_accepted(shop: Emulator, way: StrategyName) -> None:
    with pytest.raises(CustomersUnknown, match=r"does not know \d+ of \d+ customers .*no…") as refused:
        Desk(shop).pull(Question(MIXED, strategy=way, unknown="fail"))
    assert not any(name in str(refused.value) for name in UNKNOWN)
    assert len(Desk(shop).pull(Question(KNOWN, strategy=way, unknown="fail")).rows) == len(truth(shop, KNOWN))


def test_a_server_that_refuses_unknown_ids_is_understood(shop: Emulator) -> None:
    shop.set_switches(Switches(unknown_customer="not_found"))
    done = Desk(shop).pull(Question(MIXED, strategy="per_customer"))
    assert (done.rows, done.loaded.unknown, done.calls) == (truth(shop, KNOWN), 20, 421)


@pytest.mark.parametrize("size", [5, 9, 50, 400])
@pytest.mark.parametrize("way", ["auto", *WAYS])
@pytest.mark.parametrize(("customers", "segments"), [(200, 12), (0, 0), (60, 0)])
def test_keys_of_another_project_are_found_out_within_20_calls(
    shop: Emulator, size: int, way: StrategyName, customers: int, segments: int
) -> None:
    shop.add_project(ProjectSettings("other", "token", customers=customers, segments=segments))
    ids = [f"cust_of_this_shop_{name}" for name in KNOWN[:size]]
    with pytest.raises(WrongProject, match="keys are those of another project"):
        Desk(shop, app_id="other", token="token").pull(Question(ids, strategy=way))
    assert 0 < shop.stats().keys["other"].calls <= 20


def test_a_wrong_project_is_found_out_where_both_kinds_of_ids_are_given(shop: Emulator) -> None:
    shop.add_project(ProjectSettings("other", "token", customers=0, segments=0))
    ids = [*(f"mine-{number}" for number in range(200)), *(f"cust_{number}" for number in range(100))]
    with pytest.raises(WrongProject):
        Desk(shop, app_id="other", token="token").pull(Question(ids, strategy="per_customer"))
    assert shop.stats().keys["other"].calls <= 20


def test_a_project_whose_ghost_is_in_no_segment_is_right_if_one_is_known(shop: Emulator) -> None:
    shop.add_project(ProjectSettings("other", "token", customers=60, segments=0))
    ids = [f"{name}x" for name in KNOWN[:8]] + KNOWN[:20]
    done = Desk(shop, app_id="other", token="token").pull(Question(ids, strategy="per_customer"))
    assert done.rows == []


def test_a_few_unknown_ids_are_no_wrong_project(shop: Emulator) -> None:
    assert Desk(shop).pull(Question(UNKNOWN[:4], strategy="per_customer")).loaded.unknown == 4


@pytest.mark.parametrize("way", WAYS)
def test_a_customer_given_under_both_names_goes_by_voucherifys(shop: Emulator, way: StrategyName) -> None:
    ids = {one.source_id: one.customer_id for one in shop.memberships()}
    first, second = KNOWN[0], KNOWN[1]
    asked = [ids[first], first, second, ids[second], *KNOWN[2:40], "nobody"]
    done = Desk(shop).pull(Question(asked, strategy=way))
    assert done.rows == truth(shop, asked)
    assert {name for name, _ in done.rows} & {first, second} == set()
    assert (done.loaded.customers, done.loaded.unknown) == (41, 1)


def test_walking_everyone_tells_who_exists_where_that_is_cheaper(shop: Emulator) -> None:
    smallest = Counter(one.segment_name for one in shop.memberships()).most_common()[-1][0]
    done = Desk(shop).pull(Question(MIXED, (smallest,), "per_segment"))
    assert shop.stats().endpoints["GET /v1/customers/{id}"].calls <= 2
    assert done.loaded.unknown == 20
    (segment_id,) = {one.segment_id for one in shop.memberships() if one.segment_name == smallest}
    assert done.rows == [row for row in truth(shop, KNOWN) if row[1] == segment_id]


@pytest.mark.parametrize("is_on_first_page", [True, False], ids=["on the first page", "later on"])
def test_one_odd_customer_nobody_asked_about_fails_no_run_that_walks_over_everyone(
    shop: Emulator, is_on_first_page: bool
) -> None:
    looked_up, named = list[str](), list[str]()

    def watch(target: str) -> None:
        if target.startswith("/v1/customers/") and not target.endswith("/segments"):
            looked_up.append(target.rpartition("/")[2])

    def change(target: str, answer: JsonObject) -> JsonObject:
        if target.startswith("/v1/customers?") and "segment_id" not in target:
            if ("starting_after=1970" in target) is is_on_first_page:
                answer["customers"][-1]["created_at"] = None  # type: ignore[index, call-overload]
            else:
                named.extend(one["source_id"] for one in answer["customers"])  # type: ignore[union-attr, index, call-overload, misc]
        return answer

    smallest = Counter(one.segment_name for one in shop.memberships()).most_common()[-1][0]
    question = Question(MIXED, (smallest,), "per_segment")
    odd = Desk(shop, watch=watch, change=change).pull(question)
    assert set(looked_up) > set(UNKNOWN)
    # One is looked up before, to see that the project is the right one.
    assert len(set(looked_up) & set(named)) <= 1
    assert bool(named) is not is_on_first_page
    assert odd.loaded == Desk(shop).pull(question).loaded
