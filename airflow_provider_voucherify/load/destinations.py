"""Where rows go, as Dag authors write it; imported at every parse of a Dag file, so nothing heavy here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import timedelta
from typing import ClassVar, Literal, NamedTuple, TypeAlias, get_args
from urllib.parse import urlsplit

from airflow_provider_voucherify.api.errors import shown
from airflow_provider_voucherify.load.columns import ExtraColumns, check_extra_columns
from airflow_provider_voucherify.load.errors import InvalidDestination

#: A log last written longer ago than this belongs to a run nobody resumed: the next run removes it.
LEFTOVER_AGE = timedelta(days=7)

#: How a stage begins that is a volume of Databricks'.
VOLUMES = "/Volumes/"

WriteMode: TypeAlias = Literal["append", "replace", "merge", "history"]
FileFormat: TypeAlias = Literal["parquet", "jsonl"]

_QUOTES = {'"': '"', "`": "`", "'": "'", "[": "]"}
_TEMPLATE_MARKS = ("{{", "{%", "{#")


class TableName(NamedTuple):
    """A table's name cut at its dots; the parts are taken literally, quoting is left to SQLAlchemy."""

    database: str | None
    schema: str | None
    table: str

    @classmethod
    def parse(cls, text: str) -> TableName:
        """Cut ``table``, ``schema.table`` or ``database.schema.table``.

        :raises InvalidDestination: if a part is empty, padded, quoted or holds control characters,
            or there are more than three.
        """
        check_text("table", text)
        parts = text.split(".")
        if len(parts) > 3:
            raise InvalidDestination(
                f"table={shown(text)} has {len(parts)} parts: write table, schema.table or database.schema.table"
            )
        for part in parts:
            _check_part(text, part)
        *outer, table = parts
        schema = outer.pop() if outer else None
        return cls(outer.pop() if outer else None, schema, table)

    def __str__(self) -> str:
        """Return the name with its dots, unquoted."""
        return ".".join(part for part in self if part is not None)


def check_text(name: str, value: object) -> None:
    """Check that a value is a text that says something; a native template may make it something else.

    :raises InvalidDestination: if it is none.
    """
    if not isinstance(value, str) or not value.strip():
        raise InvalidDestination(f"{name}={shown(value)} should be a text that is not empty")


