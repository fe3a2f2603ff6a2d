"""A whole pull in virtual time, call by call, as an operator does it: plan, pull, defer, go on."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from airflow_provider_voucherify.api.errors import WindowClosed
from airflow_provider_voucherify.api.http.client import Client
from airflow_provider_voucherify.pull.clients import RememberingClient
from airflow_provider_voucherify.pull.customers.asked_customers import AskedCustomers, Sample
from airflow_provider_voucherify.pull.per_segment.listing import Terms
from airflow_provider_voucherify.pull.plan.plan import Plan
from airflow_provider_voucherify.pull.plan.question import Question, StrategyName
from airflow_provider_voucherify.pull.plan.survey import HeldBefore, Survey
from airflow_provider_voucherify.pull.progress import Progress
from airflow_provider_voucherify.pull.pull import Pull
from airflow_provider_voucherify.pull.tools import PullTools
from benchmarks.simulate.clients import START, clock_of, open_client
from benchmarks.simulate.nowhere import Nowhere
from benchmarks.simulate.server import SimulatedServer
from benchmarks.simulate.world import Scene, Shop
from tests.virtual_time import VirtualLoop


@dataclass(frozen=True, slots=True)
class Whole:
    """What a whole pull took.

    :param plan: the first part's.
    :param calls: those that were answered, and ``rejected`` those turned away.
    """

    plan: Plan
    seconds: float
    calls: int
    rejected: int
    checkout_rejected: int
    deferrals: int
    memberships: int


def run_whole(scene: Scene, shop: Shop, strategy: StrategyName, seed: int = 1) -> Whole:
    """Pull the segments of everyone."""
    chance = random.Random(seed)
    server = SimulatedServer(scene, shop, chance)
    with _virtual_loop() as loop:
        checkout = loop.create_task(server.serve_checkout(math.inf))
        began_at = loop.time()
        pull = _Pull(server, scene, Question(None, None, strategy), chance, loop)
        plan = pull.to_end()
        seconds = loop.time() - began_at
        checkout.cancel()
        loop.run_until_complete(asyncio.gather(checkout, return_exceptions=True))
    return Whole(
        plan,
        seconds,
        server.counted["pull"].total(),
        server.rejected["pull"],
        server.rejected["checkout"],
        pull.deferrals,
        pull.sink.memberships,
    )


def planned(shop: Shop, strategy: StrategyName, scene: Scene) -> Plan:
    """Return the plan of a pull of everyone, and make no call but those of planning."""
    question, chance = Question(None, None, strategy), random.Random(1)
    server = SimulatedServer(scene, shop, chance)
    with _virtual_loop() as loop:
        terms = Terms(question, AskedCustomers(None), Sample(question.verify_sample, "salt"), clock_of(loop))
        client = open_client(server, scene, chance, loop)
        survey = Survey(question, HeldBefore(), terms, RememberingClient(client, {}, clock_of(loop), keeps=False))
        return loop.run_until_complete(survey.plan(lambda: None))


def planned_every_way(shop: Shop, scene: Scene) -> Plan:
    """Return the plan of a pull of everyone that may not export, with the way by exports beside the others."""
    plan, by_exports = planned(shop, "auto", scene), planned(shop, "export", scene)
    return replace(plan, ways=(*plan.ways, *(way for way in by_exports.ways if way.name == "export")))


class _Pull:
    """A pull over as many parts as deferrals cut it into; ``sink`` is its ledger."""

    def __init__(
        self,
        server: SimulatedServer,
        scene: Scene,
        question: Question,
        chance: random.Random,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.sink = Nowhere()
        self.deferrals = 0
        self._server = server
        self._scene = scene
        self._question = question
        self._chance = chance
        self._loop = loop

    def to_end(self) -> Plan:
        """Pull until nothing is left; return the plan the first part made."""
        first: Plan | None = None
        while True:
            client = open_client(self._server, self._scene, self._chance, self._loop, goes_on=self.deferrals > 0)
            try:
                pull = Pull(self._question, self._tools(client), lambda: None)
                plan = pull.plan()
                first = first or plan
                pull.carry_out(plan)
            except WindowClosed as closed:
                self.deferrals += 1
                self._loop.run_until_complete(asyncio.sleep(closed.wait + START))
            else:
                return first

    def _tools(self, client: Client) -> PullTools:
        return PullTools(
            client=client,
            run=self._loop.run_until_complete,
            sink=self.sink,
            progress=lambda total, held, unit: Progress(
                total, held, client.calls, client.gate.window, self._loop.time, unit
            ),
            now=clock_of(self._loop),
            rng=self._chance,
            workers=self._scene.concurrency,
            may_defer=True,
            is_resumed=self.deferrals > 0,
        )


@contextmanager
def _virtual_loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    try:
        yield loop
    finally:
        loop.close()
