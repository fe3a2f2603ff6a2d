"""The emulator as a process: it starts, says where, and ends when asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from airflow_provider_voucherify.emulator import Emulator, EmulatorProcess

COMMAND = [sys.executable, "-m", "airflow_provider_voucherify.emulator"]


def test_the_process_serves_the_same_shop_as_the_thread() -> None:
    with EmulatorProcess(60, 8, seed=3, arguments=("--limit", "5")) as process, Emulator(60, 8, 3) as thread:
        assert process.memberships() == thread.memberships()
        assert process.pid != os.getpid()
        assert process.airflow_connection()["host"] == process.url
    assert process.pid is None
    assert process.stop() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    arguments = ["--port=0", "--customers=5", "--segments=2", "--app-id=a", "--app-token=b"]
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("Voucherify emulator listening on http://127.0.0.1:")
    process.send_signal(number)
    rest, errors = process.communicate(timeout=10)
    assert (process.returncode, rest, errors) == (0, "", "")


def test_it_ends_with_its_parent() -> None:
    emulator = EmulatorProcess(5, 2)
    emulator.start()
    process = emulator._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(10) == 0
    emulator.stop()


def test_a_port_that_is_taken() -> None:
    with Emulator(1, 1) as emulator:
        port = int(emulator.url.rpartition(":")[2])
        with pytest.raises(RuntimeError, match="exit code 1"):
            EmulatorProcess(1, 1, port=port).start()
