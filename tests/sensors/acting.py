"""What tests do with a sensor: make it, poke it, let it defer and resume it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import cast

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred
from airflow.sdk import Context

from airflow_provider_voucherify.sensors.segment_ready import SegmentReadySensor
from tests.sensors.conftest import Desk

FIVE_MINUTES = timedelta(minutes=5)
ALMOST = FIVE_MINUTES - timedelta(seconds=1)
#: A timeout in which a second reading has room.
BARELY = FIVE_MINUTES + timedelta(seconds=1)


def sensor_of(desk: Desk, segment_id: str | None = None, **options: object) -> SegmentReadySensor:
    chosen: dict[str, object] = {"deferrable": False, **options}
    sensor = SegmentReadySensor(task_id="wait", segment_id=segment_id or desk.segment_id, **chosen)  # type: ignore[arg-type]
    sensor.clock = desk.time.utc
    return sensor


def context_of(desk: Desk, *, with_store: bool = True) -> Context:
    return cast("Context", desk.context(with_store=with_store))


def poke(sensor: SegmentReadySensor, desk: Desk) -> bool:
    return bool(sensor.poke(context_of(desk)))


def enter(desk: Desk, sensor: SegmentReadySensor, kwargs: Mapping[str, object] | None) -> object:
    if kwargs is None:
        return sensor.execute(context_of(desk))
    return sensor.resume_execution("resume", {**kwargs, "event": None}, context_of(desk))


def deferred(desk: Desk, sensor: SegmentReadySensor, kwargs: Mapping[str, object] | None = None) -> TaskDeferred:
    """Run the sensor until it defers, at first or with what an earlier deferral handed over."""
    with pytest.raises(TaskDeferred) as deferral:
        enter(desk, sensor, kwargs)
    return deferral.value


def resume(desk: Desk, deferral: TaskDeferred, sensor: SegmentReadySensor | None = None) -> object:
    return enter(desk, sensor or sensor_of(desk, deferrable=True), deferral.kwargs)
