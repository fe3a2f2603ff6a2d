"""What an upstream task, a template, a mapped task or a caller gives: taken, or refused before any call or change."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeAlias, cast

import numpy as np
import pandas as pd
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.definitions.mappedoperator import MappedOperator

from airflow_provider_voucherify.emulator import Emulator
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from airflow_provider_voucherify.load.destinations import ObjectFiles, WarehouseTable, XComRows
from airflow_provider_voucherify.load.outcomes import OutcomeTable
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator
from airflow_provider_voucherify.operators.export import VoucherifyExportOperator
from airflow_provider_voucherify.operators.publish_vouchers import PublishVouchersOperator
from airflow_provider_voucherify.operators.update_customers_metadata import UpdateCustomersMetadataOperator
from airflow_provider_voucherify.pull.customers.sources import AllCustomers, CustomerQuery, EnteredSegment
from airflow_provider_voucherify.sensors.segment_ready import SegmentReadySensor
from tests.operators.publishing import CAMPAIGN
from tests.operators.warehouse import CUSTOMERS, Warehouse, truth
from tests.run_op import OperatorRunner, TaskKey, TaskRun

Make: TypeAlias = Callable[[Any], "BaseOperator | MappedOperator"]

IDS = CUSTOMERS[:4]
TABLE = WarehouseTable("t", "warehouse", write="replace")


def pull(customers: object, segments: object = ("VIP",), **given: object) -> CustomerSegmentsOperator:
    arguments = {"customers": customers, "segments": segments, "destination": TABLE, **given}
    return CustomerSegmentsOperator(task_id="task", retries=3, **arguments)  # type: ignore[arg-type]


def publish(customers: object = IDS, **given: object) -> PublishVouchersOperator:
    arguments = {"customers": customers, "campaign": CAMPAIGN, "destination": OutcomeTable("o", "warehouse"), **given}
    return PublishVouchersOperator(task_id="task", retries=3, **arguments)  # type: ignore[arg-type]


def stamp(customers: object = IDS, metadata: object = None, **given: object) -> UpdateCustomersMetadataOperator:
    arguments = {"customers": customers, "metadata": {"tier": "gold"} if metadata is None else metadata, **given}
    return UpdateCustomersMetadataOperator(task_id="task", retries=3, **arguments)  # type: ignore[arg-type]


def export(**given: object) -> VoucherifyExportOperator:
    return VoucherifyExportOperator(task_id="task", exported_object="customer", fields=["id"], **given)  # type: ignore[arg-type]


def sensor(**given: object) -> SegmentReadySensor:
    return SegmentReadySensor(task_id="task", segment_id="seg_1", **given)  # type: ignore[arg-type]


def after(
    run_op: OperatorRunner, value: object, make: Make, *, is_native: bool = False, map_index: int = -1
) -> TaskRun:
    """Run what is made of the output of a task that returned a value; XCom hands it on as it is."""
    with DAG("d", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), render_template_as_native_obj=is_native):
        up = EmptyOperator(task_id="up")
        task = make(up.output)
    run_op.xcoms[TaskKey("d", "run", "up")] = {"return_value": cast("None", value)}
    return run_op(task, map_index=map_index)


def assert_refused(run: TaskRun, shop: Emulator, warehouse: Warehouse, words: str = "") -> None:
    assert run.state == "failed", run
    assert isinstance(run.error, AirflowFailException)
    assert words in str(run.error)
    assert shop.stats().requests == 0
    assert warehouse.tables() == set()


def generated() -> Iterator[str]:
    yield from IDS


NO_LISTS = {
    "dict": {"ids": IDS},
    "summary": {"customers": 4, "memberships": 9, "calls": 4},
    "frame": pd.DataFrame({"source_id": IDS}),
    "text": IDS[0],
    "none": None,
    "number": 5,
    "bytes": b"customer-0000001",
    "set": set(IDS),
    "iterator": iter(IDS),
    "generator": generated(),
    "batches": [IDS[:2], IDS[2:]],
    "rows": [{"customer_id": one} for one in IDS],
    "text of a dict": json.dumps({"ids": IDS}),
}
OPERATORS: dict[str, Make] = {"pull": pull, "publish": publish, "stamp": stamp}


def handed_on(monkeypatch: pytest.MonkeyPatch, value: object) -> None:
    """Let XCom give a value that JSON has no words for, as Airflow's serializers and custom backends do."""
    from airflow.sdk.execution_time.xcom import XCom

    monkeypatch.setattr(XCom, "deserialize_value", staticmethod(lambda _: value))


