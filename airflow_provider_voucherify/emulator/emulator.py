"""The emulator inside of a test's process, in a thread with a loop of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

from airflow_provider_voucherify.emulator.control import OwnEmulator
from airflow_provider_voucherify.emulator.http.limits import Limits
from airflow_provider_voucherify.emulator.state import APP_ID, APP_TOKEN, ProjectSettings, State
from airflow_provider_voucherify.emulator.switches import Switches
from airflow_provider_voucherify.emulator.times import Clock


class Emulator(OwnEmulator):
    """A local Voucherify: ``with Emulator(customers=500) as emulator: ... emulator.url``."""

    def __init__(
        self,
        customers: int = 1_000,
        segments: int = 12,
        seed: int = 7,
        *,
        app_id: str = APP_ID,
        app_token: str = APP_TOKEN,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: Limits | None = None,
        switches: Switches | None = None,
        clock: Clock = time.time,
    ) -> None:
        """Describe the emulator; ``start`` or ``with`` begins it.

        :param customers: size of the population.
        :param segments: number of segments.
        :param seed: the same seed gives the same population, faults and latencies.
        :param app_id: value of ``X-App-Id`` that is let in.
        :param app_token: value of ``X-App-Token`` that is let in.
        :param host: address to listen on.
        :param port: port to listen on, 0 for a free one.
        :param limits: rate limits; 2,000 calls a minute unless given.
        :param switches: behaviour.
        :param clock: the server's time: seconds since 1970, UTC.
        """
        super().__init__("", app_id, app_token)
        self._settings = ProjectSettings(app_id, app_token, customers, segments, seed)
        self._limits = limits or Limits()
        self._switches = switches or Switches()
        self._clock = clock
        self._address = (host, port)
        self._thread: threading.Thread | None = None
        self._stop: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Build the population and listen; returns when the first request can be made.

        :raises OSError: when the port cannot be had.
        :raises RuntimeError: when it is running already.
        """
        if self._thread is not None:
            raise RuntimeError("the emulator is running already")
        ready = threading.Event()
        failure: list[BaseException] = []
        self._thread = threading.Thread(
            target=self._run, args=(ready, failure), name="voucherify-emulator", daemon=True
        )
        self._thread.start()
        ready.wait()
        if failure:
            self._thread.join()
            self._thread = None
            raise failure[0]

    def stop(self) -> None:
        """Close all connections and end the thread; does nothing when it is not running."""
        if self._thread is not None:
            self._stop()
            self._thread.join()
            self._thread = None

    def _run(self, ready: threading.Event, failure: list[BaseException]) -> None:
        try:
            asyncio.run(self._serve(ready))
        except Exception as error:  # noqa: BLE001 - whatever it was, the starting thread raises it
            failure.append(error)
        finally:
            ready.set()

    async def _serve(self, ready: threading.Event) -> None:
        # aiohttp is imported here, so that a test run which never starts an emulator does not pay for it.
        from airflow_provider_voucherify.emulator.http.server import Server, end

        state = State(self._settings, self._limits, self._switches, self._clock)
        runner, port = await Server(state).start(*self._address)
        self.url = f"http://{self._address[0]}:{port}"
        stopping, loop = asyncio.Event(), asyncio.get_running_loop()
        self._stop = lambda: _call_if_open(loop, stopping.set)
        ready.set()
        try:
            await stopping.wait()
        finally:
            await end(runner)


def _call_if_open(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(act)
