"""From a request to its answer, without any network: keys, limits, endpoint, headers, counts."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass

from airflow_provider_voucherify.emulator.endpoints.routes import build_router
from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.http.answers import Answer, problem_answer
from airflow_provider_voucherify.emulator.http.calls import Call, Route
from airflow_provider_voucherify.emulator.http.limits import Verdict
from airflow_provider_voucherify.emulator.http.problems import ApiProblem
from airflow_provider_voucherify.emulator.http.tokens import Token
from airflow_provider_voucherify.emulator.state import Project, State
from airflow_provider_voucherify.emulator.times import to_micros

#: Where the second version of OAuth gives tokens: the only place that takes a name and a secret.
_BASIC_PATH = "/v2/oauth/token"
_EXPORTING = "POST /v1/exports"
#: The host of files, in one with that of the API.
_FILES = "/download/exports/"


@dataclass(frozen=True, slots=True)
class Request:
    """What came over the wire.

    :param target: raw path and query.
    :param headers: looked up without regard to case.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


class Core:
    """Answers API requests from the state, one at a time."""

    def __init__(self, state: State) -> None:
        """Build the table of endpoints."""
        self.state = state
        self._router = build_router()

    def answer(self, request: Request) -> Answer:
        """Act on a request and count it.

        :returns: the answer with its rate-limit headers.
        """
        state = self.state
        headers = request.headers
        path, _, query = request.target.partition("?")
        project, token = self._caller(request, path)
        if project is None:
            state.unauthorized += 1
            return self._counted(problem_answer(problems.unauthorized()))
        route, names = self._router.find(path)
        label = "unknown" if route is None else route.labels.get(request.method, "unknown")
        now, channel = state.clock(), headers.get("X-Voucherify-Channel", "")
        if state.switches.refusal != "none":
            return self._counted(self._refused(project, now, channel, label))
        bulk = route is not None and request.method in route.bulk_methods
        bulk = bulk or (label == _EXPORTING and state.switches.export_counted_as == "bulk_api_calls")
        verdict = project.limiter.take(now, channel, bulk=bulk)
        limit_headers = rate_limit_headers(verdict, now, state)
        if verdict.refused_by is not None:
            _count_rejection(project, label)
            return self._counted(problem_answer(problems.too_many_requests()).with_headers(limit_headers))
        _count_call(project, label, request)
        if token is not None and not token.permits(path):
            return self._counted(problem_answer(problems.missing_permission()).with_headers(limit_headers))
        answer = self._acted(project, request, route, names, query, now)
        return self._counted(answer.with_headers(limit_headers))

    def _caller(self, request: Request, path: str) -> tuple[Project | None, Token | None]:
        state, headers = self.state, request.headers
        scheme, _, credentials = headers.get("Authorization", "").partition(" ")
        if scheme == "Bearer":
            for project in state.projects.values():
                if (token := project.records.tokens.find(credentials, state.clock())) is not None:
                    return project, token
            return None, None
        if scheme == "Basic" and path == _BASIC_PATH:
            return state.project_of(*_name_and_secret(credentials)), None
        if state.switches.export_opened_by == "token" and path.startswith(_FILES):
            export_id = path.removeprefix(_FILES)
            owners = (one for one in state.projects.values() if one.records.exports.find(export_id) is not None)
            return next(owners, None), None
        return state.project_of(headers.get("X-App-Id"), headers.get("X-App-Token")), None

    def standing_headers(self, request: Request) -> str:
        """Tell the rate-limit headers for a call that is not counted.

        :returns: header lines; empty without valid keys.
        """
        state, now = self.state, self.state.clock()
        project, _ = self._caller(request, request.target.partition("?")[0])
        return "" if project is None else rate_limit_headers(project.limiter.look(now), now, state)

    def _acted(
        self,
        project: Project,
        request: Request,
        route: Route | None,
        names: tuple[str, ...],
        query: str,
        now: float,
    ) -> Answer:
        micros = to_micros(now)
        project.settle(micros)
        try:
            if route is None:
                raise problems.no_such_route()
            handler = route.handlers.get(request.method)
            if handler is None:
                raise problems.method_not_allowed(request.method, sorted(route.handlers))
            if not request.target.startswith(_FILES):
                _check_accept(request.headers.get("Accept"))
            content_type = request.headers.get("Content-Type", "")
            base_url = f"http://{request.headers.get('Host', 'localhost')}"
            people, records, switches = project.population, project.records, self.state.switches
            return handler(Call(people, records, switches, names, query, content_type, request.body, micros, base_url))
        except ApiProblem as problem:
            return problem_answer(problem)

    def _refused(self, project: Project, now: float, channel: str, label: str) -> Answer:
        state = self.state
        if state.switches.refusal in {"payment_required", "permission"}:
            headers = rate_limit_headers(project.limiter.look(now), now, state)
            is_plan = state.switches.refusal == "payment_required"
            problem = problems.payment_required() if is_plan else problems.missing_permission()
            return problem_answer(problem).with_headers(headers)
        _count_rejection(project, label)
        if state.switches.refusal == "subscription_ended":
            # No waiting helps: neither Retry-After nor the type of a limit is sent.
            verdict = project.limiter.refuse(now, channel, None)
            problem = ApiProblem(429, {"code": 429, "message": "API limit reached"})
            return problem_answer(problem).with_headers(rate_limit_headers(verdict, now, state))
        verdict = project.limiter.refuse(now, channel, "bulk_api_calls")
        headers = rate_limit_headers(verdict, now, state)
        return problem_answer(problems.too_many_requests()).with_headers(headers)

    def _counted(self, answer: Answer) -> Answer:
        self.state.answers[answer.status] += 1
        return answer


def _name_and_secret(credentials: str) -> tuple[str, str]:
    try:
        name, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return name, secret


def rate_limit_headers(verdict: Verdict, now: float, state: State) -> str:
    """Write the rate-limit headers.

    :param now: seconds since 1970 (UTC), without the clock skew.
    :returns: header lines; ``Retry-After`` and the type of the limit only for a refused call.
    """
    switches, window = state.switches, verdict.window
    if not switches.rate_limit_headers:
        return ""
    lines = ""
    if window.limit is not None:
        lines = f"X-Rate-Limit-Limit: {window.limit}\r\nX-Rate-Limit-Remaining: {window.remaining}\r\n"
    if switches.retry_header != "absent" and (lines or verdict.refused_by is not None):
        lines += f"X-Rate-Limit-Retry: {_retry_instant(verdict, now, state)}\r\n"
    if verdict.refused_by is not None:
        if switches.limit_type:
            lines += f"X-Rate-Limit-Type: {verdict.refused_by}\r\n"
        if switches.retry_after:
            lines += f"Retry-After: {max(1, math.ceil(verdict.next_call - now))}\r\n"
    return lines


def _retry_instant(verdict: Verdict, now: float, state: State) -> int:
    skew = state.switches.clock_skew_seconds
    if state.switches.retry_header == "next_call" and verdict.next_call <= now:
        return math.floor(now + skew)
    return math.ceil(max(verdict.next_call, verdict.window.end) + skew)


def _count_call(project: Project, label: str, request: Request) -> None:
    counts = project.counts
    counts.calls += 1
    counts.endpoint(label).calls += 1
    if request.method == "GET":
        counts.repeats(request.target)


def _count_rejection(project: Project, label: str) -> None:
    project.counts.rejected += 1
    project.counts.endpoint(label).rejected += 1


def _check_accept(accept: str | None) -> None:
    if accept is None or "*/*" in accept or "application/json" in accept or "application/*" in accept:
        return
    raise problems.not_acceptable()
