"""Imports in forks of a process that has ``airflow.sdk`` only, as the Dag processor forks to parse a file.

``python -m benchmarks.imports.forks 5 'import x' 'import y'`` prints milliseconds and KiB of each in each round.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from pathlib import Path

from airflow.sdk import DAG, BaseOperator

#: What any Dag file has: loaded before the forks, so that nobody is charged for it.
BARE_DAG_FILE = (DAG, BaseOperator)


def resident_kib() -> int:
    """Return the memory of this process that is in use."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def measured(statement: str) -> tuple[float, int]:
    """Return milliseconds of CPU and KiB that a statement takes in this process."""
    before, began_at = resident_kib(), time.process_time()
    exec(compile(statement, "<dag file>", "exec"), {})
    return (time.process_time() - began_at) * 1000, resident_kib() - before


def measured_in_a_fork(statement: str) -> tuple[float, int]:
    """Return milliseconds and KiB that a statement takes in a process of its own.

    :raises RuntimeError: if it fails there.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, json.dumps(measured(statement)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    if not text:
        raise RuntimeError(f"{statement!r} fails")
    milliseconds, kib = json.loads(text)
    return float(milliseconds), int(kib)


def main(rounds: int, statements: list[str]) -> None:
    """Print the measurements of each statement, the first round left out: it may still compile."""
    gc.freeze()
    found = [[measured_in_a_fork(statement) for statement in statements] for _ in range(rounds + 1)]
    print(json.dumps(list(zip(*found[1:], strict=True))))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
