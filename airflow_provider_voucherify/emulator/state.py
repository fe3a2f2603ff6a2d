"""Everything one running emulator knows: its projects, its settings, and what was asked of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from airflow_provider_voucherify.emulator.giving.records import Records
from airflow_provider_voucherify.emulator.http.faults import FaultPlan
from airflow_provider_voucherify.emulator.http.limits import Limiter, Limits
from airflow_provider_voucherify.emulator.shop.catalogue import build_shop
from airflow_provider_voucherify.emulator.shop.population import Population
from airflow_provider_voucherify.emulator.switches import Switches
from airflow_provider_voucherify.emulator.times import Clock, MovableClock, to_micros

APP_ID = "emulator-app-id"
APP_TOKEN = "emulator-app-token"  # noqa: S105 - the published key of a local stand-in


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """A project: a key pair with customers and segments of its own.

    :param app_id: value of ``X-App-Id``.
    :param app_token: value of ``X-App-Token``.
    :param customers: size of the population; 0 for an empty project.
    :param segments: number of segments.
    :param seed: the same seed gives the same population.
    """

    app_id: str = APP_ID
    app_token: str = APP_TOKEN
    customers: int = 1_000
    segments: int = 12
    seed: int = 7


@dataclass(slots=True)
class EndpointCount:
    """Calls of one endpoint: those that were answered, and those refused with 429."""

    calls: int = 0
    rejected: int = 0


@dataclass(slots=True)
class ProjectCounts:
    """What one key pair asked.

    :param repeated: answered GET calls whose very same request had been answered before.
    """

    calls: int = 0
    rejected: int = 0
    repeated: int = 0
    endpoints: dict[str, EndpointCount] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)

    def endpoint(self, name: str) -> EndpointCount:
        """Find the count of one endpoint.

        :param name: for example ``GET /v1/customers/{id}/segments``.
        """
        found = self.endpoints.get(name)
        if found is None:
            found = self.endpoints[name] = EndpointCount()
        return found

    def repeats(self, target: str) -> None:
        """Note an answered GET call, and whether it had been answered before."""
        if target in self.answered:
            self.repeated += 1
        else:
            self.answered.add(target)


class Project:
    """A key pair at work: its population, its records, its limits and its counts."""

    def __init__(self, settings: ProjectSettings, limits: Limits, now: float, shop_seed: int | str) -> None:
        """Build the population.

        :param now: seconds since 1970, UTC.
        """
        self._shop_seed = shop_seed
        self.settings = settings
        self.first_limits = limits
        self.limiter = Limiter(limits)
        self.counts = ProjectCounts()
        self.population = Population()
        self.records = Records(settings.app_id)
        self._version_at_start = -1
        self.rebuild(now)

    def rebuild(self, now: float) -> None:
        """Bring the population back to what the seed gives, if anything has changed it, without any records.

        :param now: seconds since 1970, UTC.
        """
        self.records = Records(self.settings.app_id)
        if self.population.stamp == self._version_at_start:
            return
        wanted = self.settings
        self.population = build_shop(wanted.customers, wanted.segments, self._shop_seed, to_micros(now))
        self._version_at_start = self.population.stamp

    def settle(self, now: int) -> None:
        """Carry out bulk updates that are due, and let changes show whose lag is over.

        :param now: microseconds since 1970 (UTC): the instant of the request that is about to look.
        """
        self.records.async_actions.settle(self.population, self.records.refused_rows, now)
        self.population.settle(now)
        self.records.exports.settle(self.population, self.records.publications, now)


class State:
    """One emulator. All of it is touched by the server's thread only."""

    def __init__(self, settings: ProjectSettings, limits: Limits, switches: Switches, clock: Clock) -> None:
        """Build the first project.

        :param settings: its keys and population; its seed also decides about faults and latency.
        :param clock: the server's time, until it is put ahead.
        """
        self.clock = MovableClock(clock)
        self.seed = settings.seed
        self.first_switches = switches
        self.switches = switches
        self.fault_plan = FaultPlan(seed=self.seed)
        self.faults_sent: Counter[str] = Counter()
        self.answers: Counter[int] = Counter()
        self.unauthorized = 0
        self.requests = 0
        self.projects: dict[str, Project] = {}
        self.add_project(settings, limits)
        self.first = self.projects[settings.app_id]
        self.set_switches(switches)

    def add_project(self, settings: ProjectSettings, limits: Limits) -> Project:
        """Add a project, or replace the one with the same id.

        :param settings: its keys and population; the ids in it are its own, whatever the seed.
        """
        # Ids are unique over all projects: with the same seed, another project has other people.
        shop_seed = f"{settings.seed}/{settings.app_id}" if self.projects else settings.seed
        project = Project(settings, limits, self.clock(), shop_seed)
        self.projects[settings.app_id] = project
        self._apply_lag(project)
        return project

    def project_of(self, app_id: str | None, app_token: str | None) -> Project | None:
        """Check the keys of a call.

        :returns: the project, or None when the keys fit none.
        """
        project = None if app_id is None else self.projects.get(app_id)
        return project if project is not None and project.settings.app_token == app_token else None

    def set_switches(self, switches: Switches) -> None:
        """Behave differently from now on."""
        self.switches = switches
        for project in self.projects.values():
            self._apply_lag(project)

    def set_faults(self, plan: FaultPlan) -> None:
        """Make other faults from now on."""
        self.fault_plan = plan

    def reset(self, *, population: bool, settings: bool) -> None:
        """Start over: counters at zero, windows restarted.

        :param population: bring customers and segments back to what the seed gives, and forget campaigns,
            publications, events and bulk updates.
        :param settings: also forget faults, switches and limits set since the start, added projects, and how far
            the clock was put ahead.
        """
        if settings:
            self.clock.ahead_seconds = 0.0
            self.projects = {self.first.settings.app_id: self.first}
            self.fault_plan = FaultPlan(seed=self.seed)
        for project in self.projects.values():
            project.counts = ProjectCounts()
            project.limiter.restart()
            if settings:
                project.limiter = Limiter(project.first_limits)
            if population:
                project.rebuild(self.clock())
        self.fault_plan.restart()
        self.faults_sent.clear()
        self.answers.clear()
        self.unauthorized = 0
        self.requests = 0
        self.set_switches(self.first_switches if settings else self.switches)

    def _apply_lag(self, project: Project) -> None:
        project.population.refresh_lag = to_micros(self.switches.refresh_lag_seconds)
