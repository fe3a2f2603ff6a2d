"""A deferrable sensor: what it hands on, how it ends, and what its failures come to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NoReturn, TypeAlias

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowNotFoundException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferred,
)
from airflow.providers.standard.triggers.temporal import DateTimeTrigger

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.emulator import Fault, Switches
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from airflow_provider_voucherify.sensors.segment_ready import SegmentReadySensor
from tests.sensors.acting import BARELY, FIVE_MINUTES, context_of, deferred, enter, resume, sensor_of
from tests.sensors.conftest import Desk


def moment_of(deferral: TaskDeferred) -> datetime:
    assert isinstance(deferral.trigger, DateTimeTrigger)
    return deferral.trigger.moment


def test_a_deferred_sensor_goes_on_where_it_was(desk: Desk) -> None:
    first = deferred(desk, sensor_of(desk, deferrable=True))
    began = desk.time.now
    assert isinstance(first.trigger, DateTimeTrigger)
    assert first.trigger.moment == desk.time.utc() + FIVE_MINUTES
    assert first.kwargs == {"started_at": began, "size": 2, "read_at": began}

    desk.time.advance(FIVE_MINUTES)
    desk.add_member()
    second = deferred(desk, sensor_of(desk, deferrable=True), first.kwargs)
    assert second.kwargs == {"started_at": began, "size": 3, "read_at": began + 300}

    desk.time.advance(timedelta(hours=1))
    assert resume(desk, second) == 3


def test_a_deferral_that_lost_what_it_carries_does_not_wait_for_ever(desk: Desk) -> None:
    with pytest.raises(ValueError, match=r"dag\.test\(\) forgets it: write deferrable=False"):
        sensor_of(desk, deferrable=True).resume({}, {"moment": "now"})


def test_a_deferrable_sensor_that_never_fails_skips(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VoucherifyHook, "retry", RetryPolicy(first_wait=0.001))
    patient = deferred(desk, sensor_of(desk, deferrable=True))
    desk.time.advance(FIVE_MINUTES)
    desk.emulator.set_faults([Fault("status", status=500)])
    never_failing = sensor_of(desk, deferrable=True, never_fail=True)
    for kwargs in (None, patient.kwargs):
        with pytest.raises(AirflowSkipException):
            enter(desk, never_failing, kwargs)
    with pytest.raises(errors.VoucherifyError):
        resume(desk, patient, sensor_of(desk, deferrable=True, soft_fail=True))


def test_a_failure_passed_over_in_silence_keeps_the_earlier_reading(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VoucherifyHook, "retry", RetryPolicy(first_wait=0.001))
    sensor = sensor_of(desk, deferrable=True, silent_fail=True)
    first = deferred(desk, sensor)
    desk.time.advance(FIVE_MINUTES)
    desk.emulator.set_faults([Fault("status", status=500)])
    second = deferred(desk, sensor, first.kwargs)
    assert second.kwargs == first.kwargs
    assert isinstance(second.trigger, DateTimeTrigger)
    assert second.trigger.moment == desk.time.utc() + FIVE_MINUTES

    desk.time.advance(FIVE_MINUTES)
    desk.emulator.set_faults()
    assert resume(desk, second, sensor) == 2


def lost_connection(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_VOUCHERIFY_DEFAULT")


def broken_secrets_backend(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    def refuse(*_: object) -> NoReturn:
        raise OSError("the secrets backend does not answer")

    monkeypatch.setattr(VoucherifyHook, "get_connection", refuse)


def too_long(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    def time_out(*_: object) -> NoReturn:
        raise AirflowTaskTimeout("execution_timeout")

    monkeypatch.setattr(SegmentReadySensor, "_read", time_out)


Failure: TypeAlias = Callable[[pytest.MonkeyPatch, Desk], None]


@pytest.mark.parametrize("failure", [lost_connection, broken_secrets_backend, too_long])
def test_a_deferrable_sensor_that_never_fails_skips_whatever_the_error(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, failure: Failure
) -> None:
    sensor = sensor_of(desk, deferrable=True, never_fail=True)
    first = deferred(desk, sensor)
    failure(monkeypatch, desk)
    for kwargs in (None, first.kwargs):
        with pytest.raises(AirflowSkipException):
            enter(desk, sensor, kwargs)


@pytest.mark.parametrize("failure", [lost_connection, broken_secrets_backend])
def test_a_deferrable_sensor_passes_over_whatever_error_in_silence(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, failure: Failure
) -> None:
    sensor = sensor_of(desk, deferrable=True, silent_fail=True)
    first = deferred(desk, sensor)
    failure(monkeypatch, desk)
    assert deferred(desk, sensor, first.kwargs).kwargs == first.kwargs
    with pytest.raises((AirflowNotFoundException, OSError)):
        enter(desk, sensor_of(desk, deferrable=True, soft_fail=True), None)


def test_failures_passed_over_in_silence_end_with_the_timeout(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VoucherifyHook, "retry", RetryPolicy(first_wait=0.001))
    desk.emulator.set_faults([Fault("status", status=500)])
    sensor = sensor_of(desk, deferrable=True, silent_fail=True, timeout=BARELY)
    first = deferred(desk, sensor)
    desk.time.advance(BARELY)
    with pytest.raises(AirflowSensorTimeout):
        resume(desk, first, sensor)


def test_a_deferral_keeps_to_the_timeout(desk: Desk) -> None:
    timeout = timedelta(minutes=12)
    sensor = sensor_of(desk, deferrable=True, timeout=timeout)
    deferral = deferred(desk, sensor)
    assert moment_of(deferral) == desk.time.utc() + FIVE_MINUTES
    desk.time.advance(timedelta(minutes=11))
    desk.add_member()
    deferral = deferred(desk, sensor, deferral.kwargs)
    assert moment_of(deferral) == desk.time.utc() + timedelta(minutes=1)
    assert deferral.timeout is not None
    assert deferral.timeout > timedelta(minutes=1)  # else Airflow's own timeout comes first, and says nothing

    desk.time.advance(timedelta(minutes=1))
    asked = desk.emulator.stats().requests
    with pytest.raises(AirflowSensorTimeout, match="was not ready within 0:12:00"):
        resume(desk, deferral, sensor)
    assert desk.emulator.stats().requests == asked  # a reading a minute after the other tells nothing
    skipping = sensor_of(desk, deferrable=True, timeout=timeout, soft_fail=True)
    with pytest.raises(AirflowSkipException):
        resume(desk, deferral, skipping)


def test_a_reading_that_is_due_when_the_time_is_up_is_made(desk: Desk) -> None:
    sensor = sensor_of(desk, deferrable=True, timeout=BARELY)
    first = deferred(desk, sensor)
    assert moment_of(first) == desk.time.utc() + FIVE_MINUTES
    desk.time.advance(BARELY)
    assert resume(desk, first, sensor) == 2


def test_a_trigger_that_times_out_is_the_sensors_timeout(desk: Desk) -> None:
    with pytest.raises(AirflowSensorTimeout):
        sensor_of(desk, deferrable=True).resume_execution("__fail__", {"error": "Trigger timeout"}, context_of(desk))


def test_a_deferred_sensor_takes_an_unknown_size_as_no_reading(desk: Desk) -> None:
    desk.emulator.set_switches(Switches(total=False))
    first = deferred(desk, sensor_of(desk, deferrable=True))
    desk.emulator.set_switches(Switches())
    desk.time.advance(FIVE_MINUTES)
    second = deferred(desk, sensor_of(desk, deferrable=True), first.kwargs)
    desk.time.advance(FIVE_MINUTES)

    assert resume(desk, second) == 2


def test_a_sensor_may_wait_for_ever(desk: Desk) -> None:
    first = deferred(desk, sensor_of(desk, deferrable=True, timeout=timedelta.max))
    assert first.timeout is not None
    assert desk.time.utc() + first.timeout > desk.time.utc() + timedelta(days=3_000)
