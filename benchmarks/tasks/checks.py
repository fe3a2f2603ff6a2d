"""After a round: does everything equal the truth, is nothing left behind, was no call wasted?"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from airflow_provider_voucherify.emulator import Stats
from benchmarks.tasks.jobs import CHUNK, Pull, Stamp
from benchmarks.tasks.models import History
from benchmarks.tasks.parts import Course
from benchmarks.tasks.pipelines import PUBLICATIONS, Pipeline, Turn
from benchmarks.tasks.seen import exists, ledgers, line_of, lines_of_files, lines_of_table, lines_of_xcom
from benchmarks.tasks.site import SEGMENTS, Site

_SHOWN = 3
#: One for the segments, one more where Voucherify may not know the customer.
_MOST_CALLS_A_CUSTOMER = 2
#: Calls of a part of a try before its first chunk or round: for the segments, how many customers there are, what an
#: unknown one gets; where segments are listed each one's first page, and a sample of customers at the end.
_PLANNING = 3 + 2 * SEGMENTS + 10
_PUBLISH = "POST /v1/publications"


def differences(site: Site, turn: Turn, courses: Sequence[Course]) -> Iterator[str]:
    """Compare what a pipeline's turn left with the truth; give what differs in words."""
    pipeline = turn.pipeline
    for course in courses:
        yield from course.problems
        if isinstance(turn.states[-1], History) and isinstance(course.job.work, Pull):
            yield from _changes_told(turn.states[-1], course)
    with site.database.connect() as connection:
        if pipeline.name == "xcom":
            yield from compared("XCom", turn.states[-1].lines(), lines_of_xcom(courses[0].result))
        elif isinstance(pipeline.place, Path):
            yield from compared(str(pipeline.place), turn.states[-1].lines(), lines_of_files(pipeline.place) or [])
        elif pipeline.place is not None:
            line = line_of(turn.states[-1])
            yield from compared(
                pipeline.place, turn.states[-1].lines(), lines_of_table(connection, pipeline.place, line)
            )
        yield from _publications(site, pipeline, connection)
    yield from _stamps(site, turn)


def compared(what: str, expected: Sequence[str], found: Sequence[str]) -> Iterator[str]:
    """Say in words how lines differ, each as often as it is there."""
    missing, surplus = Counter(expected) - Counter(found), Counter(found) - Counter(expected)
    if missing:
        yield f"{what} lacks {missing.total():,} of {len(expected):,} rows, such as {sorted(missing)[:_SHOWN]}"
    if surplus:
        yield f"{what} has {surplus.total():,} rows it should not, such as {sorted(surplus)[:_SHOWN]}"


def _changes_told(history: History, course: Course) -> Iterator[str]:
    told = course.result
    expected = (len(history.entered), len(history.left))
    if not isinstance(told, dict):
        yield f"{course.job.key} told of nothing"
    elif (told["entered"], told["left"]) != expected:
        yield f"{course.job.key} told of {told['entered']} entered and {told['left']} left, should be {expected}"


def codes_given(site: Site, pipeline: Pipeline) -> Iterator[str]:
    """Compare how often each campaign gave each customer a code with how often it should have."""
    yield from compared(
        f"Voucherify's publications of {pipeline.name}",
        [f"{campaign}|{customer}" for campaign, customer in pipeline.given.elements()],
        [f"{one.campaign}|{one.customer_id}" for one in site.emulator.publications(pipeline.app_id)],
    )


def _publications(site: Site, pipeline: Pipeline, connection: psycopg.Connection) -> Iterator[str]:
    if not pipeline.given:
        return
    yield from codes_given(site, pipeline)
    given = site.emulator.publications(pipeline.app_id)
    table = PUBLICATIONS.format(pipeline.name)
    recorded = sql.SQL("(select * from {} where outcome = 'published') as published")
    if not exists(connection, table):
        yield f"{table} is not there"
        return
    line = "concat_ws('|', campaign_name, voucherify_id, code, publication_source_id)"
    rows = connection.execute(sql.SQL(f"select {line} from ") + recorded.format(sql.Identifier(table))).fetchall()
    # A customer of a campaign given once has a row from whichever round came first.
    yield from compared(
        table,
        [f"{one.campaign}|{one.customer_id}|{one.code}|{one.source_id}" for one in given],
        [str(row[0]) for row in rows],
    )


def _stamps(site: Site, turn: Turn) -> Iterator[str]:
    pipeline = turn.pipeline
    if not pipeline.stamps:
        return
    stamped = [
        f"{one.customer_id}|{one.metadata['stamped']}"
        for one in site.emulator.customers(pipeline.app_id)
        if "stamped" in one.metadata
    ]
    expected = [
        f"{customer}|{number}" for customer, number in pipeline.stamps.items() if customer in turn.truth.segments_of
    ]
    yield from compared("metadata of customers", expected, stamped)


def rejections(pipeline: Pipeline, courses: Sequence[Course], stats: Stats) -> Iterator[str]:
    """Say if more calls of a pipeline were too many for its limit than kills explain.

    The first call of a try after a kill may find that the killed one used the window up; no other may.
    """
    key = stats.keys.get(pipeline.app_id)
    explained = sum(course.interruptions for course in courses)
    if key is not None and key.rejected > explained:
        yield f"{key.rejected} calls of {pipeline.name} were rejected by the rate limit, kills explain {explained}"


def wasted_calls(turn: Turn, courses: Sequence[Course], stats: Stats) -> Iterator[str]:
    """Say if a pipeline asked for more again than kills and lost answers explain."""
    key = stats.keys.get(turn.pipeline.app_id)
    if key is None or any("pause" in course.ended for course in courses):
        return  # two tries of a job at the same time ask for the same twice
    lost = sum(course.interruptions * CHUNK * _MOST_CALLS_A_CUSTOMER for course in courses)
    again = sum(stats.faults.values()) + lost
    planning = sum(course.parts * _PLANNING for course in courses)
    if key.repeated > again + planning and not any(isinstance(course.job.work, Stamp) for course in courses):
        yield f"{turn.pipeline.name} made {key.repeated} calls twice, kills and faults explain {again + planning}"
    published = key.endpoints.get(_PUBLISH)
    if published is not None and published.calls > turn.codes_due + again:
        yield f"{turn.pipeline.name} published {published.calls} times for {turn.codes_due} codes, {again} lost at most"


def leftovers(site: Site) -> Iterator[str]:
    """Say what jobs that are over left behind: ledgers, sessions of the database, temporary files."""
    with site.database.connect() as connection:
        if logs := ledgers(connection):
            yield f"ledgers are left in the database: {logs}"
        if sessions := _sessions(connection):
            yield f"sessions of the database are left: {sessions}"
    if files := [str(path.relative_to(site.folder)) for path in (site.folder / "tmp").rglob("*")]:
        yield f"temporary files are left: {files[:_SHOWN]} and {max(0, len(files) - _SHOWN)} more"
    of_files = [path for path in (site.folder / "files").glob("*/_ledger/**/*") if path.is_file()]
    if finished := [str(path) for path in of_files if not path.name.startswith(".unfinished-")]:
        yield f"ledgers of files are left: {finished[:_SHOWN]}"


def _sessions(connection: psycopg.Connection) -> list[str]:
    """Return what other sessions last did; the server may take a moment to notice that a client is gone."""
    query = (
        "select left(query, 80) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
    )
    for _ in range(30):
        rows = connection.execute(query).fetchall()
        if not rows:
            return []
        time.sleep(0.1)
    return [str(row[0]) for row in rows]