@pytest.mark.parametrize("kind", NO_LISTS)
@pytest.mark.parametrize("operator", OPERATORS)
def test_the_output_of_a_task_that_is_no_list_of_ids_is_refused(
    run_op: OperatorRunner,
    shop: Emulator,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    operator: str,
    kind: str,
) -> None:
    handed_on(monkeypatch, NO_LISTS[kind])
    assert_refused(after(run_op, "stored", OPERATORS[operator]), shop, warehouse, "customers")


@pytest.mark.parametrize("kind", NO_LISTS)
@pytest.mark.parametrize("is_native", [False, True], ids=["text", "native"])
@pytest.mark.parametrize("operator", OPERATORS)
def test_a_template_that_renders_to_no_list_of_ids_is_refused(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse, operator: str, kind: str, *, is_native: bool
) -> None:
    with DAG(
        "d",
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        render_template_as_native_obj=is_native,
        user_defined_macros={"given": NO_LISTS[kind]},
    ):
        task = OPERATORS[operator]("{{ given }}")
    assert_refused(run_op(task), shop, warehouse, "customers")


@pytest.mark.parametrize("kind", NO_LISTS)
@pytest.mark.parametrize("operator", OPERATORS)
def test_what_a_mapped_task_is_mapped_over_is_a_batch(
    run_op: OperatorRunner,
    shop: Emulator,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    operator: str,
    kind: str,
) -> None:
    handed_on(monkeypatch, [NO_LISTS[kind]])
    mapped: dict[str, Make] = {
        "pull": lambda up: CustomerSegmentsOperator.partial(task_id="task", retries=3).expand(customers=up),
        "publish": lambda up: PublishVouchersOperator.partial(
            task_id="task", retries=3, campaign=CAMPAIGN, destination=OutcomeTable("o", "warehouse")
        ).expand(customers=up),
        "stamp": lambda up: UpdateCustomersMetadataOperator.partial(
            task_id="task", retries=3, metadata={"tier": "gold"}
        ).expand(customers=up),
    }
    assert_refused(after(run_op, "stored", mapped[operator], map_index=0), shop, warehouse, "customers")


@pytest.mark.parametrize("kind", [one for one in NO_LISTS if one not in {"batches", "rows", "text of a dict"}])
@pytest.mark.parametrize(
    ("operator", "make"),
    [(CustomerSegmentsOperator, pull), (PublishVouchersOperator, publish), (UpdateCustomersMetadataOperator, stamp)],
)
def test_what_a_dag_file_writes_is_checked_when_it_is_parsed(
    operator: type[BaseOperator], make: Make, kind: str
) -> None:
    with pytest.raises(ValueError, match=r"customers is .*; write a list of ids"):
        operator.partial(task_id="task", customers=NO_LISTS[kind])
    with pytest.raises(ValueError, match=r"customers is .*; write a list of ids"):
        make(NO_LISTS[kind])


TEMPLATED = (
    CustomerSegmentsOperator,
    PublishVouchersOperator,
    UpdateCustomersMetadataOperator,
    VoucherifyExportOperator,
)


