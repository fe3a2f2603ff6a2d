"""Who is asked about: ids of a list or of a SQL query, who entered or left a segment, or everyone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, Protocol, cast, overload

from airflow_provider_voucherify.api.errors import InvalidCustomerId, InvalidCustomers, shown
from airflow_provider_voucherify.api.id_text import are_plain_ids, checked_customer_id, wrong_in_text
from airflow_provider_voucherify.pull.customers.upstream import (
    id_list,
    is_nothing,
    is_writable_number,
    leaves,
    literal,
)

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.ids import DistinctIds


#: Rows fetched from the database, and ids looked at, at a time.
FETCH_ROWS = 10_000
_SHOWN_POSITIONS = 3
_EXAMPLE = 'CustomerQuery("select source_id from crm.customers", conn_id="warehouse")'


class Cursor(Protocol):
    """A DB-API cursor."""

    def fetchmany(self, size: int) -> Sequence[Sequence[object] | Mapping[str, object]]:
        """Return up to ``size`` rows; none at the end."""


class RunsQueries(Protocol):
    """The part of Airflow's ``DbApiHook`` that reads ids."""

    def run(
        self,
        sql: str,
        *,
        parameters: Mapping[str, object] | Sequence[object] | None,
        handler: Callable[[Cursor], None],
    ) -> object:
        """Run the statement and return what the handler makes of its cursor."""


class GivenIds(Sequence[object]):
    """A list of ids that holds no template: as written in the Dag, or rendered.

    Airflow renders each text of a list as a template, which would take a millisecond an id and read an id such as
    ``a{#b`` as something else. It leaves objects of other types alone, and shows this one's ``repr`` in its UI.
    """

    def __init__(self, ids: Iterable[object]) -> None:
        self._ids = tuple(ids)

    @overload
    def __getitem__(self, index: int) -> object: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[object]: ...
    def __getitem__(self, index: int | slice) -> object:
        return self._ids[index]

    def __len__(self) -> int:
        return len(self._ids)

    def __repr__(self) -> str:
        return f"{len(self):,} customer ids"


@dataclass(frozen=True, slots=True)
class Unread:
    """What was rendered as customers and is no list of ids as far as one can see: kept from Airflow's view, since
    there may be ids in it all the same.

    :param value: as it was rendered.
    """

    value: object

    def __repr__(self) -> str:
        return f"customers as {type(self.value).__name__}"


def is_template(value: object) -> bool:
    """Return whether a text has an expression or a statement of Jinja in it."""
    return isinstance(value, str) and ("{{" in value or "{%" in value)


