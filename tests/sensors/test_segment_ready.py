"""When a segment is ready: by its size, by its status, in each mode; and what the wait costs."""

from __future__ import annotations

import logging
import subprocess
import sys
from datetime import timedelta
from typing import cast

import pytest
from airflow.exceptions import AirflowRescheduleException
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSkipException,
)
from airflow.sdk import DAG, Context, PokeReturnValue

from airflow_provider_voucherify.emulator import Switches
from airflow_provider_voucherify.emulator.json_types import JsonObject
from tests.sensors.acting import ALMOST, FIVE_MINUTES, context_of, poke, sensor_of
from tests.sensors.conftest import Desk


def test_two_equal_sizes_far_enough_apart_make_it_ready(desk: Desk) -> None:
    sensor = sensor_of(desk)
    assert not poke(sensor, desk)
    calls = desk.calls()
    desk.time.advance(ALMOST)
    assert not poke(sensor, desk)
    assert desk.calls() == calls == 2

    desk.time.advance(timedelta(seconds=1))
    answer = sensor.poke(context_of(desk))

    assert isinstance(answer, PokeReturnValue)
    assert (answer.is_done, answer.xcom_value) == (True, 2)
    assert desk.calls() == 4


def test_a_segment_that_grows_is_waited_for(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    sensor = sensor_of(desk)
    states = []
    for grows in (False, True, True, False):
        if grows:
            desk.add_member()
        with caplog.at_level(logging.INFO, "airflow_provider_voucherify"):
            states.append(poke(sensor, desk))
        desk.time.advance(FIVE_MINUTES)

    assert states == [False, False, False, True]
    assert "has 3 customers after 2: waiting on" in caplog.text
    assert "is ready: 4 customers, as 5 min ago" in caplog.text


def test_a_change_that_shows_late_is_waited_for(desk: Desk) -> None:
    desk.emulator.set_switches(Switches(refresh_lag_seconds=200))
    sensor = sensor_of(desk)
    assert not poke(sensor, desk)
    desk.add_member()
    desk.time.advance(FIVE_MINUTES)

    assert not poke(sensor, desk)


def test_a_segment_that_says_done_is_ready_for_one_call(desk: Desk) -> None:
    desk.emulator.set_switches(Switches(initial_sync_status=True))

    assert poke(sensor_of(desk), desk)
    assert desk.calls() == 1


@pytest.mark.parametrize("says_status", [True, False], ids=["by status", "by size"])
def test_a_new_segment_is_waited_for_while_it_fills(
    desk: Desk, caplog: pytest.LogCaptureFixture, says_status: bool
) -> None:
    desk.emulator.add_customers([{"metadata": {"tier": "silver"}}] * 40)
    desk.emulator.set_switches(Switches(refresh_lag_seconds=1_200, initial_sync_status=says_status))
    silver: JsonObject = {"junction": "and", "metadata.tier": {"conditions": {"$is": ["silver"]}}}
    desk.segment_id = desk.emulator.add_segment("Silver", filter=silver, type="passive")
    sensor, states = sensor_of(desk), list[bool]()
    with caplog.at_level(logging.INFO, "airflow_provider_voucherify"):
        while not any(states):
            states.append(bool(poke(sensor, desk)))
            desk.time.advance(FIVE_MINUTES)
    assert len(states) == (5 if says_status else 6)
    assert ("is not ready: initial_sync_status is IN_PROGRESS" in caplog.text) is says_status
    assert ("is ready: 40 customers" in caplog.text) is not says_status


def test_a_size_that_is_not_said_is_unknown_and_told(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.emulator.set_switches(Switches(total=False))
    sensor = sensor_of(desk)
    states = [poke(sensor, desk) for _ in range(3)]
    desk.emulator.set_switches(Switches())
    for _ in range(2):
        states.append(poke(sensor, desk))
        desk.time.advance(FIVE_MINUTES)

    assert [*states, poke(sensor, desk)] == [False, False, False, False, True, True]
    assert "did not say how many customers" in caplog.text


@pytest.mark.parametrize("unknown_segment", ["empty", "not_found"])
@pytest.mark.parametrize("options", [{}, {"mode": "reschedule"}, {"deferrable": True}])
def test_a_segment_that_is_missing_fails_at_once(desk: Desk, unknown_segment: str, options: dict[str, object]) -> None:
    desk.emulator.set_switches(Switches(unknown_segment=unknown_segment))  # type: ignore[arg-type]

    says = r"^connection 'voucherify_default': the project has no segment 'Golden'; it has 'Gold'"
    with pytest.raises(AirflowFailException, match=says):
        sensor_of(desk, "Golden", **options).execute(context_of(desk))


@pytest.mark.parametrize("segment_id", ["seg_000000000000000000000000", "seg_of no id"])
def test_an_id_that_is_missing_fails_at_once(desk: Desk, segment_id: str) -> None:
    with pytest.raises(AirflowFailException, match=f"the project has no segment '{segment_id}'"):
        sensor_of(desk, segment_id).execute(context_of(desk))


@pytest.mark.parametrize("name", ["Gold", "seg_ment of all"])
def test_a_segment_may_be_named_by_its_name(desk: Desk, name: str) -> None:
    if name != "Gold":
        condition: JsonObject = {"junction": "and", "metadata.tier": {"conditions": {"$is": ["gold"]}}}
        desk.emulator.add_segment(name, filter=condition, type="passive")
    sensor = sensor_of(desk, name)
    assert not poke(sensor, desk)
    desk.time.advance(FIVE_MINUTES)

    answer = sensor.poke(context_of(desk))

    assert isinstance(answer, PokeReturnValue)
    assert (answer.is_done, answer.xcom_value) == (True, 2)


def test_a_name_that_stands_for_two_segments_fails_at_once(desk: Desk) -> None:
    desk.emulator.add_segment("Gold", customers=[])
    with pytest.raises(AirflowFailException, match="2 segments are named 'Gold': write the id instead"):
        sensor_of(desk, "Gold").execute(context_of(desk))


@pytest.mark.parametrize("skips", ["soft_fail", "never_fail"])
@pytest.mark.parametrize("deferrable", [True, False])
def test_a_failure_skips_where_asked_to(desk: Desk, skips: str, deferrable: bool) -> None:
    sensor = sensor_of(desk, "seg_missing", deferrable=deferrable, **{skips: True})

    with pytest.raises(AirflowSkipException):
        sensor.execute(context_of(desk))


def test_a_refused_key_fails_without_retries(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_OTHER",
        f'{{"conn_type": "voucherify", "host": "{desk.emulator.url}", "login": "a", "password": "wrong"}}',
    )

    with pytest.raises(AirflowFailException, match="401"):
        sensor_of(desk, voucherify_conn_id="other").poke(context_of(desk))


def test_rescheduled_pokes_compare_across_processes(desk: Desk) -> None:
    def poke_in_a_new_process() -> bool:
        try:
            return sensor_of(desk, mode="reschedule", poke_interval=60).execute(context_of(desk)) == 2
        except AirflowRescheduleException:
            return False

    states = [poke_in_a_new_process()]
    for _ in range(5):
        desk.time.advance(timedelta(minutes=1))
        states.append(poke_in_a_new_process())

    assert states == [False] * 5 + [True]
    assert desk.calls() == 4


def test_a_reading_of_an_earlier_try_says_nothing(desk: Desk) -> None:
    assert not poke(sensor_of(desk, mode="reschedule"), desk)
    desk.time.advance(timedelta(hours=3))
    desk.task_instance.try_number = 2

    assert not poke(sensor_of(desk, mode="reschedule"), desk)


def test_a_size_no_longer_said_is_not_compared_with_an_older_one(desk: Desk) -> None:
    assert not poke(sensor_of(desk, mode="reschedule"), desk)
    desk.emulator.set_switches(Switches(total=False))
    desk.time.advance(FIVE_MINUTES)
    assert not poke(sensor_of(desk, mode="reschedule"), desk)
    desk.emulator.set_switches(Switches())

    assert not poke(sensor_of(desk, mode="reschedule"), desk)


def test_rescheduling_without_a_store_is_refused_with_ways_out(desk: Desk) -> None:
    sensor = sensor_of(desk, mode="reschedule")

    with pytest.raises(AirflowFailException, match=r'deferrable=True, or mode="poke"'):
        sensor.poke(context_of(desk, with_store=False))
    assert desk.calls() == 0


def test_poking_in_one_process_needs_no_store(desk: Desk) -> None:
    sensor = sensor_of(desk)
    assert not sensor.poke(context_of(desk, with_store=False))
    desk.time.advance(FIVE_MINUTES)

    assert sensor.poke(context_of(desk, with_store=False))


@pytest.mark.parametrize("apart", [timedelta(0), timedelta(seconds=-1), 300])
def test_readings_are_some_time_apart(desk: Desk, apart: object) -> None:
    with pytest.raises(ValueError, match="readings_apart is"):
        sensor_of(desk, readings_apart=apart)


@pytest.mark.parametrize(("timeout", "told"), [(299, "0:04:59"), (300, "0:05:00")], ids=["shorter", "as long"])
def test_readings_fit_into_the_timeout(desk: Desk, timeout: int, told: str) -> None:
    with pytest.raises(ValueError, match=rf"readings_apart=0:05:00 does not fit into timeout={told}"):
        sensor_of(desk, timeout=timeout)


def test_templates_are_rendered(desk: Desk) -> None:
    sensor = sensor_of(desk, "{{ params.segment }}", voucherify_conn_id="{{ params.conn }}")
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


@pytest.mark.parametrize("readings_apart", [timedelta(0), timedelta.max, 300], ids=str)
def test_a_time_between_readings_that_cannot_be_meant_is_refused(desk: Desk, readings_apart: object) -> None:
    with pytest.raises(ValueError, match=r"readings_apart is .*; write a timedelta such as timedelta\(minutes=5\)"):
        sensor_of(desk, readings_apart=readings_apart, timeout=timedelta.max)


def test_the_segment_of_a_native_template_is_the_one_it_names(desk: Desk) -> None:
    with DAG("d", schedule=None, render_template_as_native_obj=True):
        sensor = sensor_of(desk, "{{ name }}")
    sensor.render_template_fields(cast("Context", {"name": "2026_01"}))
    assert sensor.segment_id == "2026_01"
