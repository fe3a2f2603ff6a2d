"""Where a pull's rows come from and where they go, as OpenLineage says it; imported where OpenLineage is installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow.providers.common.compat.openlineage.facet import (
    Dataset,
    DatasetFacet,
    OutputDataset,
    OutputStatisticsOutputDatasetFacet,
    RunFacet,
    SchemaDatasetFacet,
    SchemaDatasetFacetFields,
)
from airflow.providers.openlineage.extractors import OperatorLineage
from airflow.providers.openlineage.sqlparser import SQLParser
from airflow.sdk import BaseHook

from airflow_provider_voucherify.extract.customers import AllCustomers, CustomerQuery
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from airflow_provider_voucherify.load.destinations import Destination, ObjectFiles, TableName, WarehouseTable, XComRows
from airflow_provider_voucherify.load.file_formats import schema_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.sql.hooks.sql import DbApiHook
    from airflow.providers.openlineage.sqlparser import DatabaseInfo

    from airflow_provider_voucherify.api.models import JsonObject
    from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator


def lineage_of(operator: CustomerSegmentsOperator) -> OperatorLineage[Dataset, RunFacet]:
    """Return the data sets of a task that ran.

    :param operator: rendered; without a summary, as after a failure, nothing was written.
    :returns: inputs are the Voucherify project and the tables of a query; the output is the table or directory.
    """
    inputs = [_project(operator), *_queried(operator)]
    outputs: list[Dataset] = [] if operator.summary is None else [*_outputs(operator, operator.summary)]
    return OperatorLineage(inputs=inputs, outputs=outputs)


def _project(operator: CustomerSegmentsOperator) -> Dataset:
    settings = VoucherifyHook(operator.voucherify_conn_id).settings
    return Dataset(namespace=f"voucherify://{urlsplit(settings.base_url).netloc}", name=settings.app_id)


def _queried(operator: CustomerSegmentsOperator) -> Sequence[Dataset]:
    """Return the tables a query reads; the query itself may name customers, so it is not told."""
    query = operator.customers
    database = _Database.of(query.conn_id) if isinstance(query, CustomerQuery) else None
    if database is None or not isinstance(query, CustomerQuery):
        return []
    parser = SQLParser(database.dialect, database.hook.get_openlineage_default_schema())
    parsed = parser.generate_openlineage_metadata_from_sql(
        query.sql, database.hook, database.info, use_connection=False
    )
    return list(parsed.inputs)


def _outputs(operator: CustomerSegmentsOperator, summary: JsonObject) -> list[OutputDataset]:
    destination = _written(operator)
    if isinstance(destination, WarehouseTable):
        database = _Database.of(destination.conn_id)
        if database is None:
            return []
        namespace, name = SQLParser.create_namespace(database.info), database.name_of(destination.validate())
    elif isinstance(destination, ObjectFiles):
        namespace, name = _place_of(destination.url)
    else:
        return []
    statistics = OutputStatisticsOutputDatasetFacet(
        rowCount=_count(summary, "memberships"), fileCount=_count(summary, "files")
    )
    facets: dict[str, DatasetFacet] = {"schema": SchemaDatasetFacet(fields=_fields(operator))}
    return [OutputDataset(namespace, name, facets=facets, outputFacets={"outputStatistics": statistics})]


def _written(operator: CustomerSegmentsOperator) -> Destination:
    """Return where the rows went: files, where they were too many for XCom."""
    destination = operator.destination
    if isinstance(destination, XComRows) and destination.overflow and "manifest" in (operator.summary or {}):
        return destination.overflow
    return destination


@dataclass(frozen=True, slots=True)
class _Database:
    hook: DbApiHook
    info: DatabaseInfo
    dialect: str

    @classmethod
    def of(cls, conn_id: str) -> _Database | None:
        """Return what the connection's hook tells OpenLineage; ``None`` if it tells nothing."""
        hook = BaseHook.get_hook(conn_id)
        connection = BaseHook.get_connection(conn_id)
        if not hasattr(hook, "get_openlineage_database_info"):
            return None
        info = hook.get_openlineage_database_info(connection)
        return None if info is None else cls(hook, info, hook.get_openlineage_database_dialect(connection))

    def name_of(self, table: TableName) -> str:
        """Return the table's name as OpenLineage writes it: ``database.schema.table``."""
        schema = table.schema or self.hook.get_openlineage_default_schema()
        parts = (table.database or self.info.database, schema, table.table)
        name = ".".join(part for part in parts if part)
        return name.upper() if self.info.is_uppercase_names else name


def _place_of(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    if parts.scheme == "file":
        return "file", parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}", parts.path.strip("/")


def _fields(operator: CustomerSegmentsOperator) -> list[SchemaDatasetFacetFields]:
    is_about_everyone = isinstance(operator.customers, AllCustomers)
    destination = _written(operator)
    file_format = destination.format if isinstance(destination, ObjectFiles) else "parquet"
    columns = schema_of(file_format, with_source_id=is_about_everyone)
    fields = [SchemaDatasetFacetFields(name=column["name"], type=column["type"]) for column in columns]
    if isinstance(destination, WarehouseTable):
        if destination.write == "append":
            fields.insert(0, SchemaDatasetFacetFields(name="run_key", type="string"))
        if destination.write == "history":
            moment = next(field.type for field in fields if field.name == "observed_at")
            place = 1 + [field.name for field in fields].index("segment_name")
            fields[place:place] = [SchemaDatasetFacetFields(name, moment) for name in ("valid_from", "valid_to")]
        fields += [SchemaDatasetFacetFields(name) for name in destination.extra_columns]
    return fields


def _count(summary: JsonObject, name: str) -> int | None:
    value = summary.get(name)
    return value if isinstance(value, int) else None