def is_whole_number(value: object, least: int) -> bool:
    """Return whether a value is a whole number of at least so much; a truth value is none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def check_directory(name: str, url: str, example: str) -> None:
    """Check the rendered URL of a directory.

    :param name: the argument's.
    :param example: what to write instead, for the error's text.
    :raises InvalidDestination: if it is no directory's.
    """
    check_text(name, url)
    # Neither a part before an @ nor a query is quoted: there are keys in them.
    bare, query, _ = url.partition("?")
    quoted = name if "@" in url else f"{name}={shown(bare + query)}"
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InvalidDestination(f"{quoted} is no URL: {example}") from None
    if "@" in (parts.netloc or parts.path.partition("/")[0]):
        conn_id = "conn_id" if name == "url" else f"{name}_conn_id"
        raise InvalidDestination(f"{name} has a part before the @: name the connection in {conn_id}; {example}")
    if not parts.scheme or url != url.strip() or not url.isprintable():
        raise InvalidDestination(f"{quoted} is no URL: {example}")
    if parts.query or parts.fragment or "//" in parts.path or not parts.path.strip("/"):
        raise InvalidDestination(f"{quoted} names no directory below a bucket or root: {example}")
    if (parts.scheme == "file" and parts.netloc) or {".", ".."} & set(parts.path.split("/")):
        raise InvalidDestination(f"{quoted} is relative: write it in full; {example}")


def _is_template(text: str) -> bool:
    return any(mark in text for mark in _TEMPLATE_MARKS)


def _check_part(text: str, part: str) -> None:
    if not part:
        raise InvalidDestination(f"table={shown(text)} has an empty part: write table or schema.table")
    if part != part.strip() or not part.isprintable():
        raise InvalidDestination(f"table={shown(text)} has blanks around a part or control characters: remove them")
    if _is_quoted(part):
        bare = ".".join(one[1:-1] if _is_quoted(one) else one for one in text.split("."))
        raise InvalidDestination(f"table={shown(text)} is quoted: write {bare}, quoting is done for you")


def _is_quoted(part: str) -> bool:
    return len(part) > 1 and _QUOTES.get(part[0]) == part[-1]


def check_min_ratio(ratio: float | None, write: WriteMode) -> None:
    """Check the tolerance of a table's circuit breaker.

    :raises InvalidDestination: if it is no part of a whole, or the write mode takes nothing's place.
    """
    if ratio is None:
        return
    if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0 < ratio <= 1:
        raise InvalidDestination(
            f"min_ratio_to_previous={shown(ratio)} should be a number above 0 and up to 1, such as 0.8"
        )
    if write == "append":
        raise InvalidDestination(
            "min_ratio_to_previous compares with the rows a run takes the place of, and write='append' takes no "
            "other run's: leave it out, or use write='merge' or write='replace'"
        )


def shown_whole(destination: Destination) -> str:
    """Return a destination with all that was given, also what ``repr`` leaves out as it makes no other job."""
    names = [one.name for one in fields(destination) if one.repr or getattr(destination, one.name) != _default(one)]
    return f"{type(destination).__name__}({', '.join(f'{name}={getattr(destination, name)!r}' for name in names)})"


def _default(one: Field[object]) -> object:
    return one.default if one.default_factory is MISSING else one.default_factory()


@dataclass
class SqlTable:
    """A table of a SQL database, as Dag authors name it: what is common to all destinations that are one."""

    template_fields: ClassVar[Sequence[str]] = ("table", "conn_id")

    table: str
    conn_id: str

    def __post_init__(self) -> None:
        for name, value in (("table", self.table), ("conn_id", self.conn_id)):
            check_text(name, value)
        if not _is_template(self.table):
            self.validate()

    def validate(self) -> TableName:
        """Check the rendered values; call it after Airflow has rendered the templates.

        :returns: the table's name in parts.
        :raises InvalidDestination: if a value is empty or not a table name.
        """
        check_text("conn_id", self.conn_id)
        return TableName.parse(self.table)


@dataclass
class WarehouseTable(SqlTable):
    """Rows go to a table of a SQL database: one row per customer and segment.

    The table is created if it is missing: ``customer_id``, ``segment_id``, ``segment_name`` and
    ``observed_at`` (UTC), with ``run_key`` as well for ``append``, ``valid_from`` and ``valid_to`` (UTC) for
    ``history``. Readers see the whole run or nothing of it.
    A customer whose question failed keeps the rows it had before, in every mode.

    :param table: ``table``, ``schema.table`` or ``database.schema.table``, unquoted and in the case the
        database stores; may be a Jinja template.
    :param conn_id: Airflow connection of the database; may be a Jinja template.
    :param write: ``merge`` replaces the memberships of this run's customers and leaves other customers alone;
        ``replace`` makes the whole table this run's (not for mapped tasks: the last one would win);
        ``append`` adds this run's rows to those of earlier runs; ``history`` keeps each membership with the
        logical dates at which it began and ended, see ``docs/history.md``. A re-run of the same Dag run replaces
        its own rows, never doubles them. A run that is about some segments only touches rows of these segments: rows
        of others stay, in ``replace`` as well.
    :param min_ratio_to_previous: a circuit breaker for all modes but ``append``, above 0 and up to 1, such as 0.8: a
        run that would put fewer memberships into the table than this part of those it removes fails, and the table
        stays as it is; a history compares with those it has just before the run's date. What was asked is kept: a
        retry with another value costs no call.
    :param extra_columns: columns of your own and the value each gets in the rows of a run, such as
        ``{"ds": "{{ ds }}"}``: str, int, float, bool, date or None; values may be Jinja templates, which render to
        text. Rows that earlier runs wrote and this one leaves alone keep theirs; so do open intervals of a history.
    :param stage: for Redshift a directory in S3, such as ``s3://bucket/loading/``, for Databricks a volume, such as
        ``/Volumes/catalog/schema/volume``, from which it copies the rows of a run, however many; they are removed from
        it afterwards. Without one they go in by INSERT, up to 100,000 of them. Refused with other databases, before
        any call. May be a Jinja template.
    :param stage_conn_id: Airflow connection of a stage in S3, ``None`` for what the environment gives; may be a
        template.
    :raises InvalidDestination: if a value cannot be used.
    """

    template_fields: ClassVar[Sequence[str]] = ("table", "conn_id", "extra_columns", "stage", "stage_conn_id")

    write: WriteMode = "merge"
    # Left out of repr, which tells one job from another: with another tolerance it is the same job, and what it
    # has asked still counts.
    min_ratio_to_previous: float | None = field(default=None, repr=False)
    # Left out too: the values are written at the end, to all rows alike. A template that renders otherwise in each
    # try must not cost the answers of the tries before.
    extra_columns: ExtraColumns = field(default_factory=dict, repr=False)
    # And these: rows only pass there, after all was asked.
    stage: str | None = field(default=None, repr=False)
    stage_conn_id: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Return all there is, as Airflow's view of the rendered fields shows it."""
        return shown_whole(self)

    def __post_init__(self) -> None:
        if self.write not in get_args(WriteMode):
            known = ", ".join(repr(mode) for mode in get_args(WriteMode))
            raise InvalidDestination(f"write={shown(self.write)} is not known: use one of {known}")
        check_min_ratio(self.min_ratio_to_previous, self.write)
        check_extra_columns(self.extra_columns)
        self._check_stage()
        super().__post_init__()

    def validate(self) -> TableName:
        """Check the rendered values, the user's own columns among them.

        :returns: the table's name in parts.
        :raises InvalidDestination: if a value is empty or not a table name.
        """
        check_extra_columns(self.extra_columns)
        self._check_stage()
        return super().validate()

    def _check_stage(self) -> None:
        is_volume = isinstance(self.stage, str) and self.stage.startswith(VOLUMES)
        if is_volume and self.stage_conn_id is not None:
            raise InvalidDestination(
                f"stage={shown(self.stage)} is reached by the table's connection: leave stage_conn_id out"
            )
        if self.stage is not None and not is_volume and not _is_template(self.stage):
            check_directory("stage", self.stage, "write s3://bucket/loading/, or /Volumes/catalog/schema/volume")
        if self.stage_conn_id is None:
            return
        check_text("stage_conn_id", self.stage_conn_id)
        if self.stage is None:
            raise InvalidDestination(
                f"stage_conn_id={shown(self.stage_conn_id)} without a stage: name one, or leave it out"
            )


