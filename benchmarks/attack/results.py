"""What the attacks did and found, as a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from benchmarks.attack.attacks import ATTACKS
from benchmarks.attack.moments import PHASES
from benchmarks.attack.rounds import Attempt
from benchmarks.attack.stage import TIMEOUT
from benchmarks.reporting import Report, Table, Target

_QUESTION = f"""\
What do attacks on a running try break? Each attempt begins a pull into a table (merged, replaced, appended, a history)
or into files, or a publication of codes, as a process of the Task SDK's task runner, on a real PostgreSQL and the
emulator over HTTP; strikes before an event that a seed draws (a call, a write to the ledger, a statement that makes the
run visible, anything else), while the try waits or goes on; ends the attack; and tries again until a try succeeds.

Then this must hold: readers who looked on all the while saw the rows of before or those of the run, nothing in between;
rows, files and codes equal the truth; no more calls were made again than a chunk, at up to two calls a customer, and
what planning takes; errors are told in words, without a customer's id, a secret or a word of a body; what passes by
itself is tried again; no ledger, session or temporary file is left.

Calls are given up after {TIMEOUT} s and tried again after 20 ms at first, where 30 s and half a second are the default,
so that outages of seconds stand for minutes; the minute without network is a whole one, with the waits of the default.
Disks are small ones in memory, really full; a network is a proxy that swallows what is sent; clocks are moved in the
process of the try, not in the machine; names are refused by the process's own resolver."""


def report(attempts: Sequence[Attempt], seed: int, minutes: float, left_out: Sequence[str]) -> Report:
    """Return the report.

    :param left_out: names of attacks this machine did not let us make.
    """
    number = sum(len(one.found) for one in attempts)
    struck = sum(one.struck is not None for one in attempts)
    looks = sum(one.looks for one in attempts)
    verdict = "nothing was violated" if not number else f"{number} things were not as they should be"
    reading = [f"{struck} of {len(attempts)} tries were struck, while readers looked {looks:,} times: {verdict}."]
    if left_out:
        reading.append(f"Left out, since the user that ran it may mount nothing: {', '.join(left_out)}.")
    return Report(
        name="attack",
        title="Attacks",
        question=_QUESTION,
        tables=[_table(attempts, seed, minutes), _endings(attempts)],
        reading=reading,
        targets=[Target("attacks: violations", "0", f"{number} in {len(attempts)} attempts", number == 0)],
        packages=["apache-airflow", "sqlalchemy", "psycopg", "aiohttp"],
    )


def _table(attempts: Sequence[Attempt], seed: int, minutes: float) -> Table:
    rows: list[list[str | int]] = []
    for attack in ATTACKS:
        of_attack = [one for one in attempts if one.attack == attack.name]
        struck = Counter(one.struck for one in of_attack)
        phases = [struck[phase] for phase in PHASES]
        if of_attack:
            rows.append([attack.name, len(of_attack), *phases, sum(len(one.found) for one in of_attack)])
    rows.append(["all", *(sum(int(row[place]) for row in rows) for place in range(1, len(PHASES) + 3))])
    heads = ("attack", "attempts", *(f"struck while {phase}" for phase in PHASES), "violations")
    return Table(f"Attacks begun in {minutes:g} minutes (seed {seed})", heads, rows)


def _endings(attempts: Sequence[Attempt]) -> Table:
    ended = Counter(one.outcome for one in attempts if one.struck is not None)
    return Table("How the struck tries ended", ("ended", "number"), [[name, one] for name, one in ended.most_common()])
