"""Any sequence of steps and troubles against plain dictionaries: kills, outages and tries that overlap, by seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

import pytest

from airflow_provider_voucherify.api.models import CustomerAnswer, Member, MembershipPage, Outcome, Segment
from airflow_provider_voucherify.load.errors import LedgerLost, StorageFailed
from tests.ledger.stores import KINDS, Ledger, NewStore, Troubled, kill, new_store, outage
from tests.load import model
from tests.load.memory_store import Killed
from tests.load.runs import Clock
from tests.load.telling import CUSTOMERS

Told: TypeAlias = Callable[[Ledger | model.Ledger], None]


def state_of(truth: model.Ledger) -> dict[str, object]:
    """Return what a ledger that was told the same should hold."""
    return {
        "done": truth.done(),
        "failed": truth.failed(),
        "unknown": {one for one, said in truth.outcomes.items() if said is Outcome.UNKNOWN},
        "lists": truth.lists,
        "unlisted": set(CUSTOMERS) - {one for one, _ in truth.members},
        "listed_since": truth.listed_since(),
        "rows": sorted((*pair, name) for pair, name in truth.shown().items()),
        "customers": len(truth.outcomes) + truth.rest,
    }


class Run:
    """A run with all its tries.

    :param store: where the ledger is.
    :param seed: of what happens.
    """

    def __init__(self, store: NewStore, seed: int) -> None:
        self.rng = random.Random(seed)
        self.new_store = store
        self.clock = Clock()
        self.truths = [model.Ledger("run", 0, model.Job())]
        self.overtaken: list[Ledger] = []
        self.open()

    def open(self) -> None:
        """Begin a try, which may be killed or cut off while it reads back; then there is another."""
        while True:
            self.store = Troubled(self.new_store())
            self.ledger = Ledger(self.store, self.clock)
            if self.rng.random() < 0.3:
                self.store.trouble(
                    self.rng.randrange(12), self.rng.choice([kill, outage]), comes_after=self.rng.random() < 0.5
                )
            try:
                self.ledger.open()
            except (Killed, StorageFailed):
                continue
            self.store.be_well()
            state = self.ledger.state()
            assert state in [state_of(truth) for truth in self.truths]
            self.truths = [truth for truth in self.truths if state_of(truth) == state]
            return

    def step(self) -> None:
        """Tell the try something, or let it be overtaken; troubles come as they like."""
        self.clock.advance(timedelta(seconds=self.rng.choice([-5, 0, 0, 1, 60])))
        if self.rng.random() < 0.15:
            self.overtaken.append(self.ledger)
            self.open()
            return
        for old in self.overtaken:
            if self.rng.random() < 0.2:
                with pytest.raises(LedgerLost):
                    old.write(self.answers())
        self.tell(self.told())

    def tell(self, told: Told) -> None:
        """Tell the try something; what is cut off is told again, or another try comes."""
        after = [self.changed(truth, told) for truth in self.truths]
        what = self.rng.choice([None, None, None, kill, outage, outage])
        if what is not None:
            self.store.trouble(self.rng.randrange(3), what, comes_after=self.rng.random() < 0.5)
        try:
            told(self.ledger)
        except StorageFailed:
            self.store.be_well()
            assert self.ledger.state() in [state_of(truth) for truth in self.truths]
            if self.rng.random() < 0.5:
                told(self.ledger)
                self.truths = after
            else:
                self.truths += after
                self.open()
        except Killed:
            self.truths += after
            self.open()
        else:
            self.store.be_well()
            self.truths = after
        assert self.ledger.state() in [state_of(truth) for truth in self.truths]

    def changed(self, truth: model.Ledger, told: Told) -> model.Ledger:
        """Return a truth once it is told something."""
        truth = deepcopy(truth)
        told(truth)
        return truth

    def told(self) -> Told:
        """Return something that may be told."""
        some, now = self.some(), self.clock()
        unknown = {one for one in some if self.rng.random() < 0.3}
        answers, pages, total = (
            self.answers(),
            [self.page() for _ in range(self.rng.randint(1, 3))],
            self.rng.randint(0, 9),
        )
        return self.rng.choice(
            [
                lambda one: one.write(answers),
                lambda one: one.write(answers),
                lambda one: one.write_pages(pages),
                lambda one: one.write_pages(pages),
                lambda one: one.settle(some, unknown, now),
                lambda one: one.settle_everyone(total, now),
                lambda one: one.forget(set(some)),
            ]
        )

    def some(self) -> list[str]:
        """Return some customers."""
        return self.rng.sample(CUSTOMERS, self.rng.randint(1, len(CUSTOMERS)))

    def answers(self) -> list[CustomerAnswer]:
        """Return some answers, maybe two of one customer."""
        return [self.answer(one) for one in [*self.some(), *self.some()[: self.rng.randint(0, 1)]]]

    def answer(self, one: str) -> CustomerAnswer:
        """Return an answer."""
        outcome = self.rng.choice([Outcome.FOUND, Outcome.FOUND, *Outcome])
        failure = "timeout" if outcome is Outcome.FAILED else None
        segments = self.rng.sample(model.SEGMENTS, self.rng.randint(1, 3)) if outcome is Outcome.FOUND else []
        return CustomerAnswer(one, self.clock(), outcome, tuple(map(self.segment, segments)), failure)

    def page(self) -> MembershipPage:
        """Return a page of a list."""
        segment, members = self.segment(self.rng.choice(model.SEGMENTS)), tuple(map(Member, self.some()))
        is_last, is_first = self.rng.random() < 0.5, self.rng.random() < 0.4
        return MembershipPage(segment, members, self.clock(), {"next": 1}, is_last, is_first)

    def segment(self, id_: str) -> Segment:
        """Return a segment under its present name."""
        return Segment(id_, self.rng.choice([id_.title(), "Renamed"]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(6, 20))])
def test_a_ledger_holds_what_dictionaries_do(kind: str, seed: int, tmp_path: Path) -> None:
    run = Run(new_store(kind, tmp_path), seed)
    for _ in range(30):
        run.step()
