"""Who is asked about: those who entered or left a segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from airflow_provider_voucherify.api.errors import InvalidCustomers

#: The date under which a pull in the same Dag run writes its history.
OWN_DATE = "{{ dag_run.logical_date or dag_run.run_after }}"


@dataclass
class SegmentChanges:
    """The customers a history says moved between two of its dates.

    :param table: the history: the ``table`` of a :class:`WarehouseTable` with ``write="history"`` (templated).
    :param segment: id or name of the segment; an id never changes (templated).
    :param conn_id: Airflow connection of the database (templated).
    :param as_of: logical date of the last run that counts (UTC, templated); by default that of the Dag run.
    :param since: logical date of the first run that counts (UTC, templated); by default ``as_of``: one run alone.
    :raises ValueError: if one of them is not a text.
    """

    template_fields: ClassVar[Sequence[str]] = ("table", "segment", "conn_id", "as_of", "since")

    table: str
    segment: str
    conn_id: str
    as_of: str | datetime = OWN_DATE
    since: str | datetime | None = None

    def __post_init__(self) -> None:
        for name in ("table", "segment", "conn_id"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise ValueError(
                    f"{name} of {type(self).__name__} should be a text, is {value!r}; write "
                    f'{type(self).__name__}("marketing.segment_history", segment="VIP", conn_id="warehouse")'
                )

    def dates(self) -> tuple[datetime, datetime]:
        """Return the rendered first and last date, in UTC.

        :raises InvalidCustomers: if one is no moment, or the first is later than the last.
        """
        as_of = _moment("as_of", self.as_of)
        since = as_of if self.since is None else _moment("since", self.since)
        if since > as_of:
            raise InvalidCustomers(f"since is {since}, later than as_of, which is {as_of}")
        return since, as_of


@dataclass
class EnteredSegment(SegmentChanges):
    """The customers who are in a segment now and were not before.

    In a history's first run everybody enters, and so do customers or segments asked about for the first time. For the
    parameters see :class:`SegmentChanges`. Who entered and left again in between did not enter.
    """


@dataclass
class LeftSegment(SegmentChanges):
    """The customers who were in a segment before and are not now.

    For the parameters see :class:`SegmentChanges`. Who left and came back in between did not leave.
    """


def _moment(name: str, value: str | datetime) -> datetime:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise InvalidCustomers(
            f"{name} is {value!r}, which is no moment; write an ISO 8601 time in UTC such as 2026-01-31T00:00:00+00:00"
            ", or where it is a template let it be rendered: Airflow does that for a task; for an estimate call the "
            "operator's render_template_fields(context) before"
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
