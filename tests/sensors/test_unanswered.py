"""Pokes that nobody answers: an outage and a closed rate-limit window are waited for, all else fails at once."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import pytest
from airflow.exceptions import AirflowRescheduleException
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
)
from airflow.providers.standard.triggers.temporal import DateTimeTrigger

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.emulator import Fault, Limits, Switches
from airflow_provider_voucherify.hooks.single_call import BlockingClock
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from tests.sensors.acting import BARELY, FIVE_MINUTES, context_of, deferred, enter, poke, resume, sensor_of
from tests.sensors.conftest import Desk

ONE_MINUTE = timedelta(minutes=1)
OUTAGES = [Fault("status", status=503), Fault("reset")]
HOUR = 3_600.0


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """No call sleeps for real; what each would have slept, in seconds."""
    slept: list[float] = []
    monkeypatch.setattr(VoucherifyHook, "clock", BlockingClock(sleep=slept.append))
    return slept


def close_the_window(desk: Desk) -> float:
    """Use the hour's calls up, and return when the next hour begins."""
    desk.emulator.set_switches(Switches(retry_header="window_end"))
    desk.emulator.set_limits(Limits(limit=0, window_seconds=HOUR))
    return desk.time.now - desk.time.now % HOUR + HOUR


def open_the_window(desk: Desk) -> None:
    desk.emulator.set_limits(Limits(limit=10_000, window_seconds=HOUR))


