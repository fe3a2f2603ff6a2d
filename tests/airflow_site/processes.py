"""Airflow's services as processes that surely end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.airflow_site.waiting import until

_STOPPED_WITHIN = 20.0


def airflow_command(*arguments: str, environment: Mapping[str, str], python: str = sys.executable) -> str:
    """Run an ``airflow`` command and return what it prints."""
    command = [python, "-m", "airflow", *arguments]
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"airflow {' '.join(arguments)}: {done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass(frozen=True, slots=True)
class Component:
    """One of Airflow's services, the leader of a process group of its own."""

    name: str
    process: subprocess.Popen[bytes]
    output: Path

    @classmethod
    def start(
        cls,
        name: str,
        arguments: tuple[str, ...],
        environment: Mapping[str, str],
        home: Path,
        python: str = sys.executable,
    ) -> Component:
        output = home / f"{name}.out"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [python, "-m", "airflow", name, *arguments],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(name, process, output)

    def check(self) -> None:
        """Fail with its output if it has ended."""
        if self.process.poll() is not None:
            raise RuntimeError(f"airflow {self.name} ended: {self.output.read_text(errors='replace')[-3000:]}")

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the service and all its children."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return

    def kill_session(self) -> bool:
        """Kill the service and all it started, children in process groups of their own included.

        :returns: whether none of them is left.
        """
        self.process.poll()
        left = [process.id for process in running_processes() if process.session == self.process.pid]
        for process_id in left:
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)
        return not left

    def is_gone(self) -> bool:
        """Return whether none of its processes is left."""
        self.process.poll()
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return False


@dataclass(frozen=True, slots=True)
class Process:
    """A process, as Linux tells it.

    :param session: id of the process that leads its session; children stay in it, whatever they call themselves.
    :param cpu_seconds: its own and those of its children that ended.
    """

    id: int
    parent: int
    session: int
    cpu_seconds: float

    @classmethod
    def from_stat(cls, text: str) -> Process:
        """Read ``/proc/<id>/stat``; the name in it, in parentheses, may hold blanks."""
        number, _, rest = text.partition(" (")
        fields = rest.rpartition(") ")[2].split()
        ticks = sum(map(int, fields[11:15]))
        return cls(int(number), int(fields[1]), int(fields[3]), ticks / os.sysconf("SC_CLK_TCK"))


def running_processes() -> list[Process]:
    """Return all processes, on systems that tell (Linux)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            found.append(Process.from_stat(stat.read_text()))
    return found


def processes_of(home: Path) -> list[int]:
    """Return the ids of the processes that run with this ``AIRFLOW_HOME``, on systems that tell (Linux).

    Those that changed their title have overwritten their environment with it: see :class:`Process`.
    """
    mark = f"AIRFLOW_HOME={home}".encode()
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in environment.read_bytes().split(b"\0"):
                found.append(int(environment.parent.name))
        except OSError:
            continue
    return found


def _stop(components: list[Component], home: Path) -> None:
    """Ask all to end, kill those that do not, children in other process groups included."""
    for component in components:
        component.signal_group(signal.SIGTERM)
    try:
        until(lambda: all(component.is_gone() for component in components), "the end", _STOPPED_WITHIN)
    except TimeoutError:
        for component in components:
            component.signal_group(signal.SIGKILL)
    for process_id in processes_of(home):
        os.kill(process_id, signal.SIGKILL)
    until(lambda: all(component.kill_session() for component in components), "the end of killed processes")
    until(lambda: not processes_of(home), "the end of killed children")


@contextmanager
def services(
    commands: Mapping[str, tuple[str, ...]], environment: Mapping[str, str], home: Path, python: str = sys.executable
) -> Iterator[list[Component]]:
    """Run services, and leave no process of theirs behind."""
    components: list[Component] = []
    try:
        for name, arguments in commands.items():
            components += [Component.start(name, arguments, environment, home, python)]
        yield components
    finally:
        _stop(components, home)
