"""Which table of which kind a write mode publishes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_voucherify.load.sql.history_target import HistoryTarget
from airflow_provider_voucherify.load.sql.target import Target

if TYPE_CHECKING:
    from airflow_provider_voucherify.load.base import RunIdentity
    from airflow_provider_voucherify.load.columns import RowColumns
    from airflow_provider_voucherify.load.destinations import TableName, WriteMode
    from airflow_provider_voucherify.load.sql.extra_columns import ExtraColumns


def target_of(
    name: TableName,
    schema: str | None,
    write: WriteMode,
    identity: RunIdentity,
    min_ratio: float | None,
    extra: ExtraColumns,
    columns: RowColumns,
) -> Target:
    """Return the target of a write mode.

    :param min_ratio: the circuit breaker, see ``WarehouseTable``.
    :param extra: values for columns of the user's own, by name.
    :raises InvalidDestination: if the name leaves no room for those of the tables beside it.
    """
    if write == "history":
        return HistoryTarget.of_run(name, schema, identity, min_ratio=min_ratio, columns=columns, extra_columns=extra)
    return Target.of(name, schema, write, identity.key, min_ratio=min_ratio, columns=columns, extra_columns=extra)
