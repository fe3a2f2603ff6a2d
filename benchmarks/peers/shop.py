"""An emulator to pull from, with what a pull should find in it."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from airflow_provider_voucherify.emulator import EmulatorProcess
from airflow_provider_voucherify.emulator.stats import Stats
from benchmarks.peers.contest import rows_in
from benchmarks.peers.job import Job

NO_LIMIT = "--limit=1000000000"


@dataclass(frozen=True)
class Shop:
    """A shop's Voucherify.

    :param emulator: with nobody else asking.
    """

    emulator: EmulatorProcess

    @cached_property
    def truth(self) -> set[tuple[str, str]]:
        """Customer and segment of each membership."""
        return {(str(one.source_id), one.segment_id) for one in self.emulator.memberships()}

    def job(self, customers: int, in_flight: int, database: str, try_number: int = 1) -> Job:
        """Return a pull from here."""
        emulator = self.emulator
        keys = (emulator.app_id, emulator.app_token)
        return Job(emulator.url, *keys, customers, in_flight, database, try_number)

    def different_answers(self, customers: int) -> int:
        """Return how many different answers the first customers get: those in the same segments get the same."""
        last = f"customer-{customers:07d}"
        segments = defaultdict[str, set[str]](set)
        for customer_id, segment_id in self.truth:
            if customer_id <= last:
                segments[customer_id].add(segment_id)
        in_none = len(segments) < customers
        return len({frozenset(one) for one in segments.values()}) + in_none

    def lost(self, job: Job) -> int:
        """Return how many customers the database lacks a membership of, or has one too much of."""
        asked = set(job.ids)
        expected = {pair for pair in self.truth if pair[0] in asked}
        return len({customer for customer, _ in expected ^ rows_in(job.database)})

    def stats(self) -> Stats:
        """Return what was asked so far."""
        return self.emulator.stats()


@contextmanager
def opened_shop(customers: int, *arguments: str, core: int | None = None) -> Iterator[Shop]:
    """Start an emulator; end it afterwards.

    :param customers: how many it knows.
    :param arguments: of its command line.
    :param core: to run on, or ``None`` for any.
    """
    with EmulatorProcess(customers, arguments=arguments) as emulator:
        if core is not None:
            os.sched_setaffinity(emulator.pid or 0, {core})
        yield Shop(emulator)
