"""What a finished pull tells the assets a task updates."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from airflow.sdk import Asset

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_voucherify.api.models import JsonObject

log = logging.getLogger(__name__)

#: Those a run does not tell are left out.
_TOLD = ("customers", "memberships", "entered", "left", "calls", "strategy", "manifest")


def emit_outlets(context: Context, outlets: Sequence[object], summary: JsonObject, as_of: datetime) -> None:
    """Put a run's counts into the event of each asset among a task's outlets; outlets of other kinds get none.

    :param context: the task's context.
    :param outlets: ``operator.outlets``: what the user put there.
    :param summary: what the run tells.
    :param as_of: when the run was published (UTC).
    """
    extra: JsonObject = {name: summary[name] for name in _TOLD if name in summary}
    extra["as_of"] = as_of.isoformat()
    for outlet in outlets:
        if isinstance(outlet, Asset):
            context["outlet_events"][outlet].extra.update(extra)
        else:
            log.info("The outlet of type %s is no asset: it gets no counts", type(outlet).__name__)
