"""What an attack needs inside the process of the try: it tells when its moment is there, and its clock may jump."""

from __future__ import annotations

import os
import socket
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.attack.moments import Moment, Phase, Phases
from benchmarks.tasks.jobs import Publish

if TYPE_CHECKING:
    from aiohttp.abc import ResolveResult

    from benchmarks.tasks.jobs import Job

#: Names the sessions of tries in the database, apart from those that look on.
ATTACKED = "attacked"
#: The name by which tries reach Voucherify.
HOST = "localhost"
_PACKAGE = "airflow_provider_voucherify"


@dataclass(frozen=True)
class Inside:
    """Prepares the process of a try.

    :param moment: when it tells that it is there; ``None`` for a try that is left alone.
    :param ours: where it tells so, and, if it is held, waits for the hours its clock is to jump by.
    :param is_patient: whether it waits for answers as long as it does by default.
    :param unknown: while this file is there, ``HOST`` cannot be resolved.
    """

    moment: Moment | None
    ours: Connection | None
    unknown: Path
    is_patient: bool = False

    def prepare(self, job: Job) -> None:
        """Prepare this process."""
        # Imported here: who makes this must not import Airflow before it has its environment.
        from airflow_provider_voucherify.api.http.retry import RetryPolicy
        from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook

        os.environ["PGAPPNAME"] = ATTACKED
        _resolve_unless(self.unknown)
        _CLOCK.install()
        if self.is_patient:
            VoucherifyHook.retry = RetryPolicy()
        if self.moment is not None:
            _watch(Phases(job.work.table, self._on_event, publishes_codes=isinstance(job.work, Publish)))

    def _on_event(self, phase: Phase, number: int) -> None:
        if self.moment is None or self.ours is None or (phase, number) != (self.moment.phase, self.moment.number):
            return
        self.ours.send(None)
        if self.moment.is_held:
            hours: float = self.ours.recv()
            _CLOCK.jump(hours)


def _watch(phases: Phases) -> None:
    from sqlalchemy import Engine, event

    from airflow_provider_voucherify.api.http.transport import AiohttpTransport
    from airflow_provider_voucherify.api.http.wire import Request, Response

    send = AiohttpTransport.__call__

    async def noted_send(transport: AiohttpTransport, request: Request) -> Response:
        phases.call()
        return await send(transport, request)

    def on_audit(name: str, arguments: tuple[object, ...]) -> None:
        if name == "os.rename" and not str(arguments[1]).startswith("/proc"):
            phases.rename(str(arguments[1]))

    setattr(AiohttpTransport, "__call__", noted_send)  # noqa: B010 - mypy lets nobody assign to a method
    event.listen(Engine, "before_cursor_execute", lambda _c, _k, statement, *_: phases.statement(statement))
    event.listen(Engine, "commit", lambda _: phases.commit())
    sys.addaudithook(on_audit)


def _resolve_unless(unknown: Path) -> None:
    """Refuse to resolve the host while a file is there, and let aiohttp ask each time, as after its ten seconds."""
    import aiohttp

    resolve, connector = socket.getaddrinfo, aiohttp.TCPConnector

    def refuse(host: object) -> None:
        if host == HOST and unknown.exists():
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    def resolved(host: object, *rest: object, **named: object) -> object:
        refuse(host)
        return resolve(host, *rest, **named)  # type: ignore[arg-type]

    class Refusing(aiohttp.ThreadedResolver):  # a loop of uvloop does not ask the module socket
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            refuse(host)
            return await super().resolve(host, port, family)

    def asking(**named: object) -> object:
        return connector(**{**named, "use_dns_cache": False, "resolver": Refusing()})  # type: ignore[arg-type]

    setattr(socket, "getaddrinfo", resolved)  # noqa: B010 - of the standard library's own type
    setattr(aiohttp, "TCPConnector", asking)  # noqa: B010 - a class to mypy


class _Clock:
    """The clock of this process, which may be wrong: that of the package, and ``time.time``."""

    def __init__(self) -> None:
        self._by = 0.0
        self._time, self._time_ns = time.time, time.time_ns

    def jump(self, hours: float) -> None:
        """Be wrong from now on."""
        self._by += hours * 3600

    def install(self) -> None:
        """Take the place of the right one, wherever the package's modules hold it."""
        from airflow_provider_voucherify.pull import tools

        right = tools.utc_now
        for name, module in list(sys.modules.items()):
            if name.startswith(_PACKAGE) and getattr(module, "utc_now", None) is right:
                setattr(module, "utc_now", self._utc_now)  # noqa: B010 - of any module
        setattr(time, "time", lambda: self._time() + self._by)  # noqa: B010 - of the standard library's own type
        setattr(time, "time_ns", lambda: self._time_ns() + int(self._by) * 10**9)  # noqa: B010

    def _utc_now(self) -> datetime:
        return datetime.fromtimestamp(self._time() + self._by, UTC)


_CLOCK = _Clock()
