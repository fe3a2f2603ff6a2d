"""What a connection test says, in words."""

from __future__ import annotations

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.settings import CLUSTERS, ApiSettings
from airflow_provider_voucherify.api.limit.headers import rate_limit_of
from airflow_provider_voucherify.api.models import RateLimit
from airflow_provider_voucherify.hooks.single_call import SingleCall, told_wait

#: The cheapest call there is that reads something of the project: one segment, no customer data.
PROBE = wire.get(wire.path_of("segments"), {"limit": 1})


def place_of(settings: ApiSettings) -> str:
    """Return where the calls go, in words."""
    for cluster, url in CLUSTERS.items():
        if url == settings.base_url:
            return f"cluster {cluster!r} ({url})"
    return f"host {settings.base_url}"


def probe(call: SingleCall, settings: ApiSettings, *, unix_time: float) -> tuple[bool, str]:
    """Make one call and say what its answer means.

    :param call: sends it, once.
    :param unix_time: the local clock, seconds since 1970.
    :returns: whether the connection works, and what is wrong or how much of the limit is left.
    """
    place = place_of(settings)
    try:
        answer = call.exchange(PROBE)
    except errors.VoucherifyError as error:
        if settings.uses_tokens and error.status is not None:
            return False, f"Voucherify on {place} was reached, but gave no token: {error.problem}."
        return False, f"The test call to Voucherify on {place} failed: {error.problem}."
    rate = rate_limit_of(answer.headers)
    try:
        wire.items_of(wire.decode(answer))
    except errors.VoucherifyError as error:
        if settings.uses_tokens and isinstance(error, errors.NotAuthenticated):
            return False, f"Voucherify on {place} gave a token and refused it (401): see the IP allow list of the keys."
        return _in_words(error, rate, place, unix_time)
    return True, f"Connected to Voucherify on {place}. {_left(rate)}"


def _left(rate: RateLimit) -> str:
    if rate.limit is None or rate.remaining is None:
        return "The answer did not say the API limit."
    return f"API limit: {rate.limit:,} calls per window, {rate.remaining:,} of them left."


def _in_words(error: errors.VoucherifyError, rate: RateLimit, place: str, unix_time: float) -> tuple[bool, str]:
    match error:
        case errors.NotAuthenticated():
            return False, (
                f"Voucherify on {place} refused the keys (401). Check login (application id) and password (secret "
                "key), and that their project is on this cluster: keys are valid on their own cluster only. The IP "
                "allow list of the keys may be the reason, too."
            )
        case errors.PermissionMissing(key="missing_required_permission"):
            return True, (
                f"Connected to Voucherify on {place}: the keys are valid, but their role may not list segments (403). "
                "Give it the permission in Project settings > API keys if you need that; with OAuth the scope has to "
                f"name it, too. {_left(rate)}"
            )
        case errors.RateLimited():
            return False, _no_calls_left(rate, place, unix_time)
        case errors.QuotaExhausted():
            return False, _no_quota_left(rate, place)
        case errors.NotFound() | errors.WrongAddress() | errors.MalformedAnswer():
            return (
                False,
                f"Something answers on {place}, but not as the Voucherify API does: check host. ({error.problem})",
            )
        case _:
            return False, f"Voucherify on {place} was reached, but did not serve the call: {error.problem}."


def _no_calls_left(rate: RateLimit, place: str, unix_time: float) -> str:
    wait = told_wait(rate, unix_time)
    when = "in a minute, or in an hour in a sandbox project" if wait is None else f"in {wait:,.0f} s"
    return (
        f"Voucherify on {place} was reached, but the calls of this rate-limit window (429, {rate.kind or 'api_calls'}) "
        f"are used up, so the keys could not be tested. Test again {when}."
    )


def _no_quota_left(rate: RateLimit, place: str) -> str:
    if wire.is_of_cycle(rate):
        return (
            f"Voucherify on {place} was reached, but the API calls of the billing cycle are used up (429): nothing can "
            "be pulled before the next cycle, or before more calls are bought."
        )
    return f"Voucherify on {place} was reached, but the subscription has ended (429): see its billing page."