@pytest.mark.parametrize(
    ("operator", "wrong"),
    [
        (CustomerSegmentsOperator, {"segments": "VIP"}),
        (CustomerSegmentsOperator, {"segments": {"VIP"}}),
        (CustomerSegmentsOperator, {"max_calls": 0}),
        (CustomerSegmentsOperator, {"strategy": "per_segmnt"}),
        (CustomerSegmentsOperator, {"voucherify_conn_id": ""}),
        (PublishVouchersOperator, {"metadata": [("tier", "gold")]}),
        (PublishVouchersOperator, {"campaign": None}),
        (PublishVouchersOperator, {"once_per": 7}),
        (UpdateCustomersMetadataOperator, {"metadata": None}),
        (UpdateCustomersMetadataOperator, {"metadata": {"at": datetime(2026, 1, 1, tzinfo=UTC)}}),
        (SegmentReadySensor, {"segment_id": None}),
        (SegmentReadySensor, {"segment_id": ["seg_1"]}),
        (SegmentReadySensor, {"voucherify_conn_id": None}),
        (SegmentReadySensor, {"readings_apart": 300}),
        (PublishVouchersOperator, {"simulate": "False"}),
        (PublishVouchersOperator, {"simulate": None}),
        *((kind, {"deferrable": "{{ params.deferrable }}"}) for kind in (*TEMPLATED, SegmentReadySensor)),
    ],
    ids=str,
)
def test_values_of_partial_are_checked_when_the_dag_is_parsed(
    operator: type[BaseOperator], wrong: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        operator.partial(task_id="task", **wrong)


@pytest.mark.parametrize("value", ["False", "{{ params.flag }}", 0, None, np.bool_(False)], ids=repr)
def test_a_text_is_no_truth_value(value: object) -> None:
    with pytest.raises(ValueError, match=r"simulate is .*; write True or False"):
        publish(simulate=value)
    makes: list[Callable[..., BaseOperator]] = [publish, partial(pull, IDS), partial(stamp, IDS), sensor, export]
    for make in makes:
        with pytest.raises(ValueError, match=r"deferrable is .*; write True or False"):
            make(deferrable=value)


LISTS = {"tuple": tuple(IDS), "series": pd.Series(IDS), "array": np.array(IDS), "index": pd.Index(IDS)}


@pytest.mark.parametrize("kind", LISTS)
def test_what_is_a_list_to_a_dag_file_or_the_hook_is_taken(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse, kind: str
) -> None:
    run_op(pull(LISTS[kind], segments=None)).value  # noqa: B018
    assert warehouse.memberships("t") == truth(shop, IDS)
    mapped = CustomerSegmentsOperator.partial(task_id="mapped", customers=LISTS[kind]).expand(max_failures=[0])
    assert {row["customer_id"] for row in run_op(mapped, map_index=0).rows} == {row[0] for row in truth(shop, IDS)}
    frame = VoucherifyHook().get_customer_segments_df(LISTS[kind])  # type: ignore[arg-type]
    assert set(frame["customer_id"]) == {row[0] for row in truth(shop, IDS)}


def test_the_outputs_of_a_mapped_task_are_a_list(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.execution_time.lazy_sequence import LazyXComSequence

    lazy: LazyXComSequence[str] = LazyXComSequence(xcom_arg=cast("Any", None), ti=cast("Any", None))
    monkeypatch.setattr(LazyXComSequence, "__getitem__", lambda _, index: IDS[index])
    monkeypatch.setattr(LazyXComSequence, "__len__", lambda _: len(IDS))
    handed_on(monkeypatch, lazy)
    after(run_op, "stored", lambda up: pull(up, segments=None)).value  # noqa: B018
    assert warehouse.memberships("t") == truth(shop, IDS)


@pytest.mark.parametrize(
    "value",
    [None, {"VIP": 1}, "VIP", 7, [], {"VIP"}, pd.DataFrame({"name": ["VIP"]}), ["VIP", None], ["None"]],
    ids=str,
)
@pytest.mark.parametrize("customers", [AllCustomers(), IDS], ids=["everyone", "some"])
def test_segments_that_are_no_list_of_names_are_refused(
    run_op: OperatorRunner,
    shop: Emulator,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    customers: object,
    value: object,
) -> None:
    handed_on(monkeypatch, value)
    assert_refused(after(run_op, "stored", lambda up: pull(customers, up)), shop, warehouse, "segments")


@pytest.mark.parametrize("is_native", [False, True], ids=["text", "native"])
def test_a_template_of_no_segments_is_not_all_segments(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse, *, is_native: bool
) -> None:
    with DAG("d", schedule=None, render_template_as_native_obj=is_native):
        task = pull(AllCustomers(), "{{ none }}")
    assert_refused(run_op(task), shop, warehouse, "segments")


def test_a_mapped_task_over_no_segments_is_not_about_all(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse
) -> None:
    mapped = CustomerSegmentsOperator.partial(task_id="task", customers=IDS, retries=3)
    with DAG("d", schedule=None):
        task = mapped.expand(segments=[None, ["VIP"]])
    assert_refused(run_op(task, map_index=0), shop, warehouse, "segments is None in a mapped task")


@pytest.mark.parametrize("name", ["destination", "max_calls", "pace", "quota_share"])
def test_a_mapped_pull_over_none_is_refused_where_none_stands_for_a_default(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse, name: str
) -> None:
    mapped = CustomerSegmentsOperator.partial(task_id="task", customers=IDS, retries=3)
    with DAG("d", schedule=None):
        task = mapped.expand(**{name: [None]})
    assert_refused(run_op(task, map_index=0), shop, warehouse, f"{name} is None in a mapped task")


@pytest.mark.parametrize("name", ["destination", "metadata", "pace"])
def test_a_mapped_publication_over_none_is_refused_where_none_stands_for_a_default(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse, name: str
) -> None:
    mapped = PublishVouchersOperator.partial(task_id="task", customers=IDS, campaign="Win back", retries=3)
    with DAG("d", schedule=None):
        task = mapped.expand(**{name: [None]})
    assert_refused(run_op(task, map_index=0), shop, warehouse, f"{name} is None in a mapped task")


def test_none_beside_what_is_mapped_over_is_the_default(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse
) -> None:
    mapped = CustomerSegmentsOperator.partial(
        task_id="task", destination=None, max_calls=None, pace=None, quota_share=None
    )
    with DAG("d", schedule=None):
        task = mapped.expand(customers=[IDS])
    assert run_op(task, map_index=0).state == "success"


@pytest.mark.parametrize("name", ["destination", "max_calls", "pace", "quota_share", "segments"])
@pytest.mark.parametrize("way", ["expand", "expand_kwargs", "expand_kwargs of a task"])
def test_none_among_default_arguments_is_the_default_in_a_mapped_task(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse, way: str, name: str
) -> None:
    with DAG("d", schedule=None, default_args={name: None}):
        up = EmptyOperator(task_id="up")
        begun = CustomerSegmentsOperator.partial(task_id="task")
        items: Any = up.output if way.endswith("a task") else [{"customers": IDS}]
        task = begun.expand(customers=[IDS]) if way == "expand" else begun.expand_kwargs(items)
    run_op.xcoms[TaskKey("d", "run", "up")] = {"return_value": cast("None", [{"customers": IDS}])}
    assert run_op(task, map_index=0).state == "success"


@pytest.mark.parametrize("is_of_task", [True, False], ids=["of a task", "of the Dag file"])
def test_none_among_what_expand_kwargs_is_given_is_refused(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse, *, is_of_task: bool
) -> None:
    given = [{"customers": IDS, "max_calls": None}]
    with DAG("d", schedule=None, default_args={"max_calls": 1}):
        up = EmptyOperator(task_id="up")
        task = CustomerSegmentsOperator.partial(task_id="task").expand_kwargs(up.output if is_of_task else given)
    run_op.xcoms[TaskKey("d", "run", "up")] = {"return_value": cast("None", given)}
    assert_refused(run_op(task, map_index=0), shop, warehouse, "max_calls is None in a mapped task")


def test_none_beside_what_is_mapped_over_wins_over_default_arguments(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse
) -> None:
    with DAG("d", schedule=None, default_args={"max_calls": 1}):
        task = CustomerSegmentsOperator.partial(task_id="task", max_calls=None).expand(customers=[IDS])
    assert run_op(task, map_index=0).state == "success"


def test_segments_left_out_are_all_segments_also_where_none_says_so(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse
) -> None:
    for number, given in enumerate(({}, {"segments": None})):
        with DAG("d", schedule=None):
            mapped = CustomerSegmentsOperator.partial(
                task_id="task", destination=WarehouseTable(f"t{number}", "warehouse"), **given
            )
            task = mapped.expand(customers=[IDS])
        run_op(task, map_index=0, run_id=str(number)).value  # noqa: B018
        assert warehouse.memberships(f"t{number}") == truth(shop, IDS)


@pytest.mark.parametrize(
    "value", [None, [("tier", "gold")], "gold", 7, pd.DataFrame({"tier": ["gold"]}), b"{}"], ids=str
)
@pytest.mark.parametrize("operator", ["publish", "stamp"])
def test_metadata_that_is_no_dict_is_refused(
    run_op: OperatorRunner,
    shop: Emulator,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    operator: str,
    value: object,
) -> None:
    make: dict[str, Make] = {"publish": lambda up: publish(metadata=up), "stamp": lambda up: stamp(metadata=up)}
    handed_on(monkeypatch, value)
    assert_refused(after(run_op, "stored", make[operator]), shop, warehouse, "metadata")


def test_metadata_may_come_from_upstream(run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse) -> None:
    after(run_op, {"tier": "gold"}, lambda up: stamp(metadata=up)).value  # noqa: B018
    assert sum(one.metadata.get("tier") == "gold" for one in shop.customers()) >= len(IDS)
    assert after(run_op, {"tier": "gold"}, lambda up: publish(metadata=up)).summary["published"] == len(IDS)


NOTHING: dict[str, Callable[[str], BaseOperator]] = {
    "once_per": lambda nothing: publish(once_per=nothing),
    "once_per in part": lambda nothing: publish(once_per="day " + nothing),
    "campaign": lambda nothing: publish(campaign=nothing),
    "outcome table": lambda nothing: publish(destination=OutcomeTable(nothing, "warehouse")),
    "outcome conn_id": lambda nothing: publish(destination=OutcomeTable("o", nothing)),
    "published metadata": lambda nothing: publish(metadata={"run": nothing}),
    "publishing conn_id": lambda nothing: publish(voucherify_conn_id=nothing),
    "stamped metadata": lambda nothing: stamp(metadata={"tier": {"name": [nothing]}}),
    "table": lambda nothing: pull(IDS, destination=WarehouseTable(nothing, "warehouse")),
    "table in part": lambda nothing: pull(IDS, destination=WarehouseTable("s_" + nothing, "warehouse")),
    "conn_id": lambda nothing: pull(IDS, destination=WarehouseTable("t", nothing)),
    "extra column": lambda nothing: pull(
        IDS, destination=WarehouseTable("t", "warehouse", extra_columns={"d": nothing})
    ),
    "url": lambda nothing: pull(IDS, destination=ObjectFiles(nothing, format="jsonl")),
    "url in part": lambda nothing: pull(IDS, destination=ObjectFiles(f"file:///nowhere/ds={nothing}/", format="jsonl")),
    "store": lambda nothing: pull(IDS, destination=ObjectFiles("file:///nowhere/x", nothing, format="jsonl")),
    "overflow": lambda nothing: pull(
        IDS, destination=XComRows(overflow=ObjectFiles(f"file:///nowhere/{nothing}/", format="jsonl"))
    ),
    "an id": lambda nothing: pull([nothing, *IDS]),
    "a segment": lambda nothing: pull(IDS, segments=["VIP", nothing]),
    "voucherify_conn_id": lambda nothing: pull(IDS, voucherify_conn_id=nothing),
    "sql": lambda nothing: pull(CustomerQuery(nothing, "warehouse")),
    "query conn_id": lambda nothing: pull(CustomerQuery("select 1", nothing)),
    "parameter": lambda nothing: pull(CustomerQuery("select ?", "warehouse", [nothing])),
    "history": lambda nothing: publish(EnteredSegment(nothing, "VIP", "warehouse")),
    "history segment": lambda nothing: publish(EnteredSegment("h", nothing, "warehouse")),
    "history conn_id": lambda nothing: publish(EnteredSegment("h", "VIP", nothing)),
    "since": lambda nothing: publish(EnteredSegment("h", "VIP", "warehouse", since=nothing)),
    "as_of": lambda nothing: publish(EnteredSegment("h", "VIP", "warehouse", as_of=nothing)),
    "sensor": lambda nothing: SegmentReadySensor(task_id="task", segment_id=nothing),
    "sensor conn_id": lambda nothing: SegmentReadySensor(
        task_id="task", segment_id="seg_1", voucherify_conn_id=nothing
    ),
}
#: Where nothing, but for the text ``None``, may be meant.
VALUES = {"published metadata", "stamped metadata", "extra column", "parameter"}
IN_PART = {"once_per in part", "table in part", "url in part", "overflow"}


@pytest.mark.parametrize(
    ("place", "template", "is_native"),
    [
        *((place, "{{ none }}", False) for place in NOTHING),
        *((place, "{{ dag_run.logical_date }}", True) for place in NOTHING if place not in VALUES | IN_PART),
        *((place, "{{ '' }}", False) for place in NOTHING if place not in VALUES | IN_PART),
    ],
)
def test_a_template_that_has_nothing_to_say_is_refused(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse, place: str, template: str, *, is_native: bool
) -> None:
    run_op.logical_date = None  # as in a run that an asset begins
    with DAG("d", schedule=None, render_template_as_native_obj=is_native):
        task = NOTHING[place](template)
    assert_refused(run_op(task), shop, warehouse)


def test_an_empty_value_of_the_users_own_may_be_meant(run_op: OperatorRunner, shop: Emulator) -> None:
    task = stamp(metadata={"tier": "{{ '' }}", "note": "None of it"})
    run_op(task).value  # noqa: B018
    assert any(one.metadata.get("note") == "None of it" for one in shop.customers())


@pytest.mark.parametrize("value", [None, {"id": "seg_1"}, ["seg_1"], "", "None", b"seg_1"], ids=str)
def test_the_sensor_waits_for_no_segment_that_has_no_name(
    run_op: OperatorRunner,
    shop: Emulator,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    value: object,
) -> None:
    handed_on(monkeypatch, value)
    run = after(run_op, "stored", lambda up: SegmentReadySensor(task_id="wait", segment_id=up))
    assert_refused(run, shop, warehouse, "segment_id")


def test_a_query_of_bytes_leaves_no_staging_behind(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        run = run_op(pull(CustomerQuery("select x'6162'", "warehouse")))
    assert_refused(run, shop, warehouse, "is bytes; decode it")
