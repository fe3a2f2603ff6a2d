"""What a finished task hands back, and what it tells the assets it updates."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from airflow.sdk import Asset

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_voucherify.api.models import Json, JsonObject

log = logging.getLogger(__name__)

#: Those a run does not tell are left out.
_TOLD = (
    *("customers", "memberships", "exported_object", "rows", "campaign_id", "published", "updated"),
    *("entered", "left", "calls", "strategy", "manifest"),
)


class Told(NamedTuple):
    """What a try hands back to its operator once the run is over.

    :param result: what the task returns.
    :param summary: the run in numbers.
    :param published_at: when its result became visible (UTC).
    """

    result: Json
    summary: JsonObject
    published_at: datetime


def emit_outlets(context: Context, outlets: Sequence[object], told: Told) -> None:
    """Put a run's counts into the event of each asset among a task's outlets; outlets of other kinds get none.

    :param context: the task's context.
    :param outlets: ``operator.outlets``: what the user put there.
    :param told: of the run.
    """
    extra: JsonObject = {name: told.summary[name] for name in _TOLD if name in told.summary}
    extra["published_at"] = told.published_at.isoformat()
    dag_run = context["dag_run"]
    extra["run_date"] = (dag_run.logical_date or dag_run.run_after).isoformat()
    for outlet in outlets:
        if isinstance(outlet, Asset):
            context["outlet_events"][outlet].extra.update(extra)
        else:
            log.info("The outlet of type %s is no asset: it gets no counts", type(outlet).__name__)
