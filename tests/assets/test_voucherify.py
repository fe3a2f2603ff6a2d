"""Assets of Voucherify, made and checked by Airflow itself."""

from __future__ import annotations

import re

import pytest
from airflow.providers.common.compat.openlineage.facet import Dataset
from airflow.sdk import Asset

from airflow_provider_voucherify.assets.voucherify import convert_asset_to_openlineage, create_asset


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("voucherify://api.voucherify.io/App-1", "voucherify://api.voucherify.io/App-1"),
        ("Voucherify://API.voucherify.IO/App-1/", "voucherify://api.voucherify.io/App-1"),
        (
            "voucherify://us1.api.voucherify.io/app/segments/seg_1/",
            "voucherify://us1.api.voucherify.io/app/segments/seg_1",
        ),
        ("voucherify://localhost:8000/app/segments/seg_1", "voucherify://localhost:8000/app/segments/seg_1"),
    ],
)
def test_airflow_keeps_one_way_to_write_an_asset(written: str, kept: str) -> None:
    assert Asset(written).uri == kept


@pytest.mark.parametrize(
    ("uri", "advice"),
    [
        ("voucherify:///app", "the host is missing"),
        ("voucherify://:80/app", "the host is missing"),
        ("voucherify://host", "neither a project nor a segment"),
        ("voucherify://host//", "neither a project nor a segment"),
        ("voucherify://host/app/segments", "neither a project nor a segment"),
        ("voucherify://host/app/segments/a/b", "neither a project nor a segment"),
        ("voucherify://host/app/customers/a", "neither a project nor a segment"),
        ("voucherify://host/app?limit=1", "has a query"),
        ("voucherify://key@host/app", "no user and no key"),
    ],
)
def test_wrong_assets_are_refused_with_an_example(uri: str, advice: str) -> None:
    with pytest.raises(ValueError, match=re.escape(advice)) as refused:
        Asset(uri)
    assert "voucherify://api.voucherify.io/<application id>/segments/<segment id>" in str(refused.value)
    assert "key@" not in str(refused.value)


def test_an_asset_is_made_of_its_parts() -> None:
    project = create_asset(host="API.voucherify.io", app_id="app")
    segment = create_asset(host="api.voucherify.io", app_id="a/b", segment_id="seg_1", extra={"name": "VIP"})

    assert (project.uri, segment.uri) == (
        "voucherify://api.voucherify.io/app",
        "voucherify://api.voucherify.io/a%2Fb/segments/seg_1",
    )
    assert segment.extra == {"name": "VIP"}
    with pytest.raises(ValueError, match="none may be empty"):
        create_asset(host="host", app_id="app", segment_id="")


def test_openlineage_knows_an_asset_as_the_operator_names_the_project() -> None:
    project = create_asset(host="api.voucherify.io", app_id="app")
    segment = create_asset(host="api.voucherify.io", app_id="app", segment_id="seg 1")

    namespace = "voucherify://api.voucherify.io"
    assert convert_asset_to_openlineage(project, None) == Dataset(namespace, "app")
    assert convert_asset_to_openlineage(segment, None) == Dataset(namespace, "app/segments/seg 1")
