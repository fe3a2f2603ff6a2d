"""The pipelines: what each does in a round, and what its tables, files and customers are like after it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from airflow_provider_voucherify.load.destinations import FileFormat, ObjectFiles, WarehouseTable, XComRows
from airflow_provider_voucherify.load.outcomes import OutcomeTable
from airflow_provider_voucherify.pull.customers.sources import AllCustomers, CustomerQuery, EnteredSegment
from airflow_provider_voucherify.pull.plan.question import StrategyName
from benchmarks.tasks.jobs import WAREHOUSE, Job, Publish, Pull, Stamp, date_of
from benchmarks.tasks.models import Appended, Asked, History, Model, Snapshot, Truth, states_between

#: Tables of the pipelines' own: customers a query gives, and outcomes of publications.
CUSTOMERS = "{}_customers"
PUBLICATIONS = "{}_publications"
#: The pipeline of the process that lives on.
RESIDENT = "resident"
CAMPAIGNS = {"Once": "campaign", "Each round": "run"}
_UNKNOWN = tuple(f"nobody-{number}" for number in range(6))
_SHARED = 10
_FOR_EVERYONE: Sequence[StrategyName] = ("auto", "per_segment")
_FOR_LISTS: Sequence[StrategyName] = ("per_customer", "per_segment")


@dataclass
class Pipeline:
    """A Dag with a Voucherify project, a connection and a table or directory of its own.

    :param place: the table or the directory; ``None`` for XCom.
    :param model: what is there now.
    :param given: how often a campaign should have given each customer a code, by campaign and Voucherify's id.
    :param stamps: the metadata each customer should have.
    """

    name: str
    place: str | Path | None
    model: Model
    given: Counter[tuple[str, str]] = field(default_factory=Counter)
    stamps: dict[str, int] = field(default_factory=dict)
    has_run: bool = False

    @property
    def app_id(self) -> str:
        """Return the id of its project."""
        return f"{self.name}-app-id"


@dataclass
class Turn:
    """What a pipeline does in one round.

    :param stages: jobs that run side by side, stage after stage.
    :param asked: what the pulls cover.
    :param states: what readers may see, from what was there to what has to be there at the end.
    :param customers: ids for the pipeline's query.
    :param codes_due: how many publications its campaigns have to make.
    """

    pipeline: Pipeline
    truth: Truth
    stages: list[list[Job]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    states: list[Model] = field(default_factory=list)
    customers: Sequence[str] = ()
    codes_due: int = 0


Draw: TypeAlias = Callable[[Turn, int, random.Random], None]


def some_customers(truth: Truth, rng: random.Random, number: int) -> tuple[str, ...]:
    """Draw customers, each by either id but never by both, and some nobody knows."""
    known = [
        source if rng.random() < 0.8 else customer
        for source, customer in rng.sample(sorted(truth.by_source.items()), number)
    ]
    drawn = [*known, *_UNKNOWN]
    rng.shuffle(drawn)
    return tuple(drawn)


def some_segments(truth: Truth, rng: random.Random) -> tuple[str, ...] | None:
    """Draw a few segments, or all."""
    return tuple(rng.sample(sorted(truth.names), 3)) if rng.random() < 0.3 else None


def _pull(turn: Turn, number: int, pulls: Sequence[Pull], asked: Sequence[Sequence[str] | None]) -> None:
    name = turn.pipeline.name
    jobs = [
        Job(name, "pull", number, pull, map_index if len(pulls) > 1 else -1) for map_index, pull in enumerate(pulls)
    ]
    turn.stages.append(jobs)
    turn.asked = [
        Asked(
            None if customers is None else frozenset(customers),
            None if pull.segments is None else frozenset(pull.segments),
            job.key,
            f"{date_of(number):%Y-%m-%d}",
        )
        for job, pull, customers in zip(jobs, pulls, asked, strict=True)
    ]
    turn.states = states_between(turn.pipeline.model, turn.asked, turn.truth)


def merge(turn: Turn, number: int, rng: random.Random) -> None:
    """Merge customers a query gives, each asked for."""
    name = turn.pipeline.name
    turn.customers = some_customers(turn.truth, rng, 200)
    query = CustomerQuery(f"select customer_id from {CUSTOMERS.format(name)} order by 1", WAREHOUSE)
    destination = WarehouseTable(name, WAREHOUSE, "merge")
    segments = some_segments(turn.truth, rng)
    pull = Pull(query, destination, segments, "per_customer", deferrable=rng.random() < 0.5)
    _pull(turn, number, [pull], [turn.customers])


def mapped(turn: Turn, number: int, rng: random.Random) -> None:
    """Merge two batches side by side that share some customers."""
    drawn = some_customers(turn.truth, rng, 190)
    batches = [drawn[: 98 + _SHARED], drawn[98:]]
    destination = WarehouseTable(turn.pipeline.name, WAREHOUSE, "merge")
    pulls = [Pull(batch, destination, strategy="per_customer", quota_share=0.225) for batch in batches]
    _pull(turn, number, pulls, batches)


def replace_all(turn: Turn, number: int, rng: random.Random) -> None:
    """Make the table everyone's."""
    destination = WarehouseTable(turn.pipeline.name, WAREHOUSE, "replace")
    pull = Pull(AllCustomers(), destination, strategy=rng.choice(_FOR_EVERYONE), deferrable=rng.random() < 0.5)
    _pull(turn, number, [pull], [None])


