"""Two tries of a run at once: an old one that is not dead yet, and the one Airflow began in its place."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from airflow_provider_voucherify.api.models import Json, Scope
from airflow_provider_voucherify.load.destinations import XComRows
from airflow_provider_voucherify.load.errors import LedgerLost
from airflow_provider_voucherify.load.xcom.sink import XComSink
from tests.load.memory_store import MemoryStore
from tests.load.runs import Clock, found, identity


def _xcom_sink(store: MemoryStore) -> XComSink:
    return XComSink(XComRows(), identity(), Clock(), store)


def _opened(store: MemoryStore) -> XComSink:
    sink = _xcom_sink(store)
    assert sink.open() is None
    return sink


class SlowStore(MemoryStore):
    """A store on its way to which a try falls asleep, before a change, while another try is at work."""

    def __init__(self, values: dict[str, str], asleep_before: int) -> None:
        super().__init__()
        self.values = values
        self._awake = asleep_before
        self.asleep: Callable[[], object] = dict

    def set(self, key: str, value: Json, *, retention: timedelta | None = None) -> None:
        """Store a value."""
        self._awake -= 1
        if self._awake < 0:
            self._awake = 1_000_000
            self.asleep()
        super().set(key, value, retention=retention)


@pytest.mark.parametrize("asleep_before", range(7))
@pytest.mark.parametrize("retry_writes", range(4))
def test_an_xcom_has_all_who_are_done_whenever_the_old_try_wakes_up(asleep_before: int, retry_writes: int) -> None:
    store = MemoryStore()
    slow = SlowStore(store.values, asleep_before)

    def retry() -> None:
        sink = _opened(store)
        for customer in [one for one in ("anna", "carl", "bert", "dora") if one not in sink.done()][:retry_writes]:
            sink.write([found(customer, "gold")])

    slow.asleep = retry
    with suppress(LedgerLost):
        old = _opened(slow)
        for customer in ("anna", "bert", "carl", "dora"):
            old.write([found(customer, "gold")])
        old.finish(Scope())

    last = _xcom_sink(store)
    published = last.open()
    assert {row["customer_id"] for row in last.rows()} == last.done()
    assert published is None or last.done() == {"anna", "bert", "carl", "dora"}
    for customer in {"anna", "bert", "carl", "dora"} - last.done():
        last.write([found(customer, "gold")])
    assert last.finish(Scope()).memberships == 4


def test_the_old_try_of_an_xcom_stops_and_removes_nothing() -> None:
    store = MemoryStore()
    old = _opened(store)
    old.write([found("anna", "gold")])
    retry = _opened(store)
    retry.write([found("bert", "gold")])

    for act in (lambda: old.write([found("carl", "gold")]), lambda: old.forget({"anna"}), lambda: old.finish(Scope())):
        with pytest.raises(LedgerLost, match=r"another try of the same task took it over.*Let that one go on"):
            act()
    old.close()

    assert _opened(store).done() == {"anna", "bert"}


def test_the_old_try_of_an_xcom_does_not_bring_back_what_is_over() -> None:
    store = MemoryStore()
    old = _opened(store)
    retry = _opened(store)
    retry.finish(Scope())
    retry.close()

    with pytest.raises(LedgerLost, match="or ended"):
        old.write([found("anna", "gold")])
    assert store.values == {}
