"""The Dag that gives customers the tier they have earned."""

from __future__ import annotations

from collections import Counter
from typing import cast

from airflow_provider_voucherify.emulator import Emulator
from airflow_provider_voucherify.emulator.json_types import JsonObject
from tests.dags.conftest import LoadDag
from tests.run_op import OperatorRunner, TaskRun

GOLD: JsonObject = {"junction": "and", "metadata.tier": {"conditions": {"$in": ["gold", "platinum"]}}}


def test_upgraded_customers_have_one_event_and_the_stamp_and_are_left_alone_afterwards(
    run_op: OperatorRunner, voucherify_connection: Emulator, load_dag: LoadDag
) -> None:
    voucherify, dag = voucherify_connection, load_dag("tier_upgrade")
    earned = voucherify.customers()[:40]
    voucherify.add_segment("Big spenders", customers=[one.customer_id for one in earned])
    voucherify.add_segment("Gold tier", filter=GOLD, type="passive")
    before = {one.customer_id: one.metadata for one in voucherify.customers()}
    due = {one.customer_id for one in earned if one.metadata["tier"] not in {"gold", "platinum"}}
    assert 0 < len(due) < len(earned)

    def run(task_id: str, run_id: str, map_index: int = -1) -> TaskRun:
        return run_op(dag.get_task(task_id), run_id=run_id, map_index=map_index)

    def upgrade(run_id: str) -> set[str]:
        run("pull_segments", run_id).value  # noqa: B018 - raises what the task raised
        upgraded = cast("list[str]", run("upgrades", run_id).value)
        for place in range(len(upgraded)):
            assert run("track_upgrade", run_id, place).state == "success"
        stamp = run("stamp", run_id)
        while stamp.state == "deferred":
            stamp = run_op(dag.get_task("stamp"), run_id=run_id, after=stamp)
        assert stamp.summary["updated"] == len(upgraded)
        return set(upgraded)

    assert upgrade("day 1") == due
    assert Counter(event.customer_id for event in voucherify.events()) == Counter(due)
    for one in voucherify.customers():
        stamp = {"tier": "gold", "tier_since": "2026-01-01"} if one.customer_id in due else {}
        assert one.metadata == {**before[one.customer_id], **stamp}
    assert upgrade("day 2") == set()
