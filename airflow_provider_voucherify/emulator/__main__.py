"""``python -m airflow_provider_voucherify.emulator``: a local Voucherify until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import sys
import time

from airflow_provider_voucherify.emulator.http.limits import Limits
from airflow_provider_voucherify.emulator.http.server import Server, end
from airflow_provider_voucherify.emulator.state import APP_ID, APP_TOKEN, ProjectSettings, State
from airflow_provider_voucherify.emulator.switches import Switches


def main(arguments: list[str] | None = None) -> int:
    """Run the emulator.

    :param arguments: command line without the program's name; None for the real one.
    :returns: exit code: 0 after a signal, 1 when the port cannot be had.
    """
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(_serve(options))
    except OSError as error:
        sys.stderr.write(f"cannot listen on {options.host}:{options.port}: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_voucherify.emulator", description="A local Voucherify over HTTP."
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=int, default=8010, help="port to listen on, 0 for a free one")
    add("--customers", type=int, default=1_000, help="size of the population")
    add("--segments", type=int, default=12, help="number of segments")
    add("--seed", type=int, default=7, help="decides population, faults and latencies")
    add("--app-id", default=APP_ID, help="X-App-Id that is let in")
    add("--app-token", default=APP_TOKEN, help="X-App-Token that is let in")
    add("--limit", type=int, default=2_000, help="calls per window, 0 for no limit")
    add("--window-seconds", type=float, default=60.0, help="length of a rate-limit window")
    add("--cycle-limit", type=int, default=0, help="calls per billing cycle, 0 for no limit")
    add("--cycle-seconds", type=float, default=Limits().cycle_seconds, help="length of a billing cycle")
    add("--latency-ms", type=float, default=0.0, help="milliseconds every answer is held back")
    add("--latency-jitter-ms", type=float, default=0.0, help="up to so many milliseconds more")
    add("--refresh-lag-seconds", type=float, default=0.0, help="seconds until a change shows in segments")
    add("--clock-skew-seconds", type=float, default=0.0, help="how far the server's clock is ahead")
    add("--ahead-seconds", type=float, default=0.0, help="how far all of its time is ahead, dates in filters included")
    add("--exit-with-stdin", action="store_true", help="also end when standard input ends")
    return parser


def _state(options: argparse.Namespace) -> State:
    project = ProjectSettings(options.app_id, options.app_token, options.customers, options.segments, options.seed)
    limits = Limits(options.limit or None, options.window_seconds, options.cycle_limit or None, options.cycle_seconds)
    switches = Switches(
        latency_ms=options.latency_ms,
        latency_jitter_ms=options.latency_jitter_ms,
        refresh_lag_seconds=options.refresh_lag_seconds,
        clock_skew_seconds=options.clock_skew_seconds,
    )
    state = State(project, limits, switches, time.time)
    state.clock.ahead_seconds = options.ahead_seconds
    return state


async def _serve(options: argparse.Namespace) -> None:
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    state = _state(options)
    # The population stays for good: the garbage collector need not walk through it again and again.
    gc.freeze()
    runner, port = await Server(state).start(options.host, options.port)
    if options.exit_with_stdin:
        loop.add_reader(sys.stdin.fileno(), lambda: _stop_at_end(loop, stopping))
    sys.stdout.write(f"Voucherify emulator listening on http://{options.host}:{port}\n")
    sys.stdout.flush()
    try:
        await stopping.wait()
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await end(runner)


def _stop_at_end(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
    # The parent never writes: an end of input means that it is gone, and nobody else would stop us.
    if not os.read(sys.stdin.fileno(), 1):
        loop.remove_reader(sys.stdin.fileno())
        stopping.set()


if __name__ == "__main__":
    sys.exit(main())
