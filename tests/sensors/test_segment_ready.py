"""When a segment is ready: by its size, by its status, in each mode; and what the wait costs."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import cast

import pytest
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import Context, PokeReturnValue
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from airflow_provider_voucherify.api import client, errors
from airflow_provider_voucherify.emulator import Fault, Switches
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from airflow_provider_voucherify.sensors.segment_ready import SegmentReadySensor
from tests.sensors.conftest import Desk

FIVE_MINUTES = timedelta(minutes=5)
ALMOST = FIVE_MINUTES - timedelta(seconds=1)


def _sensor(desk: Desk, segment_id: str | None = None, **options: object) -> SegmentReadySensor:
    chosen: dict[str, object] = {"deferrable": False, **options}
    sensor = SegmentReadySensor(task_id="wait", segment_id=segment_id or desk.segment_id, **chosen)  # type: ignore[arg-type]
    sensor.clock = desk.time.utc
    return sensor


def _context(desk: Desk, *, with_store: bool = True) -> Context:
    return cast("Context", desk.context(with_store=with_store))


def _poke(sensor: SegmentReadySensor, desk: Desk) -> bool:
    return bool(sensor.poke(_context(desk)))


def _enter(desk: Desk, sensor: SegmentReadySensor, kwargs: Mapping[str, object] | None) -> object:
    if kwargs is None:
        return sensor.execute(_context(desk))
    return sensor.resume_execution("resume", {**kwargs, "event": None}, _context(desk))


def _deferred(desk: Desk, sensor: SegmentReadySensor, kwargs: Mapping[str, object] | None = None) -> TaskDeferred:
    """Run the sensor until it defers, at first or with what an earlier deferral handed over."""
    with pytest.raises(TaskDeferred) as deferral:
        _enter(desk, sensor, kwargs)
    return deferral.value


def _resume(desk: Desk, deferral: TaskDeferred, sensor: SegmentReadySensor | None = None) -> object:
    return _enter(desk, sensor or _sensor(desk, deferrable=True), deferral.kwargs)


def test_two_equal_sizes_far_enough_apart_make_it_ready(desk: Desk) -> None:
    sensor = _sensor(desk)
    assert not _poke(sensor, desk)
    calls = desk.calls()
    desk.time.advance(ALMOST)
    assert not _poke(sensor, desk)
    assert desk.calls() == calls == 2

    desk.time.advance(timedelta(seconds=1))
    answer = sensor.poke(_context(desk))

    assert isinstance(answer, PokeReturnValue)
    assert (answer.is_done, answer.xcom_value) == (True, 2)
    assert desk.calls() == 4


def test_a_segment_that_grows_is_waited_for(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    sensor = _sensor(desk)
    states = []
    for grows in (False, True, True, False):
        if grows:
            desk.add_member()
        with caplog.at_level(logging.INFO, "airflow_provider_voucherify"):
            states.append(_poke(sensor, desk))
        desk.time.advance(FIVE_MINUTES)

    assert states == [False, False, False, True]
    assert "has 3 customers after 2: waiting on" in caplog.text
    assert "is ready: 4 customers, as 300 s ago" in caplog.text


def test_a_change_that_shows_late_is_waited_for(desk: Desk) -> None:
    desk.emulator.set_switches(Switches(refresh_lag_seconds=200))
    sensor = _sensor(desk)
    assert not _poke(sensor, desk)
    desk.add_member()
    desk.time.advance(FIVE_MINUTES)

    assert not _poke(sensor, desk)


def test_a_segment_that_says_done_is_ready_for_one_call(desk: Desk) -> None:
    desk.emulator.set_switches(Switches(initial_sync_status=True))

    assert _poke(_sensor(desk), desk)
    assert desk.calls() == 1


def test_a_size_that_is_not_said_is_unknown_and_told(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.emulator.set_switches(Switches(total=False))
    sensor = _sensor(desk)
    states = [_poke(sensor, desk) for _ in range(3)]
    desk.emulator.set_switches(Switches())
    for _ in range(2):
        states.append(_poke(sensor, desk))
        desk.time.advance(FIVE_MINUTES)

    assert [*states, _poke(sensor, desk)] == [False, False, False, False, True, True]
    assert "did not say how many customers" in caplog.text


@pytest.mark.parametrize("unknown_segment", ["empty", "not_found"])
@pytest.mark.parametrize("options", [{}, {"mode": "reschedule"}, {"deferrable": True}])
def test_a_segment_that_is_missing_fails_at_once(desk: Desk, unknown_segment: str, options: dict[str, object]) -> None:
    desk.emulator.set_switches(Switches(unknown_segment=unknown_segment))  # type: ignore[arg-type]

    with pytest.raises(AirflowFailException, match=r"no segment 'Gold': segment_id takes the id.*not its name"):
        _sensor(desk, "Gold", **options).execute(_context(desk))


@pytest.mark.parametrize("skips", ["soft_fail", "never_fail"])
@pytest.mark.parametrize("deferrable", [True, False])
def test_a_failure_skips_where_asked_to(desk: Desk, skips: str, deferrable: bool) -> None:
    sensor = _sensor(desk, "seg_missing", deferrable=deferrable, **{skips: True})

    with pytest.raises(AirflowSkipException):
        sensor.execute(_context(desk))


def test_a_refused_key_fails_without_retries(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_OTHER",
        f'{{"conn_type": "voucherify", "host": "{desk.emulator.url}", "login": "a", "password": "wrong"}}',
    )

    with pytest.raises(AirflowFailException, match="401"):
        _sensor(desk, voucherify_conn_id="other").poke(_context(desk))


def test_rescheduled_pokes_compare_across_processes(desk: Desk) -> None:
    def poke_in_a_new_process() -> bool:
        try:
            return _sensor(desk, mode="reschedule", poke_interval=60).execute(_context(desk)) == 2
        except AirflowRescheduleException:
            return False

    states = [poke_in_a_new_process()]
    for _ in range(5):
        desk.time.advance(timedelta(minutes=1))
        states.append(poke_in_a_new_process())

    assert states == [False] * 5 + [True]
    assert desk.calls() == 4


def test_a_reading_of_an_earlier_try_says_nothing(desk: Desk) -> None:
    assert not _poke(_sensor(desk, mode="reschedule"), desk)
    desk.time.advance(timedelta(hours=3))
    desk.task_instance.try_number = 2

    assert not _poke(_sensor(desk, mode="reschedule"), desk)


def test_a_size_no_longer_said_is_not_compared_with_an_older_one(desk: Desk) -> None:
    assert not _poke(_sensor(desk, mode="reschedule"), desk)
    desk.emulator.set_switches(Switches(total=False))
    desk.time.advance(FIVE_MINUTES)
    assert not _poke(_sensor(desk, mode="reschedule"), desk)
    desk.emulator.set_switches(Switches())

    assert not _poke(_sensor(desk, mode="reschedule"), desk)


def test_rescheduling_without_a_store_is_refused_with_ways_out(desk: Desk) -> None:
    sensor = _sensor(desk, mode="reschedule")

    with pytest.raises(AirflowFailException, match=r'deferrable=True, or mode="poke"'):
        sensor.poke(_context(desk, with_store=False))
    assert desk.calls() == 0


def test_poking_in_one_process_needs_no_store(desk: Desk) -> None:
    sensor = _sensor(desk)
    assert not sensor.poke(_context(desk, with_store=False))
    desk.time.advance(FIVE_MINUTES)

    assert sensor.poke(_context(desk, with_store=False))


def test_a_deferred_sensor_goes_on_where_it_was(desk: Desk) -> None:
    first = _deferred(desk, _sensor(desk, deferrable=True))
    began = desk.time.now
    assert isinstance(first.trigger, DateTimeTrigger)
    assert first.trigger.moment == desk.time.utc() + FIVE_MINUTES
    assert first.kwargs == {"started_at": began, "size": 2, "read_at": began}

    desk.time.advance(FIVE_MINUTES)
    desk.add_member()
    second = _deferred(desk, _sensor(desk, deferrable=True), first.kwargs)
    assert second.kwargs == {"started_at": began, "size": 3, "read_at": began + 300}

    desk.time.advance(timedelta(hours=1))
    assert _resume(desk, second) == 3


def test_a_deferral_that_lost_what_it_carries_does_not_wait_for_ever(desk: Desk) -> None:
    with pytest.raises(ValueError, match=r"dag\.test\(\) forgets it: write deferrable=False"):
        _sensor(desk, deferrable=True).resume({}, {"moment": "now"})


def test_a_deferrable_sensor_that_never_fails_skips(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VoucherifyHook, "retry", client.RetryPolicy(first_wait=0.001))
    patient = _deferred(desk, _sensor(desk, deferrable=True))
    desk.time.advance(FIVE_MINUTES)
    desk.emulator.set_faults([Fault("status", status=500)])
    never_failing = _sensor(desk, deferrable=True, never_fail=True)
    for kwargs in (None, patient.kwargs):
        with pytest.raises(AirflowSkipException):
            _enter(desk, never_failing, kwargs)
    with pytest.raises(errors.VoucherifyError):
        _resume(desk, patient, _sensor(desk, deferrable=True, soft_fail=True))


def test_a_deferral_keeps_to_the_timeout(desk: Desk) -> None:
    timeout = timedelta(minutes=12)
    sensor = _sensor(desk, deferrable=True, timeout=timeout)
    deferral = _deferred(desk, sensor)
    assert deferral.timeout == timeout
    desk.time.advance(timedelta(minutes=11))
    desk.add_member()
    deferral = _deferred(desk, sensor, deferral.kwargs)
    assert deferral.timeout == timedelta(minutes=1)

    desk.time.advance(timedelta(minutes=1))
    desk.add_member()
    with pytest.raises(AirflowSensorTimeout, match="was not ready within 0:12:00"):
        _resume(desk, deferral, sensor)
    skipping = _sensor(desk, deferrable=True, timeout=timeout, soft_fail=True)
    with pytest.raises(AirflowSkipException):
        _resume(desk, deferral, skipping)


def test_a_trigger_that_times_out_is_the_sensors_timeout(desk: Desk) -> None:
    with pytest.raises(AirflowSensorTimeout):
        _sensor(desk, deferrable=True).resume_execution("__fail__", {"error": "Trigger timeout"}, _context(desk))


def test_a_deferred_sensor_takes_an_unknown_size_as_no_reading(desk: Desk) -> None:
    desk.emulator.set_switches(Switches(total=False))
    first = _deferred(desk, _sensor(desk, deferrable=True))
    desk.emulator.set_switches(Switches())
    desk.time.advance(FIVE_MINUTES)
    second = _deferred(desk, _sensor(desk, deferrable=True), first.kwargs)
    desk.time.advance(FIVE_MINUTES)

    assert _resume(desk, second) == 2


@pytest.mark.parametrize("apart", [timedelta(0), timedelta(seconds=-1), 300])
def test_readings_are_some_time_apart(desk: Desk, apart: object) -> None:
    with pytest.raises(ValueError, match="readings_apart is"):
        _sensor(desk, readings_apart=apart)


def test_readings_fit_into_the_timeout(desk: Desk) -> None:
    with pytest.raises(ValueError, match=r"readings_apart=0:05:00 does not fit into timeout=0:04:59"):
        _sensor(desk, timeout=ALMOST)


def test_templates_are_rendered(desk: Desk) -> None:
    sensor = _sensor(desk, "{{ params.segment }}", voucherify_conn_id="{{ params.conn }}")
    sensor.render_template_fields({"params": {"segment": "seg_1", "conn": "shop"}})

    assert (sensor.segment_id, sensor.voucherify_conn_id) == ("seg_1", "shop")


def test_a_dag_file_that_imports_the_sensor_loads_nothing_heavy() -> None:
    program = (
        "import sys\nfrom airflow.sdk import BaseSensorOperator\nbefore = set(sys.modules)\n"
        "from airflow_provider_voucherify.sensors.segment_ready import SegmentReadySensor\n"
        "print(' '.join(sorted({name.split('.')[0] for name in set(sys.modules) - before})))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.splitlines()[-1].split())
    assert "airflow_provider_voucherify" in loaded
    assert loaded & {"aiohttp", "pandas", "requests", "sqlalchemy"} == set()
