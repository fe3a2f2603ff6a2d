"""The ways in which Voucherify refuses a publication, by the key of the error.

The keys are documented. So are the texts for a campaign without codes, a repeated source id and a customer who
has joined; the others are guesses.
"""

from __future__ import annotations

from typing import Final

from airflow_provider_voucherify.emulator.http.problems import ApiProblem, application

NO_VOUCHER: Final = "no_voucher_suitable_for_publication"
_TEXTS: Final[dict[str, tuple[str, str | None]]] = {
    NO_VOUCHER: (
        "Couldn't find any voucher suitable for publication",
        "Couldn't create new vouchers for publication",
    ),
    "voucher_cannot_be_published": ("Customer already joined program.", None),
    "voucher_already_published": ("Voucher already published", None),
    "too_many_vouchers_requested": ("Too many vouchers requested", None),
    "metadata_validation_failed": ("Metadata validation failed", None),
    "invalid_publish_params": ("Invalid publish params", None),
}
REFUSALS: Final = frozenset(_TEXTS)


def refused(key: str, details: str | None = None) -> ApiProblem:
    """Refuse a publication.

    :param key: one of ``REFUSALS``.
    :param details: what exactly was wrong; None for the text that goes with the key.
    :returns: the 400 problem.
    """
    message, usual = _TEXTS[key]
    return application(400, key, message, details or usual)


def ran_dry() -> ApiProblem:
    """Say that a static campaign has no voucher left.

    :returns: the 400 problem.
    """
    return refused(NO_VOUCHER, "Auto-update campaigns make more vouchers when they are needed.")


def duplicate_source_id(source_id: str) -> ApiProblem:
    """Say that this source id has published already.

    :returns: the 400 problem.
    """
    return application(400, "duplicate_source_id", f"Publication with source_id: '{source_id}' already exists")


def missing_vouchers() -> ApiProblem:
    """Say that neither a campaign nor a voucher was named.

    :returns: the 400 problem, which carries no request id.
    """
    return ApiProblem(
        400, {"code": 400, "key": "missing_vouchers", "message": "Please define a campaign or a voucher to publish"}
    )
