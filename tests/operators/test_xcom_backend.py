"""Results in object storage, by the XCom backend of Airflow's common.io provider: each stored once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.providers.common.io.xcom import backend
from airflow.sdk import BaseOperator
from airflow.sdk.execution_time import task_runner, xcom

from airflow_provider_voucherify.emulator import CampaignSettings, Emulator, Fault
from airflow_provider_voucherify.load.destinations import ObjectFiles, WarehouseTable, XComRows
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator
from airflow_provider_voucherify.operators.update_customers_metadata import UpdateCustomersMetadataOperator
from tests.operators.publishing import CAMPAIGN, TABLE, publish, voucherify_ids
from tests.operators.warehouse import CUSTOMERS, Warehouse
from tests.run_op import OperatorRunner

ASKED = CUSTOMERS[:50]


class Storage:
    """The folder of the XComs.

    :param folder: where.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def objects(self) -> set[str]:
        """Return the addresses of all objects."""
        return {f"file://{path}" for path in self._folder.rglob("*") if path.is_file()}

    def value(self, url: object) -> object:
        """Return what an object holds."""
        return json.loads(Path(str(url).removeprefix("file://")).read_text())


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """Airflow's object storage as the place of all XComs."""
    caches = (backend._get_base_path, backend._get_compression, backend._get_threshold)
    for cache in caches:
        cache.cache_clear()
    monkeypatch.setenv("AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH", f"file://{tmp_path}/xcoms")
    monkeypatch.setenv("AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD", "0")
    for module in (xcom, task_runner):  # as they do where [core] xcom_backend is set when they are imported
        monkeypatch.setattr(module, "XCom", backend.XComObjectStorageBackend)
    yield Storage(tmp_path / "xcoms")
    for cache in caches:
        cache.cache_clear()


def pull(destination: XComRows | WarehouseTable | ObjectFiles) -> BaseOperator:
    return CustomerSegmentsOperator(
        task_id="pull", customers=ASKED, destination=destination, strategy="per_customer", retries=3
    )


@pytest.mark.parametrize("has_state_store", [True, False], ids=["3.3", "3.2"])
@pytest.mark.parametrize("kind", ["xcom", "overflow", "files beyond the ceiling", "files", "table"])
def test_a_pulls_result_is_stored_once(
    voucherify: Emulator, warehouse: Warehouse, storage: Storage, tmp_path: Path, kind: str, has_state_store: bool
) -> None:
    files = ObjectFiles(f"file://{tmp_path}/files", format="jsonl")
    destinations: dict[str, XComRows | WarehouseTable | ObjectFiles] = {
        "xcom": XComRows(),
        "overflow": XComRows(overflow=files),
        "files beyond the ceiling": XComRows(max_rows=1, overflow=files),
        "files": files,
        "table": WarehouseTable("segments", "warehouse"),
    }
    done = OperatorRunner(has_state_store)(pull(destinations[kind]))

    assert done.state == "success", done.error
    assert storage.objects() == set(done.xcoms.values())
    assert isinstance(storage.value(done.xcoms["return_value"]), list) is (kind in {"xcom", "overflow"})


@pytest.mark.parametrize("has_state_store", [True, False], ids=["3.3", "3.2"])
@pytest.mark.parametrize("destination", [XComRows(), TABLE], ids=["xcom", "table"])
def test_codes_are_stored_once(
    voucherify: Emulator, warehouse: Warehouse, storage: Storage, destination: XComRows, has_state_store: bool
) -> None:
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    run_op = OperatorRunner(has_state_store)
    done = run_op(publish(voucherify_ids(voucherify, 3), destination=destination))

    assert done.state == "success", done.error
    assert storage.objects() == set(done.xcoms.values())
    codes = {publication.code for publication in voucherify.publications()}
    holding = [url for url in storage.objects() if any(code in str(storage.value(url)) for code in codes)]
    assert len(holding) == (1 if isinstance(destination, XComRows) else 0)


def test_codes_a_failed_try_told_go_with_the_next_try(
    run_op: OperatorRunner, voucherify: Emulator, storage: Storage
) -> None:
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    task = publish(voucherify_ids(voucherify, 30), destination=XComRows())
    voucherify.set_faults([Fault("status", 0.9, path="^POST /v1/publications")])
    failed = run_op(task)
    assert failed.state == "up_for_retry"
    assert storage.objects() == set(failed.xcoms.values()) != set()
    assert "'outcome': 'published'" in str(storage.value(failed.xcoms["outcomes"]))
    voucherify.set_faults()
    done = run_op(task, try_number=2)

    assert done.state == "success", done.error
    assert storage.objects() == set(done.xcoms.values())


def test_an_updates_result_is_stored_once(run_op: OperatorRunner, voucherify: Emulator, storage: Storage) -> None:
    update = UpdateCustomersMetadataOperator(task_id="update", customers=ASKED, metadata={"tier": "gold"})
    done = run_op(update)

    assert done.state == "success", done.error
    assert storage.objects() == set(done.xcoms.values())