@pytest.mark.parametrize("fault", OUTAGES, ids=["503", "reset"])
def test_a_poke_that_meets_an_outage_waits_for_its_end(
    desk: Desk, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    sensor = sensor_of(desk)
    assert not poke(sensor, desk)
    desk.time.advance(FIVE_MINUTES)
    desk.emulator.set_faults([fault])
    with caplog.at_level(logging.WARNING):
        assert not poke(sensor, desk)
    (line,) = [record for record in caplog.records if "cannot be read" in record.message]
    assert "looking again later" in line.message
    desk.emulator.set_faults()
    desk.time.advance(ONE_MINUTE)
    assert poke(sensor, desk)  # with the reading from before the outage


@pytest.mark.parametrize("fault", OUTAGES, ids=["503", "reset"])
def test_a_deferred_sensor_gives_its_worker_back_in_an_outage(desk: Desk, fault: Fault, slept: list[float]) -> None:
    patient = deferred(desk, sensor_of(desk, deferrable=True))
    desk.time.advance(FIVE_MINUTES)
    desk.emulator.set_faults([fault])
    silent = deferred(desk, sensor_of(desk, deferrable=True), patient.kwargs)
    assert silent.kwargs == {**(patient.kwargs or {}), "silent_since": desk.time.now}
    assert isinstance(silent.trigger, DateTimeTrigger)
    assert silent.trigger.moment == desk.time.utc() + ONE_MINUTE
    assert sum(slept) < 10
    desk.time.advance(ONE_MINUTE)
    silent = deferred(desk, sensor_of(desk, deferrable=True), silent.kwargs)
    desk.emulator.set_faults()
    desk.time.advance(ONE_MINUTE)
    assert resume(desk, silent) == 2


def test_an_outage_that_lasts_fails_the_try(desk: Desk) -> None:
    desk.emulator.set_faults([Fault("status", status=502)])
    silent = deferred(desk, sensor_of(desk, deferrable=True))
    sensor = sensor_of(desk)
    assert not poke(sensor, desk)
    desk.time.advance(timedelta(minutes=16))
    with pytest.raises(errors.ServerFault):
        poke(sensor, desk)
    with pytest.raises(errors.ServerFault):
        resume(desk, silent)
    with pytest.raises(AirflowSkipException):
        resume(desk, silent, sensor_of(desk, deferrable=True, never_fail=True))
    passed_over = deferred(desk, sensor_of(desk, deferrable=True, silent_fail=True), silent.kwargs)
    assert passed_over.kwargs == silent.kwargs


def test_an_outage_between_others_begins_anew(desk: Desk) -> None:
    sensor = sensor_of(desk)
    for _ in range(3):
        desk.emulator.set_faults([Fault("status", status=502)])
        assert not poke(sensor, desk)
        desk.time.advance(timedelta(minutes=10))
        desk.emulator.set_faults()
        desk.add_member()
        assert not poke(sensor, desk)
        desk.time.advance(FIVE_MINUTES)


def test_a_closed_window_defers_until_it_opens(desk: Desk, slept: list[float]) -> None:
    opens_at = close_the_window(desk)
    closed = deferred(desk, sensor_of(desk, deferrable=True))
    assert isinstance(closed.trigger, DateTimeTrigger)
    assert abs(closed.trigger.moment.timestamp() - opens_at) <= 2
    assert "size" not in (closed.kwargs or {})
    assert json.dumps(closed.kwargs)  # times only
    assert sum(slept) <= 20
    desk.time.now = opens_at + 1
    open_the_window(desk)
    first = deferred(desk, sensor_of(desk, deferrable=True), closed.kwargs)
    desk.time.advance(FIVE_MINUTES)
    assert resume(desk, first) == 2


def test_pokes_at_a_closed_window_make_no_call_until_it_opens(desk: Desk, slept: list[float]) -> None:
    opens_at = close_the_window(desk)
    sensor = sensor_of(desk)
    assert not poke(sensor, desk)
    turned_away = desk.emulator.stats().rejected
    desk.time.advance(ONE_MINUTE)
    assert not poke(sensor, desk)
    assert desk.emulator.stats().rejected == turned_away == 1
    assert sum(slept) <= 20
    desk.time.now = opens_at + 1
    open_the_window(desk)
    assert not poke(sensor, desk)
    desk.time.advance(FIVE_MINUTES)
    assert poke(sensor, desk)


def test_a_rate_limit_that_stays_used_up_fails_the_try(desk: Desk) -> None:
    close_the_window(desk)
    closed = deferred(desk, sensor_of(desk, deferrable=True))
    desk.time.advance(timedelta(hours=3))
    with pytest.raises(errors.RateLimited, match="let the task retry later"):
        resume(desk, closed)


def test_a_rescheduled_sensor_keeps_what_it_knows_through_an_outage(desk: Desk) -> None:
    def poke_in_a_new_process() -> bool:
        try:
            return sensor_of(desk, mode="reschedule", poke_interval=60).execute(context_of(desk)) == 2
        except AirflowRescheduleException:
            return False

    assert not poke_in_a_new_process()
    desk.time.advance(FIVE_MINUTES)
    desk.emulator.set_faults([Fault("status", status=504)])
    assert not poke_in_a_new_process()
    desk.time.advance(timedelta(minutes=14))
    assert not poke_in_a_new_process()
    desk.time.advance(timedelta(minutes=2))
    with pytest.raises(errors.ServerFault):
        poke_in_a_new_process()
    desk.emulator.set_faults()
    assert poke_in_a_new_process()


def test_an_outage_keeps_to_the_timeout(desk: Desk) -> None:
    desk.emulator.set_faults([Fault("status", status=503)])
    silent = deferred(desk, sensor_of(desk, deferrable=True, timeout=BARELY))
    desk.time.advance(BARELY)
    with pytest.raises(AirflowSensorTimeout):
        resume(desk, silent, sensor_of(desk, deferrable=True, timeout=BARELY))
    with pytest.raises(AirflowSkipException):
        resume(desk, silent, sensor_of(desk, deferrable=True, timeout=BARELY, soft_fail=True))


@pytest.mark.parametrize("deferrable", [True, False])
@pytest.mark.parametrize("status", [401, 402, 403])
def test_what_waiting_does_not_mend_fails_at_once(desk: Desk, status: int, deferrable: bool) -> None:
    desk.emulator.set_faults([Fault("status", status=status)])
    with pytest.raises(AirflowFailException, match=str(status)):
        sensor_of(desk, deferrable=deferrable).execute(context_of(desk))
    with pytest.raises(AirflowSkipException):
        sensor_of(desk, deferrable=deferrable, soft_fail=True).execute(context_of(desk))


@pytest.mark.parametrize("deferrable", [True, False])
def test_a_fault_that_is_no_outage_fails_the_try_for_a_retry(
    desk: Desk, deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VoucherifyHook, "retry", RetryPolicy(first_wait=0.0))
    desk.emulator.set_faults([Fault("status", status=500)])
    for soft_fail in (True, False):  # as with Airflow's own sensors: that may pass, so it is not skipped
        with pytest.raises(errors.ServerFault):
            enter(desk, sensor_of(desk, deferrable=deferrable, soft_fail=soft_fail), None)
