"""The hook: a connection of type ``voucherify`` as single calls, a session, or an async client for many calls."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk.log import mask_secret
from requests import PreparedRequest, Request, Response, Session

from airflow_provider_voucherify.api.calls import reads
from airflow_provider_voucherify.api.errors import ClosedWindow, InvalidConnection
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.client import DEFAULT_CONCURRENCY, Client
from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.api.http.settings import ApiSettings, checked_quota_share
from airflow_provider_voucherify.api.limit.gate import Concurrency, OwnCeiling
from airflow_provider_voucherify.api.lists.segments import SegmentWalk
from airflow_provider_voucherify.api.models import Customer, Segment
from airflow_provider_voucherify.exporting import request as export_request
from airflow_provider_voucherify.hooks import exports, memberships, planning
from airflow_provider_voucherify.hooks.campaigns import CampaignCalls
from airflow_provider_voucherify.hooks.clients import Clients, ClientTerms
from airflow_provider_voucherify.hooks.connection import check as connection_test
from airflow_provider_voucherify.hooks.connection import form
from airflow_provider_voucherify.hooks.connection.endpoint import (
    checked_endpoint,
    json_headers,
    send_options,
    session_options,
)
from airflow_provider_voucherify.hooks.connection.environment import (
    mask_proxy_password,
    mask_sign_in,
    warn_if_unverified,
    with_environment,
)
from airflow_provider_voucherify.hooks.connection.parse import (
    refuse_other_type,
    settings_from_connection,
    unknown_extras,
)
from airflow_provider_voucherify.hooks.session import KeySession, answer_of
from airflow_provider_voucherify.hooks.single_call import LONGEST_WAIT, BlockingClock, SingleCall

if TYPE_CHECKING:
    import pandas as pd

    from airflow_provider_voucherify.hooks.planning import Customers
    from airflow_provider_voucherify.pull.plan.plan import Plan
    from airflow_provider_voucherify.pull.plan.question import StrategyName

log = logging.getLogger(__name__)


class VoucherifyHook(HttpHook):
    """Talks to the Voucherify project of a connection.

    Single calls go through one requests session; they are tried again after connection errors, timeouts and 5xx
    where that does no harm, and wait for the rate limit for up to two minutes. For many calls there is
    :meth:`aclient`. The connection is looked up once, when it is first needed.

    :param voucherify_conn_id: connection of type ``voucherify``.
    :param quota_share: part of each rate-limit window the async client may use itself, above 0 and up to 1; by
        default, and together with all others at most, the connection's. One above that goes beyond it.
    """

    conn_name_attr = "voucherify_conn_id"
    default_conn_name = "voucherify_default"
    conn_type = "voucherify"
    hook_name = "Voucherify"

    #: How single calls are tried again, how many seconds one waits for the rate limit, and what time it is.
    retry: RetryPolicy = RetryPolicy()
    longest_wait: float = LONGEST_WAIT
    clock: BlockingClock = BlockingClock()

    def __init__(self, voucherify_conn_id: str = default_conn_name, *, quota_share: float | None = None) -> None:
        super().__init__(method="GET", http_conn_id=voucherify_conn_id)
        self.voucherify_conn_id = voucherify_conn_id
        self.quota_share = None if quota_share is None else checked_quota_share(quota_share)
        self._clients = Clients()

    @staticmethod
    def get_connection_form_widgets() -> dict[str, object]:
        """Return the fields of the connection form; asked for by Airflow 3.1 only."""
        return form.widgets()

    @staticmethod
    def get_ui_field_behaviour() -> dict[str, object]:
        """Return how the form names the standard fields; asked for by Airflow 3.1 only."""
        return form.field_behaviour()

    def __enter__(self) -> VoucherifyHook:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the session's connections; the hook may be used on."""
        session = self.__dict__.pop("_session", None)
        self.__dict__.pop("_call", None)
        if session is not None:
            session.close()

    @cached_property
    def settings(self) -> ApiSettings:
        """Return the connection as settings, with the environment's proxy and CA bundle filled in.

        Looked up on first use, which blocks: in a task read it once before an event loop runs.

        :raises InvalidConnection: naming the connection, the field and what to write.
        """
        connection = self.get_connection(self.voucherify_conn_id)
        if connection.password:
            mask_secret(connection.password)  # not every secrets backend has its values masked
        try:
            refuse_other_type(connection)
            settings = with_environment(settings_from_connection(connection))
            unknown = unknown_extras(connection)
        except InvalidConnection as error:
            raise error.of_connection(self.voucherify_conn_id) from None
        if unknown:
            log.warning("Connection %r has extras that mean nothing here: %s", self.voucherify_conn_id, unknown)
        warn_if_unverified(settings, self.voucherify_conn_id)
        mask_proxy_password(settings.proxy)
        mask_sign_in(settings)
        of_all = settings.quota_share
        quota_share = of_all if self.quota_share is None else self.quota_share
        return replace(settings, quota_share=quota_share, quota_of_all=of_all, name=self.voucherify_conn_id)

    @cached_property
    def _session(self) -> KeySession:
        return KeySession(self.settings)

    @cached_property
    def _call(self) -> SingleCall:
        return self._call_on(self._session)

    def _call_on(self, session: Session) -> SingleCall:
        settings, longest = self.settings, self.longest_wait
        return SingleCall(
            session,
            settings.base_url,
            name=settings.name,
            retry=self.retry,
            clock=self.clock,
            longest_wait=longest,
        )

    def get_customer_segments(self, customer_id: str) -> list[Segment]:
        """Return the segments a customer is in, ordered by id, for one call.

        Voucherify answers for a customer it does not know with the segments an empty profile would match;
        :meth:`get_customer` tells whether it knows them.

        :param customer_id: Voucherify's id (``cust_...``) or your ``source_id``.
        :raises InvalidCustomerId: if the id cannot be sent safely; no call is made.
        :raises VoucherifyError: if there is no answer to believe.
        """
        segments = self._call.ask(reads.get_customer_segments(customer_id))
        return list(segments)

    def get_customer(self, customer_id: str) -> Customer:
        """Return one customer.

        :param customer_id: Voucherify's id (``cust_...``) or your ``source_id``.
        :raises NotFound: if Voucherify does not know them.
        :raises VoucherifyError: if there is no answer to believe.
        """
        return self._call.ask(reads.get_customer(customer_id))

    def list_segments(self) -> list[Segment]:
        """Return every segment of the project, newest first, for one call per 100.

        :raises PagingFailed: if the list cannot be read whole: fewer arrive than it announces.
        :raises VoucherifyError: if there is no answer to believe.
        """
        walk = SegmentWalk()
        while (request := walk.request()) is not None:
            walk.take(self._call.send(request))
        return walk.segments

    def get_segment(self, segment_id: str) -> Segment:
        """Return one segment, with its type and times.

        :param segment_id: ``seg_...``.
        :raises NotFound: if there is none.
        :raises VoucherifyError: if there is no answer to believe.
        """
        return self._call.ask(reads.get_segment(segment_id))

    @property
    def campaigns(self) -> CampaignCalls:
        """Return the single calls that give something away: publications, events, metadata of many customers."""
        return CampaignCalls(self._call)

    def get_customer_segments_df(
        self, customer_ids: Iterable[str], *, concurrency: int = DEFAULT_CONCURRENCY
    ) -> pd.DataFrame:
        """Return the segments of many customers, one row for each customer and segment they are in.

        Ids are asked for once each, many at a time, within the connection's share of the rate limit, in a notebook
        as well. A customer in no segment has no row.

        :param customer_ids: Voucherify's ids (``cust_...``) or your ``source_id``: a list, a series or an array.
        :param concurrency: the most calls in flight.
        :returns: columns ``customer_id``, ``segment_id``, ``segment_name``, ``observed_at`` (UTC), in the ids' order.
        :raises ImportError: if pandas is not installed; no call is made.
        :raises InvalidCustomerId: if an id cannot be sent safely; no call is made.
        :raises VoucherifyError: if a customer could not be asked to the end.
        """
        memberships.require_pandas()
        ids = memberships.checked_ids(customer_ids)
        return memberships.frame_from(self.aclient(concurrency=concurrency), ids, workers=concurrency)

    def plan_customer_segments(
        self, customers: Customers, segments: Sequence[str] | None = None, strategy: StrategyName = "auto"
    ) -> Plan:
        """Return which way a pull would take and its cost, for a few calls; nothing is pulled.

        :param segments: ids or names of the segments asked about; by default all.
        :raises VoucherifyError: if it cannot be found out.
        """
        question = planning.question_about(customers, segments, strategy, exports=self.settings.exports)
        return planning.plan_question(self.settings, self.aclient(), question)

    def export(
        self,
        exported_object: str,
        fields: Sequence[str],
        *,
        filters: Mapping[str, Any] | None = None,
        order: str | None = None,
        poll_interval: timedelta = export_request.POLL_INTERVAL,
        timeout: timedelta = export_request.TIMEOUT,
    ) -> Iterator[exports.ExportedRow]:
        """Return the rows of an export, for some five calls however many they are; it is deleted once it is fetched.

        The export is asked for and waited for when the first row is read. The file is on this machine's disk then,
        and rows are read off it one by one.

        :param exported_object: such as ``voucher``, ``redemption``, ``customer``.
        :param fields: columns by the names of the API; ``metadata`` is one dict, ``metadata.tier`` the one key.
        :param filters: as the documentation of ``POST /v1/exports`` has them.
        :param order: a field, with ``-`` before it for descending.
        :param poll_interval: time between two looks at whether the file is there.
        :param timeout: how long it is waited for.
        :returns: dicts by field, dots as ``_``: texts, ``None`` where there is none.
        :raises InvalidArgument: if the request, or a time, cannot be meant; no call is made.
        """
        wanted = export_request.wanted(exported_object, fields, filters, order)
        polling = exports.checked_polling(poll_interval, timeout)
        return exports.exported(self.aclient(concurrency=1), wanted, polling)

    def aclient(
        self,
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        requests_per_minute: int | None = None,
        longest_wait: float = math.inf,
        inherits_usage: bool = False,
        closed_window: ClosedWindow | None = None,
    ) -> AbstractAsyncContextManager[Client]:
        """Return a client for many calls, to be opened with ``async with``.

        The clients of one hook have its share of the rate limit together, if one is closed before the next is opened.

        :param concurrency: the most calls in flight; fewer are used where fewer are enough.
        :param requests_per_minute: a ceiling in calls a minute; the connection's holds as well.
        :param longest_wait: seconds to wait for the rate limit; where it takes longer ``WindowClosed`` is raised.
        :param inherits_usage: count as ours what the first answer shows as used: for a run that goes on.
        :param closed_window: what ``WindowClosed.window`` said to the part of the run before.
        :raises InvalidConnection: if the connection cannot be used.
        """
        settings = self.settings
        ceilings = [limit for limit in (requests_per_minute, settings.requests_per_minute) if limit is not None]
        ceiling = OwnCeiling(min(ceilings, default=None))
        terms = ClientTerms(Concurrency(concurrency), ceiling, longest_wait, inherits_usage, closed_window, self.retry)
        return self._clients.open(settings, terms)

    def get_conn(self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None) -> Session:
        """Return a session that sends the keys to the connection's host, follows no redirect and trusts its TLS.

        :param headers: sent with every call of the session besides the keys.
        :param extra_options: attributes of the session: ``verify``, ``cert``, ``proxies``, ``stream``.
        :returns: the hook's own session, or, where headers or options are given, a new one for the caller to close.
        """
        if not headers and not extra_options:
            return self._session
        session = KeySession(self.settings)
        session.headers.update(headers or {})
        for name, value in session_options(extra_options or {}).items():
            setattr(session, name, value)
        return session

    def run(
        self,
        endpoint: str | None = None,
        data: dict[str, Any] | str | None = None,
        headers: dict[str, Any] | None = None,
        extra_options: dict[str, Any] | None = None,
        *,
        method: str | None = None,
        **request_kwargs: Any,
    ) -> Response:
        """Call any endpoint, as ``HttpHook.run`` does, and return the whole answer.

        :param endpoint: path and query below the connection's host, such as ``/v1/campaigns?limit=10``; ids in it
            percent-encoded.
        :param data: query parameters of a GET, else the body: a dict is sent as JSON, a text as it is. What is read
            while it is sent, such as an open file, is sent once, also where the rate limit turns it away.
        :param headers: sent besides the keys.
        :param extra_options: ``timeout`` (seconds), ``verify``, ``cert``, ``proxies``, ``stream``; with
            ``check_response`` False an answer of 4xx or 5xx is returned instead of raised.
        :param method: HTTP method; by default GET.
        :param request_kwargs: of ``requests.Request``, such as ``params`` or ``json``.
        :raises EndpointRefused: if the endpoint would leave the host; no call is made.
        :raises VoucherifyError: if the answer is no success.
        """
        verb = (method or self.method).upper()
        if data is not None and verb != "HEAD":
            payload = "params" if verb == "GET" else "json" if isinstance(data, dict) else "data"
            request_kwargs[payload] = data
            headers = json_headers(headers) if payload == "data" else headers
        request = Request(verb, self.url_from_endpoint(endpoint), headers=headers, **request_kwargs)
        return self.run_and_check(self._session, self._session.prepare_request(request), extra_options or {})

    def run_and_check(
        self, session: Session, prepped_request: PreparedRequest, extra_options: dict[Any, Any]
    ) -> Response:
        """Send a prepared request and return its answer; for the parameters see :meth:`run`.

        :raises VoucherifyError: if the answer is no success.
        """
        options = send_options(extra_options)
        if not extra_options.get("check_response", True):
            return session.send(prepped_request, **options)
        call = self._call_on(session)
        is_safe = wire.Request(prepped_request.method or "", "").is_safe
        keeps_body = isinstance(prepped_request.body, str | bytes | None)
        return call.until_answered(
            lambda: session.send(prepped_request, **options), may_repeat=is_safe, keeps_body=keeps_body
        )

    def check_response(self, response: Response) -> None:
        """Raise the fitting error for an answer that is no success; its body is not logged.

        :raises VoucherifyError: if it is none.
        """
        if not 200 <= response.status_code < 300:
            raise wire.error_of(answer_of(response)).of_connection(self.voucherify_conn_id)

    def url_from_endpoint(self, endpoint: str | None) -> str:
        """Return the address of an endpoint on the connection's host.

        :raises EndpointRefused: if it would leave it.
        """
        return self.settings.base_url + checked_endpoint(endpoint)

    def test_connection(self) -> tuple[bool, str]:
        """Make one cheap call, without retries, and say whether the connection works.

        :returns: whether it does, and in words what is wrong or how much of the rate limit is left.
        """
        try:
            call, settings = self._call, self.settings
        except InvalidConnection as error:
            return False, error.problem  # Airflow tests a connection under an id it makes up
        return connection_test.probe(call, settings, unix_time=self.clock.unix_time())
