"""The admin surface under ``/_emulator/``: it needs no key, counts nothing and is never limited."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import asdict
from urllib.parse import parse_qs

from airflow_provider_voucherify.emulator import settings
from airflow_provider_voucherify.emulator.endpoints.segments import create_segment
from airflow_provider_voucherify.emulator.giving.campaigns import CampaignSettings
from airflow_provider_voucherify.emulator.giving.publishing import REFUSALS
from airflow_provider_voucherify.emulator.http.answers import Answer, json_answer, problem_answer
from airflow_provider_voucherify.emulator.http.faults import Fault, FaultPlan
from airflow_provider_voucherify.emulator.http.limits import ChannelCount, Limits
from airflow_provider_voucherify.emulator.http.problems import ApiProblem
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject, as_object, load
from airflow_provider_voucherify.emulator.shop.movement import Move, move
from airflow_provider_voucherify.emulator.shop.upserts import add_customers
from airflow_provider_voucherify.emulator.state import EndpointCount, Project, ProjectSettings, State
from airflow_provider_voucherify.emulator.times import to_micros
from airflow_provider_voucherify.emulator.truth import truth_about


class Admin:
    """Answers admin requests."""

    def __init__(self, state: State) -> None:
        """Take hold of the emulator."""
        self._state = state
        self._handlers: dict[tuple[str, str], Callable[[JsonObject], Json]] = {
            ("GET", "ready"): lambda _: {"ready": True},
            ("GET", "stats"): lambda _: self.stats(),
            ("GET", "limits"): lambda body: settings.to_json(self._project(body).limiter.limits),
            ("GET", "switches"): lambda _: settings.to_json(self._state.switches),
            ("GET", "faults"): lambda _: self._shown_faults(),
            ("POST", "limits"): self._limits,
            ("POST", "switches"): self._switches,
            ("POST", "faults"): self._faults,
            ("POST", "reset"): self._reset,
            ("POST", "clock"): self._clock,
            ("POST", "move"): self._move,
            ("POST", "customers"): self._customers,
            ("POST", "segments"): self._segments,
            ("POST", "projects"): self._projects,
            ("POST", "campaigns"): self._campaigns,
            ("POST", "campaigns/change"): self._change_campaign,
            ("POST", "campaigns/delete"): self._delete_campaign,
            ("POST", "refusals"): self._refusals,
        }

    def answer(self, method: str, path: str, query: str, body: bytes) -> Answer:
        """Act on an admin request.

        :param method: ``GET`` or ``POST``.
        :param path: what follows ``/_emulator/``.
        :param query: the undecoded query string; its parameters are used like properties of the body.
        :returns: the answer; 400 with ``{"error": ...}`` when the request makes no sense.
        """
        handler = self._handlers.get((method, path))
        if handler is None:
            return json_answer({"error": f"there is no {method} /_emulator/{path}"}, 404)
        try:
            document = load(body) if body else {}
            if not isinstance(document, dict):
                return json_answer({"error": "the body must be a JSON object"}, 400)
            parameters: JsonObject = {name: values[-1] for name, values in parse_qs(query).items()}
            return json_answer(handler(parameters | document))
        except (ValueError, TypeError, KeyError, re.error) as error:
            return json_answer({"error": str(error)}, 400)
        except ApiProblem as problem:
            return problem_answer(problem)

    def truth(self, what: str, query: str) -> list[bytes]:
        """Write all records of one kind as JSON Lines.

        :param what: a name in ``TRUTHS``.
        :param query: the undecoded query string: ``segment_id`` and ``app_id`` narrow it down.
        :returns: pieces of whole lines.
        :raises ValueError: when there is no such project.
        """
        wanted = parse_qs(query)
        project = self._project({"app_id": wanted.get("app_id", [None])[-1]})
        project.settle(self._now())
        return truth_about(project, what, wanted.get("segment_id", [None])[-1])

    def stats(self) -> JsonObject:
        """Tell what was asked.

        :returns: the JSON object that ``Stats.from_json`` reads.
        """
        state = self._state
        keys: JsonObject = {app_id: _key_stats(project) for app_id, project in state.projects.items()}
        projects = list(state.projects.values())
        windows = _windows(state)
        return {
            "calls": sum(project.counts.calls for project in projects),
            "rejected": sum(project.counts.rejected for project in projects),
            "repeated": sum(project.counts.repeated for project in projects),
            "unauthorized": state.unauthorized,
            "requests": state.requests,
            "cpu_seconds": time.thread_time(),
            "endpoints": _endpoint_totals(projects),
            "channels": _channel_totals(projects),
            "faults": dict(state.faults_sent),
            "answers": {str(status): number for status, number in state.answers.items()},
            "keys": keys,
            "windows": windows,
        }

    def _project(self, body: JsonObject) -> Project:
        app_id = body.pop("app_id", None)
        if app_id is None:
            return self._state.first
        project = self._state.projects.get(str(app_id))
        if project is None:
            raise ValueError(f"there is no project {app_id}")
        return project

    def _limits(self, body: JsonObject) -> Json:
        project = self._project(body)
        wanted = settings.changed(project.limiter.limits, body)
        project.limiter.change(wanted, self._state.clock())
        return settings.to_json(wanted)

    def _switches(self, body: JsonObject) -> Json:
        self._state.set_switches(settings.changed(self._state.switches, body))
        return settings.to_json(self._state.switches)

    def _faults(self, body: JsonObject) -> Json:
        given, seed = body.get("faults", []), body.get("seed", self._state.seed)
        if not isinstance(given, list) or not isinstance(seed, int):
            raise TypeError("faults must be a list and seed a whole number")
        faults = [settings.changed(Fault("status"), as_object(one)) for one in given]
        self._state.set_faults(FaultPlan(faults, seed))
        return self._shown_faults()

    def _shown_faults(self) -> Json:
        shown: list[Json] = [settings.to_json(fault) for fault in self._state.fault_plan.faults]
        return {"faults": shown}

    def _clock(self, body: JsonObject) -> Json:
        ahead = body.get("ahead_seconds")
        if isinstance(ahead, bool) or not isinstance(ahead, int | float) or ahead < self._state.clock.ahead_seconds:
            raise ValueError("ahead_seconds must be a number of seconds, and a clock only goes forward")
        self._state.clock.ahead_seconds = ahead
        return {"ahead_seconds": ahead}

    def _reset(self, body: JsonObject) -> Json:
        self._state.reset(population=bool(body.get("population")), settings=bool(body.get("settings")))
        return {}

    def _move(self, body: JsonObject) -> Json:
        project = self._project(body)
        moved = move(project.population, settings.changed(Move(), body), self._now())
        return settings.to_json(moved)

    def _customers(self, body: JsonObject) -> Json:
        project = self._project(body)
        given = body.get("customers")
        if not isinstance(given, list):
            raise TypeError("customers must be a list")
        ids: list[Json] = [one.id for one in add_customers(project.population, given, self._now())]
        return {"ids": ids}

    def _segments(self, body: JsonObject) -> Json:
        return create_segment(self._project(body).population, body, self._now()).to_json()

    def _projects(self, body: JsonObject) -> Json:
        limits = settings.changed(Limits(), as_object(body.pop("limits", {})))
        wanted = settings.changed(ProjectSettings(), body)
        if wanted.app_id == self._state.first.settings.app_id:
            raise ValueError("the first project cannot be replaced")
        self._state.add_project(wanted, limits)
        return settings.to_json(wanted)

    def _campaigns(self, body: JsonObject) -> Json:
        project = self._project(body)
        wanted = settings.changed(CampaignSettings(), body)
        return project.records.campaigns.add(wanted, self._now()).to_json()

    def _change_campaign(self, body: JsonObject) -> Json:
        project, name = self._project(body), str(body.pop("campaign", ""))
        campaign = project.records.campaigns.find(name)
        if campaign is None:
            raise ValueError(f"there is no campaign {name}")
        campaign.change(body, self._now())
        return campaign.to_json()

    def _delete_campaign(self, body: JsonObject) -> Json:
        self._project(body).records.campaigns.delete(str(body.get("campaign")))
        return {}

    def _refusals(self, body: JsonObject) -> Json:
        records = self._project(body).records
        publications = _texts(body.get("publications", {}))
        unknown = set(publications.values()) - REFUSALS
        if unknown:
            raise ValueError(f"{unknown.pop()} is none of {', '.join(sorted(REFUSALS))}")
        records.refused_publications = publications
        records.refused_rows = _texts(body.get("rows", {}))
        return {}

    def _now(self) -> int:
        return to_micros(self._state.clock())


def _texts(given: Json) -> dict[str, str]:
    if not isinstance(given, dict):
        raise TypeError("refusals must be an object: keys of errors by customer")
    return {name: str(key) for name, key in given.items()}


def _key_stats(project: Project) -> JsonObject:
    counts = project.counts
    return {
        "calls": counts.calls,
        "rejected": counts.rejected,
        "repeated": counts.repeated,
        "endpoints": _endpoint_totals([project]),
    }


def _endpoint_totals(projects: list[Project]) -> JsonObject:
    totals: dict[str, EndpointCount] = {}
    for project in projects:
        for name, count in project.counts.endpoints.items():
            total = totals.setdefault(name, EndpointCount())
            total.calls += count.calls
            total.rejected += count.rejected
    return {name: asdict(total) for name, total in totals.items()}


def _channel_totals(projects: list[Project]) -> JsonObject:
    totals: dict[str, ChannelCount] = {}
    for project in projects:
        for window in project.limiter.windows:
            for name, count in window.channels.items():
                total = totals.setdefault(name, ChannelCount())
                total.calls += count.calls
                total.rejected += count.rejected
    return {name: asdict(total) for name, total in totals.items()}


def _windows(state: State) -> list[Json]:
    found = [
        (window.start, {"app_id": app_id} | asdict(window))
        for app_id, project in state.projects.items()
        for window in project.limiter.windows
    ]
    found.sort(key=lambda pair: pair[0])
    return [window for _, window in found]