@dataclass
class ObjectFiles:
    """Rows go to files in a directory, local or in an object store: one row per customer and segment.

    ``manifest.json`` is written last and names the files that count, with their rows; files it does not name are
    none of the result. The directory holds one run: the next one, or the same one again, takes its place. A run
    that fails leaves manifest and parts as they were; of ``failures.jsonl`` it writes its own.

    :param url: the directory, such as ``s3://bucket/segments/ds={{ ds }}/`` or ``file:///data/segments``; may be a
        Jinja template. Mapped tasks need a directory each: ``.../part={{ ti.map_index }}/``.
    :param conn_id: Airflow connection of the store, ``None`` for what the environment gives; may be a template.
    :param format: ``parquet``, which needs the extra ``files`` of this package, or ``jsonl``: a JSON object a line.
    :raises InvalidDestination: if a value cannot be used.
    """

    template_fields: ClassVar[Sequence[str]] = ("url", "conn_id")

    url: str
    conn_id: str | None = None
    format: FileFormat = "parquet"

    def __post_init__(self) -> None:
        if self.format not in get_args(FileFormat):
            known = ", ".join(repr(name) for name in get_args(FileFormat))
            raise InvalidDestination(f"format={shown(self.format)} is not known: use one of {known}")
        check_text("url", self.url)
        if not _is_template(self.url):
            self.validate()

    def validate(self) -> None:
        """Check the rendered values; call it after Airflow has rendered the templates.

        :raises InvalidDestination: if the URL is no directory's, or the connection's name is empty.
        """
        check_directory("url", self.url, "write s3://bucket/segments/ds={{ ds }}/ or file:///data/segments")
        if self.conn_id is not None:
            check_text("conn_id", self.conn_id)


@dataclass
class XComRows:
    """Rows go to XCom as a list of plain dicts, for results small enough for Airflow's metadata database.

    Besides ``max_rows`` a list is held to 1 MiB of JSON. Beyond either the rows go to the files of ``overflow``, and
    the task's result is the summary with ``manifest``, as that of ``ObjectFiles``, instead of the list. Without
    ``overflow`` the task fails as soon as it is known that there are too many.

    :param max_rows: memberships at most.
    :param overflow: where the rows of a larger result go. The run is held in its directory all along, so that nothing
        is asked again, and a retry goes on where an earlier try was on any version of Airflow.
    :raises InvalidDestination: if ``max_rows`` is not a whole number above zero, or ``overflow`` no ``ObjectFiles``.
    """

    template_fields: ClassVar[Sequence[str]] = ("overflow",)

    # Left out of repr, which tells one job from another: where more rows are allowed, what was asked still counts.
    max_rows: int = field(default=10_000, repr=False)
    overflow: ObjectFiles | None = None

    def __str__(self) -> str:
        """Return all there is, as Airflow's view of the rendered fields shows it."""
        return shown_whole(self)

    def __post_init__(self) -> None:
        if not is_whole_number(self.max_rows, 1):
            raise InvalidDestination(f"max_rows={shown(self.max_rows)} should be a whole number above zero")
        if self.overflow is not None and not isinstance(self.overflow, ObjectFiles):
            raise InvalidDestination(
                f"overflow is {type(self.overflow).__name__}: write ObjectFiles(...), or leave it out"
            )


Destination: TypeAlias = WarehouseTable | XComRows | ObjectFiles
