"""The emulator as a process of its own, so that it takes no time from what is measured."""

from __future__ import annotations

import subprocess
import sys

from airflow_provider_voucherify.emulator.control import OwnEmulator
from airflow_provider_voucherify.emulator.state import APP_ID, APP_TOKEN

_STOP_SECONDS = 5.0


class EmulatorProcess(OwnEmulator):
    """A local Voucherify in another process: ``with EmulatorProcess(customers=100_000) as emulator: ...``."""

    def __init__(
        self,
        customers: int = 10_000,
        segments: int = 40,
        seed: int = 7,
        *,
        app_id: str = APP_ID,
        app_token: str = APP_TOKEN,
        port: int = 0,
        arguments: tuple[str, ...] = (),
    ) -> None:
        """Describe the process; ``start`` or ``with`` begins it.

        :param seed: the same seed gives the same population, faults and latencies.
        :param app_id: value of ``X-App-Id`` that is let in.
        :param app_token: value of ``X-App-Token`` that is let in.
        :param port: port to listen on, 0 for a free one.
        :param arguments: further command line arguments, such as ``("--limit", "0")``.
        """
        super().__init__("", app_id, app_token)
        sizes = {"customers": customers, "segments": segments, "seed": seed, "port": port}
        self._command = [sys.executable, "-m", "airflow_provider_voucherify.emulator"]
        self._command += [f"--{name}={value}" for name, value in sizes.items()]
        self._command += [f"--app-id={app_id}", f"--app-token={app_token}", "--exit-with-stdin", *arguments]
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int | None:
        """Id of the running process, None when there is none."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process; returns when it listens.

        :raises RuntimeError: when the process ends instead, for example because the port is taken.
        """
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        line = "" if self._process.stdout is None else self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            self.stop()
            raise RuntimeError(f"the emulator ended with exit code {code} before it listened")
        self.url = line.split()[-1]

    def stop(self) -> int | None:
        """End the process: ask first, kill after five seconds.

        :returns: its exit code, None when it was not running.
        """
        process, self._process = self._process, None
        if process is None:
            return None
        if process.poll() is None:
            process.terminate()
        try:
            return process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
        finally:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
