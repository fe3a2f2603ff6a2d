"""200,000 exported rows take no more memory than 10,000."""

from __future__ import annotations

import json
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from airflow_provider_voucherify.load.destinations import ObjectFiles
from airflow_provider_voucherify.load.exports import files as export_files
from airflow_provider_voucherify.load.exports.destinations import ExportDestination, ExportTable
from tests.operators.exporting import export
from tests.operators.warehouse import Warehouse
from tests.run_op import OperatorRunner

pytestmark = pytest.mark.long

_BLOCK = "".join(f"cust_{number:024x},customer-{number:07d},2026-01-01T00:00:00.000Z\n" for number in range(1_000))
#: What a run takes besides its rows: a part of a file, a batch of a statement, buffers.
MOST_BYTES = 12_000_000


class _Voucherify(BaseHTTPRequestHandler):
    """Makes every export at once; its file has as many rows as the server was told."""

    protocol_version = "HTTP/1.1"
    blocks = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        url = f"http://{self.headers['Host']}/download/exports/exp_1?token=1"
        self._answer(json.dumps({"id": "exp_1", "object": "export", "status": "DONE", "result": {"url": url}}))

    def do_GET(self) -> None:
        title = "ID,Source ID,Created At\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(title) + len(_BLOCK) * self.blocks))
        self.end_headers()
        self.wfile.write(title.encode())
        for _ in range(self.blocks):
            self.wfile.write(_BLOCK.encode())

    def do_DELETE(self) -> None:
        self.send_response(204)
        self.end_headers()

    def _answer(self, body: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named as in the standard library
        """Say nothing."""


@contextmanager
def serving(blocks: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Serve a file of so many thousand rows behind the connection ``voucherify_default``."""
    monkeypatch.setattr(_Voucherify, "blocks", blocks)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Voucherify) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        host = f"http://127.0.0.1:{server.server_port}"
        conn = {"conn_type": "voucherify", "host": host, "login": "id", "password": "token"}
        monkeypatch.setenv("AIRFLOW_CONN_VOUCHERIFY_DEFAULT", json.dumps(conn))
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def peak_of(run_op: OperatorRunner, into: ExportDestination, blocks: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return the most bytes a run had at a time."""
    with serving(blocks, monkeypatch):
        tracemalloc.start()
        try:
            summary = run_op(export(into), run_id=f"of_{blocks}").summary
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert summary["rows"] == blocks * 1_000
    return peak


@pytest.mark.parametrize(("kind", "blocks"), [("table", 200), ("files", 50)])
def test_memory_is_flat(
    run_op: OperatorRunner,
    warehouse: Warehouse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    blocks: int,
) -> None:
    monkeypatch.setattr(export_files, "ROWS_PER_PART", 5_000)
    files, table = ObjectFiles(f"file://{tmp_path}/out", format="jsonl"), ExportTable("rows", conn_id="warehouse")
    into: ExportDestination = table if kind == "table" else files
    few = peak_of(run_op, into, 10, monkeypatch)
    many = peak_of(run_op, into, blocks, monkeypatch)
    assert many < few + 2_000_000
    assert many < MOST_BYTES
