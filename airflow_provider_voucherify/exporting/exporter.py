"""One export at Voucherify: asked for, found again, looked at, fetched, removed; and what goes wrong in words."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_voucherify.api.calls import exports
from airflow_provider_voucherify.api.calls.call import ask
from airflow_provider_voucherify.api.errors import (
    FATAL,
    ExportFailed,
    InvalidArgument,
    MalformedAnswer,
    NotFound,
    OtherLimitReached,
    PermissionMissing,
    RateLimited,
    RequestRefused,
    ServerFault,
    TlsFailed,
    TooManyTokens,
    TransportFailed,
    VoucherifyError,
    WindowClosed,
)
from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.pull.progress import duration

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.calls.call import Sender
    from airflow_provider_voucherify.api.calls.exports import Export, Wanted
    from airflow_provider_voucherify.api.http.wire import FileTaker

log = logging.getLogger(__name__)

#: A small export is there soon: the first look is so long after it was asked for.
FIRST_LOOK = timedelta(seconds=2)
#: An export whose answers are lost is asked for so often.
MOST_ASKED = 3
#: With these the call was declined, or never sent: no export came of it.
_NOT_TAKEN: tuple[type[VoucherifyError], ...] = (
    *FATAL,
    NotFound,
    OtherLimitReached,
    RateLimited,
    RequestRefused,
    TlsFailed,
    TooManyTokens,
    WindowClosed,
)
#: The fields that are documented, by object: to name the one that is meant by ``invalid_export_fields``.
_DOCUMENTED = {
    "customer": (
        "name id description email source_id created_at address_city address_state address_line_1 address_line_2 "
        "address_country address_postal_code redemptions_total_redeemed redemptions_total_failed "
        "redemptions_total_succeeded redemptions_total_rolled_back redemptions_total_rollback_failed "
        "redemptions_total_rollback_succeeded orders_total_amount orders_total_count orders_average_amount "
        "orders_last_order_amount orders_last_order_date loyalty_points loyalty_referred_customers updated_at phone "
        "birthday metadata birthdate"
    ),
    "voucher": (
        "code voucher_type value formula discount_type campaign category start_date expiration_date gift_balance "
        "loyalty_balance redemption_quantity redemption_count active qr_code bar_code metadata id is_referral_code "
        "created_at updated_at validity_timeframe_interval validity_timeframe_duration validity_day_of_week "
        "discount_amount_limit campaign_id additional_info customer_id discount_effect discount_unit_type "
        "discount_unit_effect validation_rules_id customer_source_id"
    ),
    "publication": "voucher_code customer_id customer_source_id date channel campaign is_winner metadata",
    "redemption": (
        "id object date voucher_code campaign promotion_tier_id customer_id customer_source_id customer_name "
        "tracking_id order_id order_amount gift_amount loyalty_points result failure_code failure_message metadata"
    ),
    "order": (
        "id source_id created_at updated_at status amount discount_amount items_discount_amount total_discount_amount "
        "total_amount customer_id referrer_id metadata"
    ),
    "points_expiration": "id campaign_id voucher_id status expires_at points",
    "voucher_transactions": (
        "id campaign_id voucher_id type source_id reason source balance amount related_transaction_id created_at "
        "details"
    ),
    "api_log": (
        "id created_at status request_id channel method endpoint url user_email app_id client_app_id request_duration "
        "request_body response_body"
    ),
}


class Exporter:
    """Sends the calls of one export.

    ``may_be_taken`` says whether there may be an export that :meth:`ask` asked for, returned or not.

    :param sleep: waits so many seconds.
    :param uniform: a random number from 0 to 1.
    """

    def __init__(
        self,
        client: Sender,
        wanted: Wanted,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        self.may_be_taken = False
        self._client = client
        self._wanted = wanted
        self._sleep = sleep
        self._uniform = uniform

    async def ask(self, asked_at: datetime) -> Export:
        """Ask for the export. Where the answer is lost it is looked for before it is asked for again.

        :param asked_at: the time (UTC).
        :raises InvalidArgument: if Voucherify declines fields, filters, order or object.
        :raises WindowClosed: if the rate limit is not waited for.
        :raises VoucherifyError: if it is not to be had; that of an answer that was lost, if there was one.
        """
        lost: VoucherifyError | None = None
        for attempt in range(1, MOST_ASKED + 1):
            self.may_be_taken = True
            try:
                return await ask(self._client, exports.create_export(self._wanted))
            except _NOT_TAKEN as error:
                self.may_be_taken = lost is not None
                if isinstance(error, WindowClosed):
                    raise
                if lost is not None:  # that one may have been taken: it is looked for by the next try
                    raise lost from None
                raise self._in_words(error) from None
            except (TransportFailed, ServerFault, MalformedAnswer) as error:
                lost = error
                await self._sleep(RetryPolicy().wait_after(error, attempt, self._uniform))  # it may be at work on it
                found = await self.find(asked_at)
                if found is not None:
                    return found
                if attempt == MOST_ASKED or not error.retryable:
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def find(self, asked_at: datetime) -> Export | None:
        """Return the latest export that was asked for with the same, and at a moment (UTC) as far as can be told."""
        listed = await ask(self._client, exports.list_exports())
        return next((one for one in listed if one.may_be_of(asked_at) and self._wanted.is_of(one)), None)

    async def look(self, export_id: str) -> Export | None:
        """Return an export as it is now, ``None`` if it is not there any more."""
        try:
            return await ask(self._client, exports.get_export(export_id))
        except NotFound:
            return None

    async def find_asked(self, export_id: str | None, asked_at: datetime) -> Export | None:
        """Return an export as it is now, ``None`` if it is gone, or was never asked for.

        :param export_id: ``None`` if the answer that has it was lost.
        :param asked_at: the time (UTC) it was asked for.
        """
        return await (self.find(asked_at) if export_id is None else self.look(export_id))

    async def fetch(self, export: Export, file: FileTaker) -> None:
        """Fetch the file of an export that is done.

        :raises VoucherifyError: if it is not to be had.
        """
        await exports.download(self._client, export, file)

    async def remove(self, export_id: str, *, later: bool = False) -> bool:
        """Remove an export and its file, if it is there; return whether it is gone. Where it is not, nothing fails.

        :param later: whether it can be removed later, where the window is closed.
        :raises WindowClosed: if it can, and it is.
        """
        try:
            await exports.delete_export(self._client, export_id)
        except VoucherifyError as error:
            if later and isinstance(error, WindowClosed):
                raise
            log.warning(
                "Export %s could not be deleted (%s): delete it in the dashboard, Audit log > Exports", export_id, error
            )
            return False
        return True

    async def remove_asked(self, export_id: str | None, asked_at: datetime) -> bool:
        """Remove an export, also one whose id is not known; return whether there is none any more.

        :param export_id: ``None`` if the answer that has it was lost.
        :param asked_at: the time (UTC) it was asked for.
        :raises VoucherifyError: if it cannot be told whether there is one.
        """
        if export_id is None:
            found = await self.find(asked_at)
            export_id = None if found is None else found.id
        return export_id is None or await self.remove(export_id)

    async def look_again(self, export: Export) -> Export:
        """Return an export as it is now.

        :raises ExportFailed: if it is not there any more.
        """
        if (seen := await self.look(export.id)) is None:
            raise ExportFailed(f"export {export.id} was deleted by somebody else; a retry asks for another one")
        return seen

    def is_done(self, export: Export, age: timedelta, timeout: timedelta) -> bool:
        """Return whether an export is done; one that is not may be waited for.

        :param age: how long ago it was asked for.
        :raises ExportFailed: if it ended in ``ERROR``, for which Voucherify gives no reason, or takes too long.
        """
        if export.status == "ERROR":
            raise ExportFailed(
                f"Voucherify ended export {export.id} of {self._wanted.exported_object} with the status ERROR and "
                "gives no reason; a retry asks for another one. If that ends so too, try fewer fields, a shorter span "
                "of time, or the same export in the dashboard"
            )
        if not export.is_over and age > timeout:
            raise ExportFailed(
                f"export {export.id} is {export.status} {duration(age.total_seconds())} after it was asked for, longer "
                "than timeout allows; a retry asks for another one. Export less with filters, or raise timeout"
            )
        return export.is_over

    def _in_words(self, error: VoucherifyError) -> VoucherifyError:
        name, told = self._wanted.exported_object, f"Voucherify answered {error.status}"
        match error:
            case RequestRefused(key="invalid_export_fields"):
                return InvalidArgument(f"{told} (invalid_export_fields): {self._refused_fields()}")
            case RequestRefused(status=400):
                return InvalidArgument(
                    f"{told}{f' ({error.key})' if error.key else ''}: it does not export {name!r}, or not with such "
                    "filters or such an order. Which there are is listed for POST /v1/exports in its documentation"
                )
            case PermissionMissing():
                return PermissionMissing(
                    f"{told}: the keys' role may not export; give the key a role that may, such as User or Viewer, in "
                    "Project settings > API keys",
                    status=error.status,
                    key=error.key,
                )
            case OtherLimitReached():
                return OtherLimitReached(
                    f"{error}: exports count as bulk calls in this project, and these are used up for now; nothing was "
                    "asked for. Let the task retry later (retry_delay), or write deferrable=True",
                    status=error.status,
                    retry_after=error.retry_after,
                )
            case _:
                return error

    def _refused_fields(self) -> str:
        known = _DOCUMENTED.get(self._wanted.exported_object, "").split()
        odd = [one for one in self._wanted.fields if one not in known and not one.startswith("metadata.")]
        wrong = f"{', '.join(odd)} of fields" if odd else "some of the fields"
        return f"{wrong} cannot be exported of {self._wanted.exported_object}; documented are {', '.join(known)}"
