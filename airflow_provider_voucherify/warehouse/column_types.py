"""The types of our columns, database by database; imports SQLAlchemy when it is imported."""

from __future__ import annotations

import uuid
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import TypeAlias, cast

from sqlalchemy import (
    REAL,
    TIMESTAMP,
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Double,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Text,
    Time,
    Uuid,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine, UserDefinedType

from airflow_provider_voucherify.warehouse.traits import MYSQL

#: Of a text of Redshift's, at most.
_REDSHIFT_BYTES = 65_535
_PACKED_BYTES = {"redshift": _REDSHIFT_BYTES // 4 * 3, "bigquery": 6_000_000}
#: Begins texts that are packed; JSON, which they are else, does not begin so.
_PACKED = "zlib:"
#: Databases whose drivers send no bytes as we would have them: these are written as text.
_BYTES_AS_TEXT = ("redshift", "databricks")

_Named: TypeAlias = (
    Boolean
    | Date
    | DateTime
    | Integer
    | LargeBinary
    | NullType
    | Numeric[Decimal]
    | REAL[float]
    | String
    | Time
    | Uuid[uuid.UUID]
)
#: Decimals: of the other numbers a catalog tells digits of another kind.
_FIXED_POINT = frozenset(("BIGNUMERIC", "DECIMAL", "NUMBER", "NUMERIC"))
_NAMED: Mapping[str, _Named] = MappingProxyType(
    {
        **dict.fromkeys(
            ("BIGINT", "BYTE", "INT", "INT64", "INTEGER", "LONG", "SHORT", "SMALLINT", "TINYINT"), Integer()
        ),
        **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT", "UHUGEINT", "BIGNUM"), Integer()),
        **dict.fromkeys(("DECFLOAT", "DOUBLE", "DOUBLE PRECISION", "FLOAT", "FLOAT64"), Numeric()),
        **dict.fromkeys(("DATETIME", "TIMESTAMP", "TIMESTAMP WITHOUT TIME ZONE"), DateTime()),
        **dict.fromkeys(("TIMESTAMP_NS", "TIMESTAMP_NTZ"), DateTime()),
        "TIMESTAMP_S": postgresql.TIMESTAMP(precision=0),
        "TIMESTAMP_MS": postgresql.TIMESTAMP(precision=3),
        **dict.fromkeys(("TIMESTAMP WITH TIME ZONE", "TIMESTAMP_TZ", "TIMESTAMP_LTZ"), DateTime(timezone=True)),
        **dict.fromkeys(("TIME", "TIME_NS", "TIME WITHOUT TIME ZONE", "TIME WITH TIME ZONE"), Time()),
        **dict.fromkeys(("BINARY", "BINARY VARYING", "BIT", "BLOB", "BYTES"), LargeBinary()),
        **dict.fromkeys(("BOOL", "BOOLEAN"), Boolean()),
        **dict.fromkeys(("BPCHAR", "CHAR", "CHARACTER", "CHARACTER VARYING", "STRING", "TEXT", "VARCHAR"), String()),
        "DATE": Date(),
        "REAL": REAL(),
        "UUID": Uuid(),
    }
)


def bounded_text(length: int) -> TypeEngine[str]:
    """Return the type of texts of so many characters, where a database needs to know how many.

    :param length: characters at most.
    """
    return _unbounded_where_free(length).with_variant(_MySqlExactText(length), *MYSQL)


def long_text() -> TypeEngine[str]:
    """Return the type of texts of any length that are not compared."""
    return _long_text(String(_REDSHIFT_BYTES))


def own_text() -> TypeEngine[str]:
    """Return the type of texts of any length that only we read."""
    return _long_text(_TextPackedIfLong())


def _long_text(on_redshift: TypeEngine[str]) -> TypeEngine[str]:
    texts = Text().with_variant(mysql.MEDIUMTEXT(charset="utf8mb4"), *MYSQL)
    return texts.with_variant(on_redshift, "redshift")


def packed_bytes() -> TypeEngine[bytes]:
    """Return the type of packed data, of as much as ``most_packed_bytes`` says."""
    return LargeBinary().with_variant(mysql.MEDIUMBLOB(), *MYSQL).with_variant(_BytesAsText(), *_BYTES_AS_TEXT)


def most_packed_bytes(dialect: Dialect) -> int:
    """Return how much packed data goes into a row, and a statement (bytes).

    Snowflake, and servers of MySQL's as they may be set, take 1 MB in a statement, where each byte may be written as
    two; Redshift has a text of 64 KiB for it. BigQuery takes 10 MB, in base 64, and each row is a job.
    """
    return _PACKED_BYTES.get(dialect.name, 400_000)


def run_key_text() -> TypeEngine[str]:
    """Return the type of a run's key where it is part of a primary key."""
    return _unbounded_where_free(767).with_variant(_MySqlKeyText(767), *MYSQL)


def type_of(value: str | int | float | bool | date | None) -> TypeEngine[object]:
    """Return the column type for a value; text for ``None``."""
    if isinstance(value, bool):
        return cast("TypeEngine[object]", Boolean())
    match value:
        case int():
            return cast("TypeEngine[object]", BigInteger())
        case float():
            return cast("TypeEngine[object]", Double())
        case date():
            return cast("TypeEngine[object]", Date())
        case _:
            return cast("TypeEngine[object]", bounded_text(1000))


def utc_time() -> TypeEngine[datetime]:
    """Return the type of moments, in UTC."""
    # SQLite has no time zones, it stores text. With its offset written out, "2026-01-31 12:00:00.000000+00:00"
    # means one moment to every reader, and SQLAlchemy and pandas read it as an aware datetime.
    text = "%(year)04d-%(month)02d-%(day)02d %(hour)02d:%(minute)02d:%(second)02d.%(microsecond)06d+00:00"
    as_text: TypeEngine[datetime] = sqlite.DATETIME(storage_format=text)  # type: ignore[no-untyped-call]
    moments = DateTime(timezone=True).with_variant(as_text, "sqlite").with_variant(_MySqlUtcTime(), *MYSQL)
    # What DATETIME means to BigQuery has no zone.
    moments = moments.with_variant(_SnowflakeUtcTime(), "snowflake")
    return moments.with_variant(TIMESTAMP(timezone=True), "bigquery").with_variant(_DatabricksUtcTime(), "databricks")


def type_named(
    name: str, precision: int | None, scale: int | None, *, timestamp_has_zone: bool, float_is_single: bool = False
) -> _Named:
    """Return the type that a catalog names; ``NullType`` for those that nobody here asks about.

    :param name: such as ``BIGINT``, ``character varying`` or, DuckDB's, ``DECIMAL(18,2)``.
    :param precision: digits of a decimal, if the catalog tells.
    :param scale: and how many of them are behind the point.
    :param timestamp_has_zone: whether ``TIMESTAMP`` has one: elsewhere it has none.
    :param float_is_single: whether ``FLOAT`` has four bytes: elsewhere it has eight.
    """
    word = name.upper().partition("(")[0]
    if word in _FIXED_POINT:
        return Numeric(precision, scale)
    if word == "FLOAT" and float_is_single:
        word = "REAL"
    return _NAMED.get("TIMESTAMP WITH TIME ZONE" if word == "TIMESTAMP" and timestamp_has_zone else word, NullType())


class SqliteTexts:
    """Writes moments as :func:`utc_time` stores them in SQLite; SQLAlchemy takes ten times as long.

    Answers come by the hundred a second: moments of one second share the text up to it.
    """

    def __init__(self) -> None:
        self._second = datetime.min.replace(tzinfo=UTC)
        self._up_to_second = "0001-01-01 00:00:00."

    def of(self, moment: datetime) -> str:
        """Return a moment's text.

        :param moment: in UTC.
        """
        since = moment - self._second
        if since.seconds or since.days:
            self._second = moment.replace(microsecond=0)
            self._up_to_second = self._second.isoformat(" ").removesuffix("+00:00") + "."
            since = moment - self._second
        return f"{self._up_to_second}{since.microseconds:06d}+00:00"

    def of_all(self, moments: Sequence[datetime]) -> list[str]:
        """Return the text of each moment; one that is there several times in a row, as the same object, is read once.

        :param moments: in UTC.
        """
        texts, last, text = list[str](), None, ""
        for moment in moments:
            if moment is not last:
                last, text = moment, self.of(moment)
            texts.append(text)
        return texts


def mysql_collation(dialect: Dialect) -> str:
    """Return the collation of texts that are equal to no other; it has another name on each of the two servers."""
    return "utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_0900_bin"


def _unbounded_where_free(length: int) -> String:
    # One id longer than foreseen must not fail a run of hours.
    texts = String(length).with_variant(Text(), "postgresql", "sqlite", "duckdb", "snowflake", "bigquery", "databricks")
    # Redshift counts bytes, and takes TEXT for one of 256.
    return texts.with_variant(String(min(4 * length, _REDSHIFT_BYTES)), "redshift")


class _MySqlText(TypeDecorator[str]):
    """Text of so many characters."""

    impl = mysql.VARCHAR
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length


class _MySqlExactText(_MySqlText):
    """Text that is equal to no other: MySQL's own comparison takes ``A`` for ``a``, ``ą`` for ``a`` and a trailing
    blank for none.
    """

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        collation = mysql_collation(dialect)
        return dialect.type_descriptor(mysql.VARCHAR(self.length, charset="utf8mb4", collation=collation))


class _MySqlKeyText(_MySqlText):
    """Text of one byte per character: a key has at most 3,072 bytes on MySQL, and has to hold two ids as well."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        return dialect.type_descriptor(mysql.VARCHAR(self.length, charset="ascii", collation="ascii_bin"))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        """Write what is not ASCII as ``\\u017c``."""
        return None if value is None else value.encode("ascii", "backslashreplace").decode()


class _MySqlUtcTime(TypeDecorator[datetime]):
    """A moment to the microsecond; MySQL keeps seconds if not told otherwise, and its drivers drop the zone."""

    impl = mysql.DATETIME
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime]:
        return dialect.type_descriptor(mysql.DATETIME(fsp=6))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's
        """Write UTC; a moment without a zone is taken as that."""
        return value if value is None or value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)


class _BytesAsText(TypeDecorator[bytes]):
    """Bytes as text: what Redshift has for them, PostgreSQL's drivers do not know, and Databricks' takes none."""

    impl = String(_REDSHIFT_BYTES)
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        """Write bytes in base 64."""
        return None if value is None else b64encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 - SQLAlchemy's
        """Read what was written."""
        return None if value is None else b64decode(value)


class _TextPackedIfLong(TypeDecorator[str]):
    """Text, packed where Redshift has no room for it as it is."""

    impl = String(_REDSHIFT_BYTES)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        """Pack a text, if it is too long."""
        if value is None or len(data := value.encode()) <= _REDSHIFT_BYTES:
            return value
        return _PACKED + b64encode(zlib.compress(data, 9)).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        """Read what was written."""
        if value is None or not value.startswith(_PACKED):
            return value
        return zlib.decompress(b64decode(value.removeprefix(_PACKED))).decode()


class _SnowflakeUtcTime(UserDefinedType[datetime]):
    """Moments with their zone: what ``DATETIME`` means there is the account's to choose, and without one by default."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type's name."""
        return "TIMESTAMP_TZ"


class _DatabricksUtcTime(UserDefinedType[datetime]):
    """Moments: SQLAlchemy's are without a zone there."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type's name."""
        return "TIMESTAMP"
