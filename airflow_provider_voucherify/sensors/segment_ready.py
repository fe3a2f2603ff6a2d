"""The sensor that waits until a segment is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    conf,
)
from airflow.sdk import BaseSensorOperator, PokeReturnValue, timezone

from airflow_provider_voucherify.hooks.refusal import (
    checked_conn_id,
    checked_deferrable,
    checked_text,
    checked_time,
    refuses,
)
from airflow_provider_voucherify.hooks.templates import Given, mapped_over, rendered_name
from airflow_provider_voucherify.links.voucherify import VoucherifyDashboardLink

if TYPE_CHECKING:
    from airflow.sdk import DAG, Context
    from airflow.sdk.definitions.mappedoperator import OperatorPartial
    from jinja2 import Environment

    from airflow_provider_voucherify.hooks.templates import Template
    from airflow_provider_voucherify.sensors.readings import SegmentReading, SensorNotes, Wait

#: Where nobody answers a deferred sensor looks again after so long, or when the rate limit opens, if that is later.
LOOKS_APART = timedelta(minutes=1)
#: A timeout above this, in seconds, is none: Airflow adds it to the time it is.
_FOR_EVER = 10 * 365 * 24 * 3600.0
#: A deferral ends with the sensor's timeout at the latest; Airflow ends one that is not over so much later, as where
#: no triggerer runs.
_LATE = timedelta(minutes=10)
#: What Airflow lets end a sensor of any mode, unless ``soft_fail`` or ``never_fail`` says to skip.
_FAILED = (AirflowFailException, AirflowSensorTimeout, AirflowTaskTimeout)


class SegmentReadySensor(BaseSensorOperator):
    """Wait until a segment has as many customers as it had some minutes before, or says that it is synchronised.

    Voucherify fills a segment in the background after it was made, or after many customers changed. A reading costs
    two calls: one for the segment, one for its size. A segment that says ``initial_sync_status`` is ready when that
    is ``DONE`` and never before; most do not say it, and are judged by two readings of their size.

    An outage of up to a quarter of an hour, and a rate limit that is used up for up to two hours, are waited for like a
    segment that is not ready; refused keys, a plan that is over, or a missing segment fail at once.

    Without ``deferrable`` the readings are ``readings_apart`` apart at least, whatever ``poke_interval`` says; with
    ``mode="reschedule"`` Airflow's task state store (Airflow 3.3) keeps the reading from one poke to the next.

    :param segment_id: id of the segment, ``seg_...``, or its name (templated).
    :param voucherify_conn_id: connection of type ``voucherify`` (templated).
    :param readings_apart: time between the two readings that have to agree; 5 minutes unless said otherwise.
    :param deferrable: free the worker between readings; by default as ``[operators] default_deferrable`` says.
    :returns: the segment's number of customers as XCom, ``None`` where its status made it ready.
    :raises ValueError: if ``readings_apart`` is not above zero, is above a week, or does not fit into ``timeout``.
    """

    template_fields: Sequence[str] = ("segment_id", "voucherify_conn_id")
    ui_color = "#e8f4ec"
    operator_extra_links = (VoucherifyDashboardLink(),)

    #: What time it is: replaced in tests.
    clock: Callable[[], datetime] = staticmethod(timezone.utcnow)

    def __init__(
        self,
        *,
        segment_id: str,
        voucherify_conn_id: str = "voucherify_default",
        readings_apart: timedelta = timedelta(minutes=5),
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,  # Airflow's own parameters
    ) -> None:
        super().__init__(**kwargs)
        self.segment_id = _checked_segment_id(segment_id)
        self.voucherify_conn_id = checked_conn_id(voucherify_conn_id)
        self.readings_apart = _checked_readings_apart(readings_apart)
        _check_fit(self.readings_apart, self.timeout)
        self.deferrable = checked_deferrable(deferrable)
        self.given = Given(self, self.template_fields)
        self._in_this_process: Wait | None = None

    @classmethod
    def partial(cls, **kwargs: Any) -> OperatorPartial:
        """Begin a mapped task, as Airflow does; what is not mapped over is checked while the Dag file is parsed."""
        checked = {name: check(kwargs[name]) for name, check in _CHECKS.items() if name in kwargs}
        return super().partial(**kwargs | checked)

    def _do_render_template_fields(
        self,
        parent: object,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: Environment,
        seen_oids: set[int],
    ) -> None:
        """Render; what looks like a template in a value that came from a task is none."""
        of_tasks = mapped_over(self, context)
        fields = [name for name in template_fields if not of_tasks.get(name)]
        super()._do_render_template_fields(parent, fields, context, jinja_env, seen_oids)

    def _render(self, template: Template, context: Context, dag: DAG | None = None) -> object:  # noqa: ARG002
        return rendered_name(template, context)  # all that is rendered are names

    def execute(self, context: Context) -> int | None:
        """Wait, and return the segment's size."""
        from airflow_provider_voucherify.sensors.readings import Wait

        self._in_this_process = None
        if not self.deferrable:
            size: int | None = super().execute(context)
            return size
        with self._skipping_where_asked_to():
            return self._read_or_defer(Wait(), self.clock().timestamp())

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Look once; makes no call while the earlier reading is too young, or the rate limit known to be used up."""
        from airflow_provider_voucherify.api.errors import VoucherifyError
        from airflow_provider_voucherify.sensors.readings import Wait, compare, earlier_of

        notes = self._notes(context)
        before = (self._in_this_process or Wait()) if notes is None else notes.read()
        if not before.is_over(self.clock().timestamp(), self.readings_apart.total_seconds()):
            return False
        try:
            reading = self._read()
        except VoucherifyError as error:
            self._in_this_process = before.without_answer(self.segment_id, error, self.clock().timestamp())
        else:
            if compare(reading, before.earlier):
                return PokeReturnValue(is_done=True, xcom_value=reading.size)
            self._in_this_process = Wait(earlier_of(reading))
        if notes is not None:
            notes.write(self._in_this_process)
        return False

    def resume(
        self,
        context: Context,  # noqa: ARG002
        event: object = None,  # noqa: ARG002
        *,
        started_at: float | None = None,
        size: int | None = None,
        read_at: float | None = None,
        silent_since: float | None = None,
    ) -> int | None:
        """Read again after a deferral.

        :param context: the task's context.
        :param event: the trigger's, which only says that the time has come.
        :param started_at: when the sensor began to wait, seconds since 1970.
        :param size: customers at the earlier reading, if they were known.
        :param read_at: when that was, seconds since 1970.
        :param silent_since: since when no reading was answered, seconds since 1970; ``None`` if the last one was.
        :raises ValueError: if the deferral did not hand on when the sensor began.
        """
        from airflow_provider_voucherify.sensors.readings import EarlierReading, Wait

        if started_at is None:  # it would wait for ever
            raise ValueError(
                "the deferral did not hand on when the sensor began to wait. Airflow's dag.test() forgets it: write "
                "deferrable=False there"
            )
        earlier = None if size is None or read_at is None else EarlierReading(size, read_at)
        with self._skipping_where_asked_to():
            return self._read_or_defer(Wait(earlier, silent_since), started_at)

    def _read_or_defer(self, before: Wait, started_at: float) -> int | None:
        from airflow_provider_voucherify.sensors.readings import Wait, compare, earlier_of

        now, apart = self.clock().timestamp(), self.readings_apart.total_seconds()
        if started_at + self.timeout - now < apart and not before.is_over(now, apart):
            self._defer(before, started_at)  # woken by the timeout, too early to compare
        try:
            reading = self._read()
        except (*_FAILED, AirflowSkipException):
            raise
        except Exception as error:  # noqa: BLE001 - of a secrets backend, for one; Airflow does so for pokes
            self._defer(self._unanswered_or_passed_over(before, error), started_at)
        if not compare(reading, before.earlier):
            self._defer(Wait(earlier_of(reading)), started_at)
        return reading.size

    def _unanswered_or_passed_over(self, before: Wait, error: Exception) -> Wait:
        from airflow_provider_voucherify.api.errors import VoucherifyError

        if isinstance(error, VoucherifyError):
            with suppress(VoucherifyError):
                return before.without_answer(self.segment_id, error, self.clock().timestamp())
        if not self.silent_fail:
            raise error
        self.log.error("Segment %s could not be read: %s: %s", self.segment_id, type(error).__name__, error)
        return before

    def _defer(self, wait: Wait, started_at: float) -> NoReturn:
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger

        now = self.clock()
        left = started_at + self.timeout - now.timestamp()
        if left <= 0:
            raise AirflowSensorTimeout(
                f"segment {self.segment_id} was not ready within {timedelta(seconds=self.timeout)}: raise timeout, or "
                "look into Voucherify whether the segment is still being filled"
            )
        handed_on = {} if wait.earlier is None else {"size": wait.earlier.size, "read_at": wait.earlier.read_at}
        apart = self.readings_apart
        if wait.silent_since is not None:
            handed_on["silent_since"] = wait.silent_since
            apart = max(min(apart, LOOKS_APART), timedelta(seconds=wait.silent_until - now.timestamp()))
        self.defer(
            trigger=DateTimeTrigger(now + timedelta(seconds=min(apart.total_seconds(), left))),
            method_name="resume",
            kwargs={"started_at": started_at, **handed_on},
            timeout=timedelta(seconds=min(left, _FOR_EVER)) + _LATE,
        )

    def _read(self) -> SegmentReading:
        from airflow_provider_voucherify.hooks.failures import fail_without_retry_where_none_helps
        from airflow_provider_voucherify.sensors.readings import read_segment, short_waiting_hook

        with fail_without_retry_where_none_helps(self.voucherify_conn_id):
            self.given.check(self)
            segment_id = _checked_segment_id(self.segment_id)
            with short_waiting_hook(checked_conn_id(self.voucherify_conn_id)) as hook:
                return read_segment(hook, segment_id, self.clock)

    def _notes(self, context: Context) -> SensorNotes | None:
        from airflow_provider_voucherify.sensors.readings import SensorNotes

        if not self.reschedule:
            return None
        store = context.get("task_state_store")
        if store is None:
            raise AirflowFailException(
                'mode="reschedule" compares with a reading of an earlier process, and this Airflow has no task state '
                'store to keep it in (that came with 3.3): set deferrable=True, or mode="poke"'
            )
        return SensorNotes(store, context["ti"].try_number)

    @contextmanager
    def _skipping_where_asked_to(self) -> Iterator[None]:
        """Do for the parts of a deferrable sensor what Airflow does for pokes."""
        try:
            yield
        except AirflowSkipException:
            raise
        except _FAILED as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException("the sensor failed, and soft_fail or never_fail is set") from error
            raise
        except Exception as error:
            if self.never_fail:
                raise AirflowSkipException("the sensor failed, and never_fail is set") from error
            raise


def _checked_segment_id(segment_id: object) -> str:
    return checked_text(segment_id, "segment_id", "write the id of a segment, seg_..., or its name")


def _checked_readings_apart(readings_apart: object) -> timedelta:
    return checked_time(readings_apart, "readings_apart", "timedelta(minutes=5)")


@refuses
def _check_fit(readings_apart: timedelta, timeout: float) -> None:
    """Look whether there is time for two readings.

    :param timeout: of the sensor, in seconds.
    """
    if readings_apart.total_seconds() >= timeout:
        raise ValueError(
            f"readings_apart={readings_apart} does not fit into timeout={timedelta(seconds=timeout)}: there would be "
            "no second reading"
        )


_CHECKS: Mapping[str, Callable[[object], object]] = {
    "deferrable": checked_deferrable,
    "readings_apart": _checked_readings_apart,
    "segment_id": _checked_segment_id,
    "voucherify_conn_id": checked_conn_id,
}