def append(turn: Turn, number: int, rng: random.Random) -> None:
    """Append a list's rows."""
    customers = some_customers(turn.truth, rng, 80)
    destination = WarehouseTable(turn.pipeline.name, WAREHOUSE, "append")
    pull = Pull(customers, destination, strategy=rng.choice(_FOR_LISTS))
    _pull(turn, number, [pull], [customers])


def history_and_vouchers(turn: Turn, number: int, rng: random.Random) -> None:
    """Write everyone's history; then publish two campaigns to those who entered a segment, side by side."""
    name = turn.pipeline.name
    destination = WarehouseTable(name, WAREHOUSE, "history")
    pull = Pull(AllCustomers(), destination, strategy="per_segment", deferrable=rng.random() < 0.5)
    _pull(turn, number, [pull], [None])
    history = turn.states[-1]
    assert isinstance(history, History)
    sizes = Counter(segment for _, segment in history.entered)
    if not sizes:
        return
    segment_id = rng.choice([segment for segment, size in sizes.items() if size <= 150] or [min(sizes)])
    entered = {customer for customer, segment in history.entered if segment == segment_id}
    outcomes = OutcomeTable(PUBLICATIONS.format(name), WAREHOUSE)
    recipients = EnteredSegment(name, segment_id, WAREHOUSE)
    publications = [
        Job(name, campaign.lower().replace(" ", "_"), number, Publish(recipients, campaign, once_per, outcomes))
        for campaign, once_per in CAMPAIGNS.items()
    ]
    turn.stages.append(publications)
    _expect(turn, entered)


def history_of_some(turn: Turn, number: int, rng: random.Random) -> None:
    """Write the history of a list, of some segments now and then."""
    customers = some_customers(turn.truth, rng, 150)
    destination = WarehouseTable(turn.pipeline.name, WAREHOUSE, "history")
    segments = some_segments(turn.truth, rng)
    pull = Pull(customers, destination, segments, rng.choice(_FOR_LISTS), deferrable=rng.random() < 0.5)
    _pull(turn, number, [pull], [customers])


def files(turn: Turn, number: int, rng: random.Random) -> None:
    """Write files about everyone or a list."""
    assert isinstance(turn.pipeline.place, Path)
    written_as: FileFormat = "parquet" if turn.pipeline.name == "parquet" else "jsonl"
    destination = ObjectFiles(turn.pipeline.place.as_uri(), format=written_as)
    is_about_everyone = rng.random() < 0.5
    customers = None if is_about_everyone else some_customers(turn.truth, rng, 150)
    pull = Pull(AllCustomers() if customers is None else customers, destination, deferrable=rng.random() < 0.5)
    before = turn.pipeline.model
    # The next run takes the place of the one before, whole.
    turn.pipeline.model = Snapshot()
    _pull(turn, number, [pull], [customers])
    turn.states[0] = before


def to_xcom(turn: Turn, number: int, rng: random.Random) -> None:
    """Return a list's rows."""
    customers = some_customers(turn.truth, rng, 150)
    turn.pipeline.model = Snapshot()
    _pull(turn, number, [Pull(customers, XComRows(), strategy="per_customer")], [customers])


def stamp_and_publish(turn: Turn, number: int, rng: random.Random) -> None:
    """Stamp customers and publish to them, known by the merchant's ids."""
    pipeline, name = turn.pipeline, turn.pipeline.name
    sources = rng.sample(sorted(turn.truth.by_source), 90)
    outcomes = OutcomeTable(PUBLICATIONS.format(name), WAREHOUSE)
    customers = (*sources, *_UNKNOWN)
    works = {"stamp": Stamp(customers, {"stamped": number})} | {
        campaign.lower().replace(" ", "_"): Publish(customers, campaign, once_per, outcomes, deferrable=True)
        for campaign, once_per in CAMPAIGNS.items()
    }
    turn.stages.append([Job(name, task_id, number, work) for task_id, work in works.items()])
    turn.states = [pipeline.model]
    known = {turn.truth.by_source[source] for source in sources}
    _expect(turn, known)
    pipeline.stamps |= dict.fromkeys(known, number)


def _expect(turn: Turn, customers: set[str]) -> None:
    given = turn.pipeline.given
    before = given.total()
    for customer in customers:
        given["Once", customer] = 1
        given["Each round", customer] += 1
    turn.codes_due = given.total() - before


def all_pipelines(folder: Path) -> list[tuple[Pipeline, Draw]]:
    """Return them, each with what it does in a round.

    :param folder: where directories of files go.
    """
    return [
        (Pipeline("merged", "merged", Snapshot()), merge),
        (Pipeline("mapped", "mapped", Snapshot()), mapped),
        (Pipeline("replaced", "replaced", Snapshot()), replace_all),
        (Pipeline("appended", "appended", Appended()), append),
        (Pipeline("history", "history", History()), history_and_vouchers),
        (Pipeline("some_history", "some_history", History()), history_of_some),
        (Pipeline("parquet", folder / "parquet", Snapshot()), files),
        (Pipeline("jsonl", folder / "jsonl", Snapshot()), files),
        (Pipeline("xcom", None, Snapshot()), to_xcom),
        (Pipeline("stamped", None, Snapshot()), stamp_and_publish),
    ]
