"""Pure: the key that tells Voucherify a repeated publication from a new one."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

#: Once per campaign, whichever Dag asks.
PER_CAMPAIGN = "campaign"
#: Once per Dag run.
PER_RUN = "run"
_PREFIX = "airflow-"
_DIGEST_BYTES = 20


def per(once_per: str, dag_id: str, logical_date: datetime | None, run_id: str) -> str:
    """Return what a customer gets one code per, in words that also stand in the table of outcomes.

    :param once_per: ``run``, ``campaign``, or a text of the Dag author's own such as ``2026-01``.
    :param logical_date: of the Dag run; where it has none its ``run_id`` stands in.
    :returns: ``campaign``, ``run of <Dag> at <UTC time>``, ``run of <Dag> named <run id>`` or ``own <text>``: four
        forms that no two different meanings share.
    """
    if once_per == PER_CAMPAIGN:
        return PER_CAMPAIGN
    if once_per != PER_RUN:
        return f"own {once_per}"
    if logical_date is None:
        return f"run of {dag_id} named {run_id}"
    return f"run of {dag_id} at {logical_date.astimezone(UTC).isoformat()}"


def publication_source_id(once_per: str, campaign_id: str, customer_id: str) -> str:
    """Return the ``source_id`` of a publication: the same for the same three values, in every try and every run.

    A hash, so that its length is bounded whatever the names are, and nobody reads a customer from it. The values
    are hashed as a JSON list: no two triples are written alike.

    :param once_per: what :func:`per` returned.
    :param campaign_id: ``camp_...``, not the name, which may change.
    :param customer_id: Voucherify's id (``cust_...``), so that a customer has one key under all of its names.
    :returns: ``airflow-`` and 40 hexadecimal digits.
    """
    written = json.dumps([once_per, campaign_id, customer_id]).encode()
    return _PREFIX + hashlib.blake2b(written, digest_size=_DIGEST_BYTES).hexdigest()
