"""Movement in a shop: customers change, join and leave, all drawn from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

from airflow_provider_voucherify.emulator.shop.customers import Customer
from airflow_provider_voucherify.emulator.shop.population import Population
from airflow_provider_voucherify.emulator.shop.reference import Shop, source_id_of


@dataclass(frozen=True, slots=True)
class Move:
    """How much moves.

    :param seed: the same seed moves the same population in the same way.
    :param change: share of the customers whose behaviour is drawn anew, 0 to 1.
    :param join: number of new customers.
    :param leave: number of customers that are deleted.
    """

    seed: int = 1
    change: float = 0.0
    join: int = 0
    leave: int = 0


@dataclass(frozen=True, slots=True)
class Moved:
    """What moved, in customers, and how many memberships began and ended (with a refresh lag, so far)."""

    changed: int
    joined: int
    left: int
    memberships_begun: int
    memberships_ended: int


def move(population: Population, wanted: Move, now: int) -> Moved:
    """Move a population; the new customers take the next free numbers.

    :param now: microseconds since 1970 (UTC): the time of all changes.
    :returns: what moved.
    :raises ValueError: when a number is negative or a share is not from 0 to 1.
    """
    if wanted.join < 0 or wanted.leave < 0 or not 0 <= wanted.change <= 1:
        raise ValueError("join and leave cannot be negative, and change is a share from 0 to 1")
    rng = random.Random(f"move/{wanted.seed}")
    # The stamp keeps a seed that is used twice from drawing the same new customers again.
    shop = Shop(f"move/{wanted.seed}/{population.stamp}", 1)
    people = list(population.customers.values())
    leaving = rng.sample(people, min(wanted.leave, len(people)))
    gone = {customer.id for customer in leaving}
    staying = [customer for customer in people if customer.id not in gone]
    changing = rng.sample(staying, round(wanted.change * len(staying)))
    before = _memberships(population)
    for customer in leaving:
        population.remove(customer)
    for customer in changing:
        shop.redraw(customer, now)
        customer.updated_at = now
        population.touch(customer, now)
    _join(population, shop, wanted.join, now)
    after = _memberships(population)
    return Moved(len(changing), wanted.join, len(leaving), len(after - before), len(before - after))


def _join(population: Population, shop: Shop, joining: int, now: int) -> None:
    for _ in range(joining):
        ordinal = number = population.next_ordinal()
        while population.find_source(source_id_of(number)) is not None:
            number += 1
        customer: Customer = shop.customer(number, ordinal, now)
        population.add(customer, now)


def _memberships(population: Population) -> set[tuple[str, str]]:
    return {(customer.id, segment.id) for customer, segment in population.memberships()}
