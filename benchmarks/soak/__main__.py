"""``python -m benchmarks.soak [MINUTES] [--seed N]``: pulls and publications, kills and faults; then the truth."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.soak.results import growth_problems, report
from benchmarks.tasks.models import Snapshot
from benchmarks.tasks.pipelines import RESIDENT, Draw, Pipeline, all_pipelines
from benchmarks.tasks.site import Site, open_site

if TYPE_CHECKING:
    from benchmarks.soak.rounds import Rounds


def main() -> int:
    """Soak; return 0 if nothing differed and nothing grew."""
    options = _parser().parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    print(f"seed {seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    pipelines = all_pipelines(folder / "files")
    of_resident = Pipeline(RESIDENT, RESIDENT, Snapshot())
    with open_site(folder, [*(one for one, _ in pipelines), of_resident], seed) as site:
        rounds, problems = _soak(site, pipelines, of_resident, seed, options.minutes * 60)
    report(rounds.done, seed, problems, options.minutes).publish()
    problems += growth_problems(rounds.done.usages)
    for problem in problems:
        print(f"seed {seed}, round {rounds.done.rounds}: {problem}")
    if problems:
        print(f"what the tries logged is in {folder / 'logs'}")
        return 1
    shutil.rmtree(folder)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("minutes", nargs="?", type=float, default=10.0, help="how long rounds are begun")
    parser.add_argument("--seed", type=int, help="draws populations, jobs, faults and kills; moments stay chance's")
    return parser


def _soak(
    site: Site, pipelines: list[tuple[Pipeline, Draw]], of_resident: Pipeline, seed: int, seconds: float
) -> tuple[Rounds, list[str]]:
    """Begin rounds until the time is up or something differs."""
    # Imported here: these import Airflow, which reads the site's environment.
    from benchmarks.soak import resident
    from benchmarks.soak.rounds import Rounds
    from benchmarks.tasks.parts import preload

    preload()
    processes = get_context("forkserver")
    ours, theirs = processes.Pipe()
    process = processes.Process(target=resident.live, args=(theirs, site.folder), daemon=True)
    process.start()
    theirs.close()
    rounds = Rounds(site, pipelines, of_resident, ours)
    rng = random.Random(seed)
    end, number, problems = time.monotonic() + seconds, 0, list[str]()
    try:
        while not problems and time.monotonic() < end:
            number += 1
            problems = rounds.carry_out(number, rng)
    finally:
        ours.close()
        process.join(10)
        process.kill()
    return rounds, problems


if __name__ == "__main__":
    sys.exit(main())
