"""The attacks: each a name, what it does to a running try, how it ends, and what may come of it."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import psycopg
from psycopg import sql

from benchmarks.attack.answers import FOR_GOOD, HOSTILE
from benchmarks.attack.moments import PHASES, Phase
from benchmarks.attack.stage import Stage
from benchmarks.tasks.pipelines import Pipeline
from benchmarks.tasks.site import FAULTS

_MOST_HOSTILE_ANSWERS = 60
_MOST_HOURS = 30.0
#: Faults are so many times as frequent as they are in the soak: more than half of the calls fail.
_FAULTS_TIMES = 6
_LOCK_TIMEOUT = "3s"

if TYPE_CHECKING:
    from benchmarks.tasks.parts import PartProcess

PULLS = frozenset({"merged", "replaced", "appended", "some_history", "parquet", "jsonl"})
TABLES = frozenset({"merged", "replaced", "appended", "some_history"})
GIVEN = "given"
#: When calls are made, or were and will be.
_WITH_CALLS: tuple[Phase, ...] = ("asking", "asking", "storing", "other")


@dataclass
class Strike:
    """What an attack is told, and what it tells.

    :param rng: drawn from by the attack.
    :param earlier: how many attempts of the attack there were before.
    :param hours: by which the try's clock is to jump.
    :param detail: what was drawn, for messages.
    :param failed: why nothing was struck after all.
    :param may_fail_for_good: whether the try may say that no retry helps.
    :param lost_table: whether the table readers see is gone.
    """

    stage: Stage
    pipeline: Pipeline
    process: PartProcess
    rng: random.Random
    earlier: int = 0
    hours: float = 0.0
    detail: str = ""
    failed: str = ""
    may_fail_for_good: bool = False
    lost_table: bool = False


Blow: TypeAlias = Callable[[Strike], None]


def _nothing(_: Strike) -> None:
    pass


@dataclass(frozen=True)
class Attack:
    """One kind of attack.

    :param name: in a few words.
    :param begin: what it does.
    :param end: what ends it, before the next try.
    :param on: names of the pipelines it can be done to.
    :param lasts: the longest it lasts in seconds, if the try does not end before; 0 where it is done at once.
    :param is_whole: whether it lasts as long as that in any case, and tries wait as long as they do by default; once
        in ten minutes.
    :param phases: what a try is doing when it is struck.
    :param weight: how often it is done while others are done once.
    :param may_be_held: whether the try may wait meanwhile; ``must_be_held`` if it has to.
    :param spares_ledger: whether what was asked is still held after it.
    :param may_lose_table: whether the table readers see may be gone after it.
    :param disk: the small disk it needs.
    """

    name: str
    begin: Blow
    end: Blow = _nothing
    on: frozenset[str] = PULLS
    lasts: float = 0.0
    is_whole: bool = False
    phases: tuple[Phase, ...] = PHASES
    weight: int = 1
    may_be_held: bool = True
    must_be_held: bool = False
    spares_ledger: bool = True
    may_lose_table: bool = False
    disk: str | None = None


def _kill(strike: Strike) -> None:
    strike.process.send(signal.SIGKILL)


def _answer_hostilely(strike: Strike) -> None:
    name = sorted(HOSTILE)[strike.earlier % len(HOSTILE)]
    number = 1 + int(_MOST_HOSTILE_ANSWERS * strike.rng.random() ** 2)
    strike.detail = f"{number} times {name}"
    strike.may_fail_for_good = name in FOR_GOOD
    address = strike.stage.elsewhere.address
    strike.stage.voucherify.answer_by_itself([HOSTILE[name](address) for _ in range(number)])


def _answer_again(strike: Strike) -> None:
    strike.stage.voucherify.answer_by_itself([])


def _fail_calls(strike: Strike) -> None:
    faults = [replace(fault, rate=fault.rate * _FAULTS_TIMES) for fault in FAULTS]
    strike.stage.site.emulator.set_faults(faults, seed=strike.rng.randrange(1 << 30))


def _end_faults(strike: Strike) -> None:
    strike.stage.site.emulator.set_faults()


def _kill_backends(strike: Strike) -> None:
    strike.detail = f"{strike.stage.sessions_end()} of them"


def _drop_a_table(strike: Strike) -> None:
    """Drop the table, the ledger, the marks or the failures."""
    name = strike.pipeline.place
    like = strike.rng.choice([str(name), f"{name}\\_\\_run\\_%", f"{name}\\_\\_run\\_%", f"{name}\\_\\_marks"])
    strike.detail = like.replace("\\", "")
    query = "select relname from pg_class where relkind = 'r' and relname like %s"
    with strike.stage.site.database.connect() as connection:
        connection.execute(sql.SQL("set lock_timeout = {}").format(_LOCK_TIMEOUT))
        found = [str(row[0]) for row in connection.execute(query, (like,)).fetchall()]
        try:
            for one in found:
                connection.execute(sql.SQL("drop table {}").format(sql.Identifier(one)))
        except psycopg.Error as error:
            strike.failed = str(error)
            return
    strike.failed = "" if found else "there is no such table yet"
    strike.lost_table = name in found


def _restart_database(strike: Strike) -> None:
    strike.stage.restart_database()


def _restart_voucherify(strike: Strike) -> None:
    before = strike.stage.truth_of(strike.pipeline)
    strike.stage.restart_voucherify()
    if strike.stage.truth_of(strike.pipeline) != before:
        raise RuntimeError("the emulator came back with another population: what should be can not be told any more")


def _jump_in_time(strike: Strike) -> None:
    strike.hours = strike.rng.choice([-1, 1]) * strike.rng.uniform(0.01, _MOST_HOURS)
    strike.detail = f"by {strike.hours:+.2f} h"


def _of_disk(name: str, on: frozenset[str], phases: tuple[Phase, ...] = PHASES) -> Attack:
    def fill(strike: Strike) -> None:
        strike.stage.fill(name)

    def make_room(strike: Strike) -> None:
        strike.stage.make_room(name)

    return Attack(f"disk full: {name}", fill, make_room, on, lasts=5.0, disk=name, phases=phases)


def _allow_reads_only(strike: Strike) -> None:
    """Let the database be what is left of it after a failover: sessions end, and new ones may only read."""
    strike.stage.execute_elsewhere("alter database {} set default_transaction_read_only = on")
    strike.stage.sessions_end()


def _allow_writes(strike: Strike) -> None:
    strike.stage.execute_elsewhere("alter database {} reset default_transaction_read_only")
    strike.stage.sessions_end()


def _swallow_calls(strike: Strike) -> None:
    strike.stage.voucherify.mode = "swallow"


def _pass_calls(strike: Strike) -> None:
    strike.stage.voucherify.mode = "pass"
    strike.stage.voucherify.cut()


def _swallow_statements(strike: Strike) -> None:
    strike.stage.warehouse.mode = "swallow"


def _pass_statements(strike: Strike) -> None:
    strike.stage.warehouse.mode = "pass"
    strike.stage.warehouse.cut()


def _forget_name(strike: Strike) -> None:
    strike.stage.unknown.touch()
    strike.stage.voucherify.cut()


def _know_name(strike: Strike) -> None:
    strike.stage.unknown.unlink(missing_ok=True)


ATTACKS: tuple[Attack, ...] = (
    Attack("pull killed", _kill),
    Attack("publication killed", _kill, on=frozenset({GIVEN})),
    Attack(
        "hostile answers",
        _answer_hostilely,
        _answer_again,
        lasts=20.0,
        phases=("asking",),
        weight=4,
    ),
    Attack("most calls fail", _fail_calls, _end_faults, on=PULLS | {GIVEN}, lasts=8.0, phases=_WITH_CALLS),
    Attack("backends killed", _kill_backends, on=TABLES | {GIVEN}),
    Attack("table dropped", _drop_a_table, on=TABLES, may_be_held=False, spares_ledger=False, may_lose_table=True),
    Attack("PostgreSQL restarted", _restart_database, on=TABLES | {GIVEN}),
    Attack("Voucherify restarted", _restart_voucherify, spares_ledger=False),
    Attack("clock jumps", _jump_in_time, on=PULLS | {GIVEN}, must_be_held=True),
    _of_disk("files", frozenset({"parquet", "jsonl"})),
    # A few hundred answers are in memory: what there is to see is whether calls are made where there is no room.
    _of_disk("passing files", TABLES, phases=("other", "asking")),
    _of_disk("database", TABLES | {GIVEN}),
    Attack("database read-only", _allow_reads_only, _allow_writes, on=TABLES | {GIVEN}, lasts=5.0),
    Attack("no network to Voucherify", _swallow_calls, _pass_calls, on=PULLS | {GIVEN}, lasts=8.0, phases=_WITH_CALLS),
    Attack(
        "a minute without network",
        _swallow_calls,
        _pass_calls,
        on=frozenset({"merged"}),  # which makes calls enough to be struck in any case
        lasts=60.0,
        is_whole=True,
        phases=("asking",),
    ),
    Attack("no network to the database", _swallow_statements, _pass_statements, on=TABLES | {GIVEN}, lasts=5.0),
    Attack("no DNS", _forget_name, _know_name, on=PULLS | {GIVEN}, lasts=8.0, phases=_WITH_CALLS),
)
