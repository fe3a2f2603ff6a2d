"""``python -m benchmarks.attack [MINUTES] [--seed N]``: attacks on running tries, each followed by a judgement."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.attack.attacks import ATTACKS, GIVEN, Attack
from benchmarks.attack.stage import Stage, open_stage
from benchmarks.tasks.models import Snapshot
from benchmarks.tasks.pipelines import Draw, Pipeline, all_pipelines

if TYPE_CHECKING:
    from benchmarks.attack.rounds import Attempt

#: An attack that lasts long is made once where there is so many times as long for all of them.
_TIMES_LONGER = 5


def main() -> int:
    """Attack; return 0 if nothing was violated."""
    options = _parser().parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    print(f"seed {seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="attack-"))
    named = {name for attack in ATTACKS for name in attack.on}
    pulls = [(pipeline, draw) for pipeline, draw in all_pipelines(folder / "files") if pipeline.name in named]
    given = Pipeline(GIVEN, None, Snapshot())
    with open_stage(folder, [*(pipeline for pipeline, _ in pulls), given], seed) as stage:
        attempts, left_out = _attack(stage, pulls, given, seed, options)
    # Imported here: it imports Airflow, which reads the stage's environment.
    from benchmarks.attack.results import report

    report(attempts, seed, options.minutes, left_out).publish()
    if any(attempt.found for attempt in attempts):
        print(f"what the tries logged is in {folder / 'logs'}")
        return 1
    shutil.rmtree(folder)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attack", description=__doc__)
    parser.add_argument("minutes", nargs="?", type=float, default=10.0, help="how long attacks are begun")
    parser.add_argument("--seed", type=int, help="draws populations, jobs, attacks and moments")
    parser.add_argument("--only", help="a part of the names of the attacks to be made")
    return parser


def _attack(
    stage: Stage, pulls: list[tuple[Pipeline, Draw]], given: Pipeline, seed: int, options: argparse.Namespace
) -> tuple[list[Attempt], list[str]]:
    """Attack until the time is up; return the attempts, and the names of attacks this machine does not let us make."""
    # Imported here: these import Airflow, which reads the stage's environment.
    from benchmarks.attack.rounds import Rounds, publish_codes
    from benchmarks.tasks.parts import preload

    preload()
    rounds = Rounds(stage, [*pulls, (given, publish_codes)])
    attacks = [one for one in ATTACKS if one.disk in {None, *stage.disks} and (options.only or "") in one.name]
    rng = random.Random(seed)
    began_at, seconds = time.monotonic(), options.minutes * 60
    for number, attack in enumerate(_in_turn(attacks, rng, seconds), 1):
        if time.monotonic() - began_at > seconds:
            break
        attempt = rounds.carry_out(number, attack, random.Random(f"{seed}/{number}"))
        how = attempt.told if attempt.struck else f"not struck {attempt.told}"
        print(f"{number:3} {attempt.seconds:5.1f} s  {attack.name} / {attempt.pipeline}, {how}: {attempt.outcome}")
        for one in attempt.found:
            print(f"    VIOLATION, seed {seed}, round {number}, {attack.name} / {attempt.pipeline}: {one}", flush=True)
    return rounds.attempts, [one.name for one in ATTACKS if one.disk not in {None, *stage.disks}]


def _in_turn(attacks: list[Attack], rng: random.Random, seconds: float) -> Iterator[Attack]:
    """Give attacks in an order of chance, and then all of them again; those that last long once, if there is time."""
    often = [attack for attack in attacks for _ in range(attack.weight) if not attack.is_whole]
    once = [attack for attack in attacks if attack.is_whole and attack.lasts * _TIMES_LONGER <= seconds]
    yield from rng.sample([*often, *once], len(often) + len(once))
    while often:
        yield from rng.sample(often, len(often))


if __name__ == "__main__":
    sys.exit(main())
