"""Runs coroutines on one opened client from synchronous code."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from airflow_provider_voucherify.hooks.connection.environment import tell_new_tokens

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.http.client import Client

log = logging.getLogger(__name__)

T = TypeVar("T")

#: What is cancelled, and closing the client's connections, may take so long, in seconds.
CLOSE_WITHIN = 5.0


class ClientRunner:
    """Owns an event loop and a client opened in it: ``with ClientRunner(opening) as runner: runner.run(...)``.

    Airflow's signal handlers raise in the main thread, wherever that is: at the execution timeout, or when a task is
    killed. Inside a callback of asyncio such an exception would only be logged, inside a task group it would be
    wrapped. So the loop has a thread of its own, and the main thread only waits for it: there an exception is itself.

    :param opening: the client to open; entered and left inside the loop.
    """

    def __init__(self, opening: AbstractAsyncContextManager[Client]) -> None:
        self._opening = opening
        self._stack = AsyncExitStack()
        self._client: Client | None = None
        self._loop = _new_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="voucherify-client", daemon=True)

    @property
    def client(self) -> Client:
        """Return the client, open until the ``with`` block ends."""
        if self._client is None:
            raise RuntimeError("the client is not open: use the runner in a with statement")
        return self._client

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._client = self.run(self._stack.enter_async_context(self._opening))
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        closing = self._submit(self._stack.__aexit__(kind, error, traceback))
        try:
            closing.result(CLOSE_WITHIN)
        except Exception as problem:
            if error is None:
                raise
            log.warning("Closing the client failed as well (%s)", type(problem).__name__)
        finally:
            concurrent.futures.wait([closing], CLOSE_WITHIN)  # if the waiting above was interrupted
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(CLOSE_WITHIN)
            if not self._thread.is_alive():
                self._loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Return what the coroutine returns; may be called again and again.

        :param coroutine: run to its end; if the waiting thread is interrupted it is cancelled and waited for.
        :raises BaseException: what interrupted the waiting thread, or what the coroutine raised; of a group of one
            exception, that exception.
        """
        future = self._submit(coroutine)
        try:
            return future.result()
        except BaseExceptionGroup as group:
            alone = _alone(group)
            if alone is group:
                raise
            raise alone from None
        finally:
            if future.done():
                tell_new_tokens()
            else:
                self._cancel_all()

    def _submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def _cancel_all(self) -> None:
        async def cancel_all() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            if others:
                await asyncio.wait(others, timeout=CLOSE_WITHIN)

        try:
            self._submit(cancel_all()).result(CLOSE_WITHIN + 1.0)
        except TimeoutError:
            log.warning("Calls in flight did not end within %.0f s after the run was interrupted", CLOSE_WITHIN)


def _new_loop() -> asyncio.AbstractEventLoop:
    """Return a loop of uvloop, which Airflow's API server brings, or asyncio's where it is not there, as on Windows."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.new_event_loop()
    return new_event_loop()


def _alone(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
