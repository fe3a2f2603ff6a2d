"""Values that Airflow gives when a task runs, as it knows them besides outputs of tasks: taken, and checked then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG, BaseOperator, dag, literal, task_group

from airflow_provider_voucherify.emulator import Emulator
from airflow_provider_voucherify.operators.customer_segments import AllCustomers, CustomerSegmentsOperator
from airflow_provider_voucherify.operators.export import VoucherifyExportOperator
from airflow_provider_voucherify.operators.publish_vouchers import PublishVouchersOperator
from airflow_provider_voucherify.operators.update_customers_metadata import UpdateCustomersMetadataOperator
from airflow_provider_voucherify.sensors.segment_ready import SegmentReadySensor
from tests.operators.exporting import GOLD
from tests.operators.publishing import CAMPAIGN
from tests.operators.warehouse import CUSTOMERS
from tests.run_op import LOGICAL_DATE, OperatorRunner

IDS = CUSTOMERS[:2]
Make: TypeAlias = Callable[[Any], BaseOperator]


@dataclass(frozen=True)
class Place:
    """An argument, and what may be given there.

    :param state: how a try ends.
    """

    make: Make
    value: object
    state: str = "success"


def pull(**given: Any) -> BaseOperator:
    return CustomerSegmentsOperator(task_id="task", retries=3, **{"customers": IDS, **given})


def publish(**given: Any) -> BaseOperator:
    return PublishVouchersOperator(task_id="task", **{"customers": IDS, "campaign": CAMPAIGN, **given})


def export(**given: Any) -> BaseOperator:
    soon = timedelta(milliseconds=20)
    return VoucherifyExportOperator(
        task_id="task", poll_interval=soon, **{"exported_object": "customer", "fields": ["id"], **given}
    )


PLACES = {
    "customers": Place(lambda given: pull(customers=given), IDS),
    "an id": Place(lambda given: pull(customers=[given, IDS[1]]), IDS[0]),
    "segments": Place(lambda given: pull(segments=given), ["Engaged"]),
    "conn_id": Place(lambda given: pull(voucherify_conn_id=given), "voucherify_default"),
    "recipients": Place(lambda given: publish(customers=given), IDS),
    "campaign": Place(lambda given: publish(campaign=given), CAMPAIGN),
    "once_per": Place(lambda given: publish(once_per=given), "2026-01"),
    "metadata": Place(lambda given: publish(metadata=given), {"tier": "gold"}),
    "a key of the metadata": Place(lambda given: publish(metadata={"tier": given}), "gold"),
    "who is stamped": Place(
        lambda given: UpdateCustomersMetadataOperator(task_id="task", customers=given, metadata={"tier": "gold"}), IDS
    ),
    "change": Place(
        lambda given: UpdateCustomersMetadataOperator(task_id="task", customers=IDS, metadata=given), {"tier": "gold"}
    ),
    "exported_object": Place(lambda given: export(exported_object=given), "customer"),
    "fields": Place(lambda given: export(fields=given), ["id"]),
    "a field": Place(lambda given: export(fields=["id", given]), "name"),
    "filters": Place(lambda given: export(filters=given), GOLD),
    "order": Place(lambda given: export(order=given), "created_at"),
    "sensor": Place(
        lambda given: SegmentReadySensor(task_id="task", segment_id=given, deferrable=True), "Engaged", "deferred"
    ),
}


def parameter_of_a_dag_function(make: Make, value: object) -> DAG:
    @dag(dag_id="d", schedule=None, start_date=LOGICAL_DATE)
    def pipeline(given: object = value) -> None:
        make(given)

    return pipeline()


def dag_param(make: Make, value: object) -> DAG:
    with DAG("d", schedule=None, start_date=LOGICAL_DATE, params={"given": value}) as parsed:
        make(parsed.param("given"))
    return parsed


def argument_of_a_mapped_task_group(make: Make, value: object) -> DAG:
    with DAG("d", schedule=None, start_date=LOGICAL_DATE) as parsed:

        @task_group
        def group(given: object) -> None:
            make(given)

        group.expand(given=[value])
    return parsed


def literal_value(make: Make, value: object) -> DAG:
    with DAG("d", schedule=None, start_date=LOGICAL_DATE) as parsed:
        make(literal(value))
    return parsed


WAYS = [parameter_of_a_dag_function, dag_param, argument_of_a_mapped_task_group, literal_value]


@pytest.mark.parametrize(
    ("place", "way"),
    [
        *((place, parameter_of_a_dag_function) for place in PLACES),
        *((place, way) for place in ("customers", "an id", "a key of the metadata") for way in WAYS[1:]),
    ],
)
def test_what_airflow_resolves_is_taken(
    run_op: OperatorRunner, shop: Emulator, place: str, way: Callable[[Make, object], DAG]
) -> None:
    given = PLACES[place]
    (task,) = way(given.make, given.value).tasks
    run = run_op(task, map_index=0 if way is argument_of_a_mapped_task_group else -1)
    assert (run.state, run.error) == (given.state, None)
    assert "object at" not in str(run.rendered)


@pytest.mark.parametrize("way", WAYS)
def test_what_it_resolves_to_is_checked(
    run_op: OperatorRunner, shop: Emulator, way: Callable[[Make, object], DAG]
) -> None:
    (task,) = way(lambda given: pull(customers=given), {"ids": IDS}).tasks
    run = run_op(task, map_index=0 if way is argument_of_a_mapped_task_group else -1)
    assert isinstance(run.error, AirflowFailException)
    assert "customers is dict; write a list of ids" in str(run.error)
    assert shop.stats().requests == 0


def test_a_path_is_none_though_it_can_be_resolved() -> None:
    with pytest.raises(ValueError, match="segment_id is PosixPath"):
        SegmentReadySensor(task_id="task", segment_id=Path("VIP"))  # type: ignore[arg-type]


@pytest.mark.parametrize("way", [argument_of_a_mapped_task_group, literal_value])
@pytest.mark.parametrize("place", ["recipients", "who is stamped"])
def test_nobody_gives_to_everybody_by_a_detour(
    run_op: OperatorRunner, shop: Emulator, place: str, way: Callable[[Make, object], DAG]
) -> None:
    (task,) = way(PLACES[place].make, AllCustomers()).tasks
    run = run_op(task, map_index=0 if way is argument_of_a_mapped_task_group else -1)
    assert isinstance(run.error, AirflowFailException)
    assert "customers is AllCustomers()" in str(run.error)
    assert shop.stats().requests == 0
