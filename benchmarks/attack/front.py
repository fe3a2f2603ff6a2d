"""A server in front of another, in a thread: passes bytes on, swallows them, cuts connections, or answers by itself."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeAlias

Mode: TypeAlias = Literal["pass", "swallow", "refuse"]
Target: TypeAlias = tuple[str, int] | Path
"""Host and port, or a socket's path."""

_PIECE = 2**16
_LONGEST_ANSWER = 256 * 2**20


@dataclass
class Front:
    """A port on loopback in front of a server: ``with Front(lambda: target) as front: ...``.

    :param target: asked for each connection: where the server is by now.
    """

    target: Callable[[], Target]
    port: int = 0
    mode: Mode = "pass"
    _answers: list[Iterator[bytes]] = field(default_factory=list)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=self._live, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None:
            self._thread.join()
        self._loop.close()

    def answer_by_itself(self, answers: list[Iterator[bytes]]) -> None:
        """Answer the next requests with these, one each, in place of the server."""
        self._answers = answers

    def cut(self) -> None:
        """Reset all connections."""
        done = threading.Event()

        def reset() -> None:
            for writer in list(self._writers):
                _reset(writer)
            done.set()

        self._loop.call_soon_threadsafe(reset)
        done.wait()

    def _live(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port))
        self.port = int(server.sockets[0].getsockname()[1])
        ready.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode == "refuse":
            writer.transport.abort()
            return
        with suppress(OSError, asyncio.CancelledError):  # the latter at the end of all
            target = self.target()
            opening = (
                asyncio.open_unix_connection(str(target))
                if isinstance(target, Path)
                else asyncio.open_connection(*target)
            )
            far_reader, far_writer = await opening
            self._writers |= {writer, far_writer}
            try:
                await asyncio.gather(self._pass_on(reader, far_writer, writer), self._pass_on(far_reader, writer, None))
            finally:
                self._writers -= {writer, far_writer}
                far_writer.transport.abort()
        writer.transport.abort()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: asyncio.StreamWriter | None
    ) -> None:
        """Pass bytes on until there are no more.

        :param back: to the client, if it is the client that is read from.
        """
        with suppress(OSError):
            while piece := await reader.read(_PIECE):
                if back is not None and self._answers and self.mode == "pass":
                    await self._answer(self._answers.pop(), back)
                    break
                if self.mode == "pass":
                    writer.write(piece)
                    await writer.drain()
        with suppress(OSError):
            writer.close()

    async def _answer(self, answer: Iterator[bytes], back: asyncio.StreamWriter) -> None:
        sent = 0
        for piece in answer:
            back.write(piece)
            await back.drain()
            sent += len(piece)
            if sent > _LONGEST_ANSWER:
                break
        back.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection without a goodbye."""
    if (connection := writer.get_extra_info("socket")) is not None and connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Elsewhere:
    """A port that nobody should come to: counts what it is told."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        self.visits = 0

    @property
    def address(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def close(self) -> None:
        """Close the port."""
        self._socket.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.visits += 1
                connection.close()
