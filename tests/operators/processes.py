"""Tries of a task in processes of their own, each of which may be killed at any moment.

They are forks of a process that has run such a task before: those begin at once, where a new interpreter takes seconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_voucherify.emulator import EmulatorProcess
    from tests.postgres import PostgresDatabase


def serve(warm_up: Callable[[], bool], succeeds: Callable[[str, int], bool]) -> None:
    """Write a line once a first task has succeeded. Then read a line for each try, fork, and write the new process's
    id, and once that has ended its exit code, negative for the signal that killed it.

    :param succeeds: runs the try of a line, which is given with its number.
    """
    output = os.dup(1)
    os.dup2(2, 1)  # what others write to standard output, as logging does, goes to standard error

    def say(word: object) -> None:
        os.write(output, f"{word}\n".encode())

    assert warm_up()
    say("ready")
    for number, line in enumerate(sys.stdin, start=1):
        process_id = os.fork()
        if process_id == 0:
            os._exit(not succeeds(line.strip(), number))
        say(process_id)
        _, status = os.waitpid(process_id, 0)
        say(os.waitstatus_to_exitcode(status))


@contextmanager
def serving(
    module: str, voucherify: EmulatorProcess, database: PostgresDatabase, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """Run a module that serves tries with the connections ``voucherify_default`` and ``warehouse``.

    :param environment: what else it finds there.
    """
    connections = {
        "AIRFLOW_CONN_VOUCHERIFY_DEFAULT": json.dumps(voucherify.airflow_connection()),
        "AIRFLOW_CONN_WAREHOUSE": database.airflow_connection,
    }
    with subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=Path(__file__).parents[2],
        env=os.environ | connections | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


def start_try(tries: subprocess.Popen[str], line: str) -> int:
    """Start a try and return its process id."""
    assert tries.stdin is not None
    assert tries.stdout is not None
    tries.stdin.write(f"{line}\n")
    tries.stdin.flush()
    return int(tries.stdout.readline())


def exit_code(tries: subprocess.Popen[str]) -> int:
    """Wait for the end of the try."""
    assert tries.stdout is not None
    return int(tries.stdout.readline())
