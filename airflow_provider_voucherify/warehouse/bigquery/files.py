"""Many rows into BigQuery: one Parquet file and one load job; in a transaction, which takes no load jobs, by INSERT.

Imports SQLAlchemy when it is imported.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Context, Decimal
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import BigInteger, Boolean, Date, DateTime, Double, Numeric, Table, insert
from sqlalchemy.schema import CreateTable

from airflow_provider_voucherify.warehouse.bigquery.client import client_of, driver_errors, full_name, run_where_it_is
from airflow_provider_voucherify.warehouse.bigquery.turns import has_turn, remove_at_the_end

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy.engine import Connection
    from sqlalchemy.types import TypeEngine

    Row: TypeAlias = Sequence[object]

#: Of a statement, at most.
_MOST_PARAMETERS = 10_000
_ROWS_PER_BATCH = 10_000


def create_passing(connection: Connection, table: Table) -> None:
    """Create a table that is removed with the connection, or by BigQuery after a day: of temporary tables there a load
    job knows nothing."""
    # SQLAlchemy's dialect takes a moment of this machine's clock only.
    definition = str(CreateTable(table).compile(connection)).replace("CREATE TABLE", "CREATE OR REPLACE TABLE", 1)
    lasting = "OPTIONS (expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 DAY))"
    connection.exec_driver_sql(f"{definition} {lasting}")
    remove_at_the_end(connection, full_name(connection, table))


def insert_many(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    """Add rows to a table.

    :param rows: with a value for every column, in the table's order.
    :raises sqlalchemy.exc.DBAPIError: if BigQuery refuses them, or of a load job the driver's own error.
    """
    rest = iter(rows)
    if has_turn(connection):
        names = table.columns.keys()
        insert_values(connection, table, (dict(zip(names, row, strict=True)) for row in rest))
    elif (first := next(rest, None)) is not None:
        _load(connection, table, chain([first], rest))


def insert_values(connection: Connection, table: Table, rows: Iterable[Mapping[str, object]]) -> None:
    """Add rows by as few statements as may be: of an ``executemany`` each row would be a job."""
    rest, at_a_time = iter(rows), _MOST_PARAMETERS // len(table.columns)
    while part := list(islice(rest, at_a_time)):
        connection.execute(insert(table).values(part))


def _load(connection: Connection, table: Table, rows: Iterator[Row]) -> None:
    from google.cloud.bigquery import LoadJobConfig

    config = LoadJobConfig(source_format="PARQUET", create_disposition="CREATE_NEVER", write_disposition="WRITE_APPEND")
    config.decimal_target_types = ["NUMERIC", "BIGNUMERIC"]  # the first that has room; by itself none is the second
    with tempfile.TemporaryDirectory(prefix="voucherify_") as directory:
        path = Path(directory, "rows.parquet")
        _write_file(path, table, rows)
        client = client_of(connection)
        run_where_it_is(connection, table.schema)
        with driver_errors(connection), path.open("rb") as file:
            size, name = path.stat().st_size, full_name(connection, table)
            client.load_table_from_file(file, name, size=size, job_config=config).result()


def _write_file(path: Path, table: Table, rows: Iterator[Row]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # A column that may be null in the file would make one so in the table, and is refused.
    schema = pa.schema([pa.field(one.name, _arrow_type(one.type), nullable=one.nullable) for one in table.columns])
    with pq.ParquetWriter(path, schema) as writer:
        while batch := list(islice(rows, _ROWS_PER_BATCH)):
            columns = [
                pa.array(_rounded(values, field.type), field.type)
                for values, field in zip(zip(*batch, strict=True), schema, strict=True)
            ]
            writer.write_batch(pa.record_batch(columns, schema=schema))


def _rounded(values: Sequence[object], type_: pa.DataType) -> Sequence[object]:
    """Return decimals with as many digits behind the point as their column has, where others round by themselves."""
    import pyarrow as pa

    if not pa.types.is_decimal(type_):
        return values
    last, rules = Decimal(1).scaleb(-type_.scale), Context(prec=2 * type_.precision)
    return [value.quantize(last, context=rules) if isinstance(value, Decimal) else value for value in values]


def _arrow_type(type_: TypeEngine[object]) -> pa.DataType:
    import pyarrow as pa

    if isinstance(type_, Numeric) and isinstance(type_.precision, int) and isinstance(type_.scale, int):
        return pa.decimal128(type_.precision, type_.scale)
    by_class = {
        DateTime: pa.timestamp("us", tz="UTC"),
        Date: pa.date32(),
        Boolean: pa.bool_(),
        BigInteger: pa.int64(),
        Double: pa.float64(),
    }
    return next((found for class_, found in by_class.items() if isinstance(type_, class_)), pa.string())
