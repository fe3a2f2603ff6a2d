"""The async clients of one hook: what one of them used of the rate limit is used for the next."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_voucherify.api.errors import ClosedWindow, InvalidArgument, VoucherifyError, shown
from airflow_provider_voucherify.api.http.client import open_client
from airflow_provider_voucherify.api.limit.gate import Gate
from airflow_provider_voucherify.api.limit.window import Window

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.http.client import Client
    from airflow_provider_voucherify.api.http.retry import RetryPolicy
    from airflow_provider_voucherify.api.http.settings import ApiSettings
    from airflow_provider_voucherify.api.limit.gate import Concurrency, OwnCeiling


@dataclass(frozen=True, slots=True)
class ClientTerms:
    """How a client is to send.

    :param concurrency: decides how many calls are in flight.
    :param longest_wait: seconds to wait for the rate limit; ``inf`` for any number.
    :param inherits_usage: count as ours what the first answer shows as used.
    :param closed_window: the rate-limit window as the part before left it.
    :param retry: how failed calls are tried again.
    :raises InvalidArgument: if ``longest_wait`` is no number of seconds.
    """

    concurrency: Concurrency
    ceiling: OwnCeiling
    longest_wait: float
    inherits_usage: bool
    closed_window: ClosedWindow | None
    retry: RetryPolicy

    def __post_init__(self) -> None:
        wait = self.longest_wait
        if isinstance(wait, bool) or not isinstance(wait, int | float) or not wait >= 0:  # NaN is not
            raise InvalidArgument(
                f"longest_wait is {shown(wait)}; write seconds such as 60, or leave it out to wait however long"
            )


@dataclass(frozen=True, slots=True)
class _Used:
    """What a closed client knew of its calls."""

    window: Window
    ceiling: OwnCeiling


class Clients:
    """Opens clients that have the share of the rate limit together, as long as one is closed before the next is opened.

    Of clients that are open at the same time each knows its own calls only, and takes what its first answer shows as
    used for calls of the others.
    """

    def __init__(self) -> None:
        self._closed: list[_Used] = []
        self._has_opened = False

    @asynccontextmanager
    async def open(self, settings: ApiSettings, terms: ClientTerms) -> AsyncIterator[Client]:
        """Open a client, and close its connections at the end."""
        used = self._take(settings, terms)
        gate = Gate(used.window, terms.concurrency, used.ceiling, longest_wait=terms.longest_wait)
        try:
            async with open_client(settings, gate, retry=terms.retry) as client:
                yield client
        except VoucherifyError as error:
            error.of_connection(settings.name)
            raise
        finally:
            if not used.window.in_flight and not used.window.rejections_in_a_row:
                self._closed[:] = [used]

    def _take(self, settings: ApiSettings, terms: ClientTerms) -> _Used:
        ceiling = terms.ceiling
        if self._closed:
            used = self._closed.pop()
            is_same = used.ceiling.calls_per_minute == ceiling.calls_per_minute
            return used if is_same else _Used(used.window, ceiling)
        closed = None if self._has_opened else terms.closed_window
        window = Window(
            settings.quota_share,
            of_all=settings.quota_of_all,
            inherits_usage=terms.inherits_usage or self._has_opened,
            closed=closed,
        )
        self._has_opened = True
        return _Used(window, ceiling)
