"""Campaigns and what they give away as frozen values; ``from_json`` is the only place that knows their JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from airflow_provider_voucherify.api.models import (
    Json,
    JsonObject,
    optional_text,
    optional_time,
    required_text,
    storable,
)


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign that gives codes away.

    :param creation_status: ``DONE`` once it can publish; ``None`` where Voucherify does not say.
    :param type: ``STATIC`` runs out of codes, ``AUTO_UPDATE`` makes more.
    :param join_once: whether a customer gets one code of it at most, whoever publishes.
    :param active: whether it is switched on; ``None`` where Voucherify does not say.
    :param expires_at: nothing can be redeemed from then on (UTC).
    :param created_at: UTC; ``None`` where Voucherify does not say.
    """

    id: str
    name: str
    type: str | None = None
    creation_status: str | None = None
    join_once: bool = False
    active: bool | None = None
    expires_at: datetime | None = None
    created_at: datetime | None = None

    @classmethod
    def from_json(cls, data: JsonObject) -> Campaign:
        """Read a campaign.

        :raises UnexpectedShape: if id or name is missing.
        """
        active = data.get("active")
        return cls(
            id=required_text(data, "id"),
            name=required_text(data, "name"),
            type=optional_text(data, "type"),
            creation_status=optional_text(data, "creation_status"),
            join_once=data.get("join_once") is True,
            active=active if isinstance(active, bool) else None,
            expires_at=optional_time(data, "expiration_date"),
            created_at=optional_time(data, "created_at"),
        )

    def to_json(self) -> JsonObject:
        """Return the campaign as JSON, to be read back by ``from_json``."""
        return {
            "id": self.id,
            "name": self.name,
            "type": self.type,
            "creation_status": self.creation_status,
            "join_once": self.join_once,
            "active": self.active,
            "expiration_date": None if self.expires_at is None else self.expires_at.isoformat(),
            "created_at": None if self.created_at is None else self.created_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Publication:
    """A code given to a customer, or an attempt at it; the code is kept out of ``repr``.

    :param result: ``SUCCESS`` or ``FAILURE``.
    :param customer_id: Voucherify's id (``cust_...``).
    :param source_id: the sender's own id of the publication, not the customer's.
    :param campaign_id: ``None`` where Voucherify does not say: lists name the campaign only.
    :param created_at: UTC.
    """

    id: str
    result: str
    customer_id: str
    source_id: str | None = None
    campaign_id: str | None = None
    campaign_name: str | None = None
    code: str | None = field(default=None, repr=False)
    created_at: datetime | None = None

    @classmethod
    def from_json(cls, data: JsonObject) -> Publication:
        """Read a publication, as its request or as a list shows it.

        :raises UnexpectedShape: if its id or the customer's is missing.
        """
        shown, codes = data.get("voucher"), data.get("vouchers")
        voucher = shown if isinstance(shown, dict) else {}
        first = storable(codes[0], "codes") if isinstance(codes, list) and codes else None
        return cls(
            id=required_text(data, "id"),
            result=optional_text(data, "result") or ("FAILURE" if data.get("failure_code") else "SUCCESS"),
            customer_id=required_text(data, "customer_id"),
            source_id=optional_text(data, "source_id"),
            campaign_id=optional_text(voucher, "campaign_id"),
            campaign_name=optional_text(voucher, "campaign"),
            code=optional_text(voucher, "code") or first or None,
            created_at=optional_time(data, "created_at"),
        )

    @property
    def is_success(self) -> bool:
        """Return whether the customer has the code."""
        return self.result == "SUCCESS"


class PublicationResult(StrEnum):
    """What became of one customer who should get a code."""

    PUBLISHED = "published"
    UNKNOWN = "unknown"
    FAILED = "failed"
    NO_VOUCHER = "no_voucher"


@dataclass(frozen=True, slots=True)
class PublicationOutcome:
    """What is known about one customer who should get a code; the code is kept out of ``repr``.

    :param campaign_id: ``camp_...``.
    :param once_per: what the customer gets one code per, as ``publication_key`` writes it.
    :param run_key: the task instance that found it out: ``dag/run/task/map_index``.
    :param recorded_at: when it found it out (UTC).
    :param source_id: the publication's own id, ``None`` if none was sent.
    :param voucherify_id: ``cust_...``; ``None`` for a customer Voucherify does not know.
    :param published_at: UTC; may be earlier than this run: the first answer to the same publication counts.
    :param error_key: why it failed; a short label without ids.
    """

    customer_id: str
    campaign_id: str
    once_per: str
    run_key: str
    recorded_at: datetime
    result: PublicationResult
    campaign_name: str | None = None
    source_id: str | None = None
    voucherify_id: str | None = None
    publication_id: str | None = None
    code: str | None = field(default=None, repr=False)
    published_at: datetime | None = None
    error_key: str | None = None


@dataclass(frozen=True, slots=True)
class AsyncAction:
    """A bulk update at work, or what came of it.

    :param status: ``ENQUEUED``, ``IN_PROGRESS``, ``DONE`` or ``FAILED``; ``DONE`` does not mean that all rows were
        updated.
    :param operation_status: ``SUCCESS``, ``FAILED`` or ``UNKNOWN``, where Voucherify says it.
    :param done_count: rows updated; ``None`` before it is over.
    :param failed_count: rows that were not; ``None`` before it is over.
    :param error_keys: why, one per failed row that Voucherify lists, without ids.
    """

    id: str
    status: str
    operation_status: str | None = None
    progress: int | None = None
    done_count: int | None = None
    failed_count: int | None = None
    error_keys: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: JsonObject) -> AsyncAction:
        """Read an async action.

        :raises UnexpectedShape: if id or status is missing.
        """
        result = data.get("result")
        result = result if isinstance(result, dict) else {}
        listed = result.get("errors")
        errors = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        return cls(
            id=required_text(data, "id"),
            status=required_text(data, "status"),
            operation_status=optional_text(data, "operation_status"),
            progress=_count(data.get("progress")),
            done_count=_count(result.get("done_count")),
            failed_count=_count(result.get("failed_count")),
            error_keys=tuple(optional_text(error, "key") or "unknown" for error in errors),
        )

    @property
    def is_over(self) -> bool:
        """Return whether nothing more will happen."""
        return self.status in {"DONE", "FAILED"}

    @property
    def is_success(self) -> bool:
        """Return whether it is over and no row is said to have failed."""
        whole = self.status == "DONE" and self.operation_status in {"SUCCESS", "UNKNOWN", None}
        return whole and not self.failed_count and not self.error_keys


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