@dataclass
class CustomerQuery:
    """The customers whose ids a SQL query gives in its first column.

    :param sql: the query (templated); ids are Voucherify's ids or your ``source_id``.
    :param conn_id: Airflow connection of the database (templated).
    :param parameters: values bound to the query's placeholders (templated); Airflow's UI does not show them.
    :raises ValueError: if ``sql`` or ``conn_id`` is not a text, or a task's output is among the parameters.
    """

    template_fields: ClassVar[Sequence[str]] = ("sql", "conn_id", "parameters")

    sql: str
    conn_id: str
    # Left out of repr, which Airflow shows as the rendered field: they may be ids.
    parameters: Mapping[str, object] | Sequence[object] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("sql", "conn_id"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise ValueError(f"{name} of CustomerQuery should be a text, is {shown(value)}; write {_EXAMPLE}")
        _refuse_outputs("parameters of CustomerQuery", self.parameters)

    def read(self, hook: RunsQueries) -> DistinctIds:
        """Run the query and return the distinct ids of its first column, in its order.

        :param hook: the ``DbApiHook`` of ``conn_id``.
        :raises InvalidCustomers: if ``sql`` was rendered to what is no query.
        :raises InvalidCustomerId: if one of them cannot be asked for.
        """
        if not isinstance(self.sql, str) or (wrong := wrong_in_text(self.sql)):
            is_what = wrong if isinstance(self.sql, str) else f"is {type(self.sql).__name__}"
            raise InvalidCustomers(f"sql of CustomerQuery {is_what}; write {_EXAMPLE}")
        from airflow_provider_voucherify.api.ids import DistinctIds  # when a Dag file is parsed nobody reads ids

        checking, read = _Checking(), [DistinctIds()]

        def collect(cursor: Cursor) -> None:  # hooks reshape what a handler returns, each in its own way
            count: object = getattr(cursor, "rowcount", -1)  # which some drivers know, and others say -1 for
            if not read[0]:  # some hooks run statement by statement, and call this after each
                read[0] = DistinctIds(expected=count if isinstance(count, int) else 0)
            while rows := cursor.fetchmany(FETCH_ROWS):
                read[0].extend(checking.checked(_first_values(rows)))

        hook.run(self.sql, parameters=self.parameters, handler=collect)
        _give_memory_back()
        checking.raise_if_refused()
        return read[0]


def _refuse_outputs(what: str, value: object) -> None:
    """Refuse the output of a task where Airflow does not look for one: it would not let that task run before."""
    for leaf in leaves(value):
        if hasattr(leaf, "iter_xcom_references"):  # as outputs of tasks have, and nothing else of Airflow's
            raise ValueError(
                f"{what}: Airflow sees no output of a task there, and would not wait for it. Write a template such as "
                "\"{{ ti.xcom_pull(task_ids='upstream') }}\", which gives text unless the Dag has "
                "render_template_as_native_obj=True, and set upstream >> this task"
            )


def _first_values(rows: Sequence[Sequence[object] | Mapping[str, object]]) -> list[object]:
    """Return the first value of each row; with some cursors rows are dicts."""
    kinds = {*map(type, rows)}
    if any(issubclass(kind, Mapping) for kind in kinds):
        return [next(iter(row.values())) if isinstance(row, Mapping) else row[0] for row in rows]
    return [row[0] for row in cast("Sequence[Sequence[object]]", rows)]


def _give_memory_back() -> None:
    """Let the C library give freed memory back, where it can (glibc): drivers hold whole results, 70 MB a million ids,
    and what they free stays with the process for all its life otherwise."""
    import ctypes

    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


@dataclass(frozen=True)
class AllCustomers:
    """Everyone Voucherify knows.

    Rows carry Voucherify's id as ``customer_id``, and your ``source_id`` beside it where there is one.
    """

    template_fields: ClassVar[Sequence[str]] = ()


def given_ids(customers: object) -> Sequence[object]:
    """Return the list of ids that was given: by a Dag file, a task, or a rendered template; the ids are not looked at.

    :raises InvalidCustomers: if it is no list.
    """
    return ids_from_text(customers) if isinstance(customers, str) else id_list(customers)


def ids_from_text(text: str) -> list[object]:
    """Return the ids of a rendered template: a list as JSON or as Python writes it.

    :raises InvalidCustomers: if it is no list.
    """
    return [*id_list(literal(text, "customers", InvalidCustomers, list | tuple))]


def distinct_ids(values: Iterable[object], what: str = "customers") -> list[str]:
    """Return the ids as texts, each once, in the order of their first appearance.

    Whole numbers become texts; numbers with a fraction are refused: a float that was an id has lost digits.

    :param values: ids as a list or a database gives them.
    :param what: what the list is, in the caller's words.
    :raises InvalidCustomerId: if one of them cannot be asked for; says how many and where, never which.
    """
    checking = _Checking(what)
    ids = list(dict.fromkeys(checking.checked(values)))
    checking.raise_if_refused()
    return ids


class _Checking:
    """Takes ids as they come, and remembers where those are that cannot be asked for."""

    def __init__(self, what: str = "customers") -> None:
        self._what = what
        self._taken = self._refused = 0
        self._shown: list[str] = []

    def checked(self, values: Iterable[object]) -> Iterator[str]:
        """Yield those of the values that can be asked for, as texts."""
        rest = iter(values)
        while part := list(islice(rest, FETCH_ROWS)):
            if are_plain_ids(part):
                self._taken += len(part)
                yield from part
            else:
                yield from self._each_checked(part)

    def _each_checked(self, values: Iterable[object]) -> Iterator[str]:
        for value in values:
            try:
                yield checked_customer_id(_as_text(value))
            except InvalidCustomerId as error:
                self._refused += 1
                if self._refused <= _SHOWN_POSITIONS:
                    self._shown.append(f"{self._what}[{self._taken}]: {error}")
            self._taken += 1

    def raise_if_refused(self) -> None:
        """Say how many cannot be asked for and where they are, never which.

        :raises InvalidCustomerId: if there are any.
        """
        if self._refused:
            more = f" (and {self._refused - _SHOWN_POSITIONS:,} more)" if self._refused > _SHOWN_POSITIONS else ""
            raise InvalidCustomerId("; ".join(self._shown) + more)


def _as_text(value: object) -> object:
    return str(int(value)) if is_writable_number(value) else value


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
    :raises ValueError: if one of them is not a text, or a task's output.
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
                    f"{name} of {type(self).__name__} should be a text, is {shown(value)}; write "
                    f'{type(self).__name__}("marketing.segment_history", segment="VIP", conn_id="warehouse")'
                )
        for name in ("as_of", "since"):
            _refuse_outputs(f"{name} of {type(self).__name__}", getattr(self, name))

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
        if not is_nothing(moment):
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise InvalidCustomers(
        f"{name} is {shown(value)}, which is no moment; write an ISO 8601 time in UTC such as 2026-01-31T00:00:00+00:00"
        ", or where it is a template let it be rendered: Airflow does that for a task; for an estimate call the "
        "operator's render_template_fields(context) before"
    )
