"""Where a pull's rows come from and where they go, as OpenLineage says it; imported where OpenLineage is installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast
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

from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from airflow_provider_voucherify.load.columns import columns_of_table
from airflow_provider_voucherify.load.destinations import Destination, ObjectFiles, TableName, WarehouseTable, XComRows
from airflow_provider_voucherify.load.exports.destinations import ExportTable, column_of
from airflow_provider_voucherify.load.files.formats import schema_of
from airflow_provider_voucherify.operators.places import hook_of
from airflow_provider_voucherify.operators.pulling.sinks import columns_of
from airflow_provider_voucherify.pull.customers.sources import CustomerQuery

D = TypeVar("D")

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.sql.hooks.sql import DbApiHook
    from airflow.providers.openlineage.sqlparser import DatabaseInfo

    from airflow_provider_voucherify.api.models import JsonObject
    from airflow_provider_voucherify.operators.exporting.arguments import ExportTerms
    from airflow_provider_voucherify.operators.pulling.question import PullTerms


def lineage_of(terms: PullTerms, summary: JsonObject | None) -> OperatorLineage[Dataset, RunFacet]:
    """Return the data sets of a task that ran.

    :param summary: of the run; without one, as after a failure, nothing was written.
    :returns: inputs are the Voucherify project and the tables of a query; the output is the table or directory.
    """
    inputs = [_project(terms.voucherify_conn_id), *_queried(terms)]
    outputs: list[Dataset] = [] if summary is None else [*_outputs(terms, summary)]
    return OperatorLineage(inputs=inputs, outputs=outputs)


def lineage_of_export(terms: ExportTerms, summary: JsonObject | None) -> OperatorLineage[Dataset, RunFacet]:
    """Return the data sets of an export that ran.

    :param summary: of the run; without one, as after a failure, nothing was written.
    :returns: the input is the Voucherify project; the output is the table or directory.
    """
    destination = _written(terms.destination, summary)
    place = None if summary is None or isinstance(destination, XComRows) else _named(destination)
    inputs = [_project(terms.voucherify_conn_id)]
    if place is None or summary is None:
        return OperatorLineage(inputs=inputs)
    kinds = destination.types if isinstance(destination, ExportTable) else {}
    fields = [SchemaDatasetFacetFields(column_of(name), kinds.get(name, "text")) for name in terms.wanted.fields]
    return OperatorLineage(inputs=inputs, outputs=[_output(place, fields, summary, "rows")])


def _project(conn_id: str) -> Dataset:
    settings = VoucherifyHook(conn_id).settings
    return Dataset(namespace=f"voucherify://{urlsplit(settings.base_url).netloc}", name=settings.app_id)


def _queried(terms: PullTerms) -> Sequence[Dataset]:
    """Return the tables a query reads; the query itself may name customers, so it is not told."""
    query = terms.customers
    database = _Database.of(query.conn_id) if isinstance(query, CustomerQuery) else None
    if database is None or not isinstance(query, CustomerQuery):
        return []
    parser = SQLParser(database.dialect, database.hook.get_openlineage_default_schema())
    parsed = parser.generate_openlineage_metadata_from_sql(
        query.sql, database.hook, database.info, use_connection=False
    )
    return list(parsed.inputs)


def _outputs(terms: PullTerms, summary: JsonObject) -> list[OutputDataset]:
    destination = _written(terms.destination, summary)
    place = None if isinstance(destination, XComRows) else _named(destination)
    return [] if place is None else [_output(place, _fields(terms, destination), summary, "memberships")]


def _named(destination: WarehouseTable | ExportTable | ObjectFiles) -> tuple[str, str] | None:
    """Return namespace and name of a table or directory; ``None`` if the database's hook tells nothing."""
    if isinstance(destination, ObjectFiles):
        return _place_of(destination.url)
    database = _Database.of(destination.conn_id)
    if database is None:
        return None
    return SQLParser.create_namespace(database.info), database.name_of(destination.validate())


def _output(
    place: tuple[str, str], fields: list[SchemaDatasetFacetFields], summary: JsonObject, counted: str
) -> OutputDataset:
    statistics = OutputStatisticsOutputDatasetFacet(
        rowCount=_count(summary, counted), fileCount=_count(summary, "files")
    )
    facets: dict[str, DatasetFacet] = {"schema": SchemaDatasetFacet(fields=fields)}
    return OutputDataset(*place, facets=facets, outputFacets={"outputStatistics": statistics})


def _written(destination: D, summary: JsonObject | None) -> D | ObjectFiles:
    """Return where the rows went: files, where they were too many for XCom."""
    if isinstance(destination, XComRows) and destination.overflow and "manifest" in (summary or {}):
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
        hook = cast("DbApiHook", hook_of(conn_id))
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


def _fields(terms: PullTerms, destination: Destination) -> list[SchemaDatasetFacetFields]:
    file_format = destination.format if isinstance(destination, ObjectFiles) else "parquet"
    columns, own = columns_of(terms), list[str]()
    if isinstance(destination, WarehouseTable):
        columns, own = columns_of_table(destination.write, columns), [*destination.extra_columns]
    ours = [SchemaDatasetFacetFields(one["name"], one["type"]) for one in schema_of(file_format, columns)]
    return [*ours, *map(SchemaDatasetFacetFields, own)]


def _count(summary: JsonObject, name: str) -> int | None:
    value = summary.get(name)
    return value if isinstance(value, int) else None
