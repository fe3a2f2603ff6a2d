"""A BigQuery to test with: its REST API as Google's client asks for it, with DuckDB beneath.

As the vendor documents it: a job's statement commits by itself; sessions hold a transaction over several jobs, which
sees one moment, and outlive their client; of two transactions that change rows of one table at the same time the
second is aborted, as is one that changes a table that somebody changed since it began; other statements wait for
those; a fault of the vendor's rolls the transaction back; nothing but temporary tables is defined in a transaction;
keys are remarks; a load job takes Parquet whose columns are the table's, and is no part of a transaction; a job in a
session runs where the session does. What GoogleSQL does not have is refused. Run as ``python -m
tests.stand_ins.bigquery PORT``.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import time
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from tests.stand_ins.bigquery_jobs import ELSEWHERE, USER, Job, Json, Query, Refused, Warehouse, run_load, run_query

_MICROSECOND = timedelta(microseconds=1)


def cell(value: object, *, as_micros: bool) -> Json:
    """Return a value as results have it."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        micros = (value - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND
        return {"v": str(micros) if as_micros else str(micros / 1e6)}
    match value:
        case None:
            text = None
        case bool():
            text = str(value).lower()
        case bytes():
            text = base64.b64encode(value).decode()
        case date():
            text = value.isoformat()
        case Decimal():
            text = format(value, "f")
        case _:
            text = str(value)
    return {"v": text}


class Handler(BaseHTTPRequestHandler):
    """The REST API."""

    warehouse = Warehouse()
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    uploads: dict[str, tuple[str, Json, bytearray]] = {}  # noqa: RUF012 - one server a process

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        content = self._read()
        parts = urlsplit(self.path)
        asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        path = unquote(parts.path).strip("/").removeprefix("bigquery/v2/").split("/")
        if project := re.search(r"/projects/([^/]+)/", parts.path):
            self.warehouse.counts[project[1]]["request"] += 1
        try:
            code, answer = self._route(method, path, asked, content)
        except Refused as refused:
            code, answer = refused.code, {"error": refused.to_json()}
        except Exception as error:  # noqa: BLE001 - the test that caused it is to see it
            code, answer = 400, {"error": Refused(f"stand-in: {error!r}", reason="invalid").to_json()}
        body = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if "upload" in answer:
            self.send_header("Location", str(answer["upload"]))
        if "read" in answer:
            self.send_header("Range", f"bytes=0-{answer['read']}")
        self.end_headers()
        self.wfile.write(body)

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            read = bytearray()
            while size := int(self.rfile.readline(), 16):
                read += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return bytes(read)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _route(self, method: str, path: list[str], asked: dict[str, str], content: bytes) -> tuple[int, Json]:
        match method, path:
            case _, ["token"] | ["stand_in", *_]:
                return 200, self._of_the_tests(path, content)
            case _, ["projects", project, "datasets", *rest]:
                return self._resource(method, project, rest, content)
            case _, ["projects", project, *rest]:
                return 200, self._of_jobs(method, project, rest, asked, content)
            case "POST", ["upload", "bigquery", "v2", "projects", project, "jobs"]:
                return self._begin_upload(project, asked, content)
            case "PUT", ["upload", name]:
                return self._go_on_with_upload(name, content)
            case _:
                raise Refused(f"stand-in: no {method} {'/'.join(path)}", 404, "notFound")

    def _of_the_tests(self, path: list[str], content: bytes) -> Json:
        """Answer what no BigQuery is asked."""
        match path:
            case ["stand_in", "counts", project]:
                return dict(self.warehouse.counts[project])
            case ["stand_in", "deny"]:
                self.warehouse.denied.update(json.loads(content))
            case ["stand_in", "partitioned", name]:
                self.warehouse.partitioned.add(name)
            case ["stand_in", "fail", project]:
                self.warehouse.failing[project].update(json.loads(content))
        return {"access_token": "any", "token_type": "Bearer", "expires_in": 3600}

    def _of_jobs(self, method: str, project: str, path: list[str], asked: dict[str, str], content: bytes) -> Json:
        match method, path:
            case "POST", ["queries"]:
                body = json.loads(content)
                job = self._done("query", body, project, body.get("location"))
                return self._results(job, project, body)
            case "POST", ["jobs"]:
                body = json.loads(content)
                return self._job(self._begun("query", body, project, b""), project)
            case "GET", ["queries", name]:
                is_whole = asked.get("formatOptions.useInt64Timestamp", "").lower() == "true"
                return self._results(
                    self._find(name), project, {**asked, "formatOptions": {"useInt64Timestamp": is_whole}}
                )
            case "GET", ["jobs", name]:
                return self._job(self._find(name), project)
            case _:
                raise Refused(f"stand-in: no {method} {'/'.join(path)}", 404, "notFound")

    def _begun(self, kind: str, body: Json, project: str, content: bytes) -> Job:
        told = body.get("jobReference", {})
        configuration = body["configuration"][kind]
        return self._done(kind, configuration, project, told.get("location"), told.get("jobId"), content)

    def _resource(self, method: str, project: str, rest: list[str], content: bytes) -> tuple[int, Json]:
        warehouse = self.warehouse
        dataset = f"{project}.{rest[0]}" if rest else ""
        reference = {"projectId": project, "datasetId": rest[0] if rest else ""}
        match method, rest:
            case "GET", [_]:
                return 200, {"datasetReference": reference, "location": warehouse.location_of(dataset)}
            case "GET", [_, "tables"]:
                return 200, {"tables": warehouse.tables(dataset)}
            case "GET", [_, "tables", name]:
                return 200, warehouse.table(dataset, name)
            case "DELETE", [_, "tables", name]:
                warehouse.table(dataset, name)
                with warehouse.defining():
                    warehouse.cursor().execute(f'DROP TABLE IF EXISTS "{dataset}"."{name}"')
                return 200, {}
            case "POST", [_, "tables", name] if name.endswith(":testIamPermissions"):
                short = name.removesuffix(":testIamPermissions")
                try:
                    warehouse.table(dataset, short)
                except Refused:  # "if the resource does not exist, this will return an empty set of permissions"
                    return 200, {}
                denied = warehouse.denied.get(f"{dataset}.{short}", [])
                return 200, {"permissions": [one for one in json.loads(content)["permissions"] if one not in denied]}
            case _:
                raise Refused(f"stand-in: no {method} datasets/{'/'.join(rest)}", 404, "notFound")

    def _find(self, name: str) -> Job:
        if (job := self.warehouse.jobs.get(name)) is None:
            raise Refused(f"Not found: Job {name}", 404, "notFound")
        return job

    def _done(
        self, kind: str, body: Json, project: str, location: str | None, name: str | None = None, content: bytes = b""
    ) -> Job:
        job = Job(name or uuid.uuid4().hex, kind, location or ELSEWHERE, str(body.get("query", "")))
        self.warehouse.counts[project]["job"] += 1
        try:
            if kind == "load":
                run_load(self.warehouse, body, project, content, job)
            else:
                run_query(self.warehouse, Query.of(body, project, location), job)
        except Refused as refused:
            job.problem = refused
        self.warehouse.jobs[job.id] = job
        return job

    def _reference(self, job: Job, project: str) -> Json:
        return {"projectId": project, "jobId": job.id, "location": job.location}

    def _job(self, job: Job, project: str) -> Json:
        status: Json = {"state": "DONE"}
        if job.problem is not None:
            one = {"reason": job.problem.reason, "message": str(job.problem)}
            status |= {"errorResult": one, "errors": [one]}
        statistics: Json = {
            "creationTime": str(int(time.time() * 1e3)),
            "query": {"numDmlAffectedRows": str(job.affected or 0)},
        }
        if job.session is not None:
            statistics["sessionInfo"] = {"sessionId": job.session}
        configuration = {"jobType": job.kind.upper(), job.kind: {}}
        if job.kind == "query":
            configuration["query"] = {"query": job.text, "useLegacySql": False}
        return {
            "id": job.id,
            "jobReference": self._reference(job, project),
            "configuration": configuration,
            "status": status,
            "statistics": statistics,
        }

    def _results(self, job: Job, project: str, wished: Json) -> Json:
        if job.problem is not None:
            raise job.problem
        first = int(str(wished.get("pageToken") or wished.get("startIndex") or 0))
        most = int(str(wished.get("maxResults") or 10_000))
        as_micros = bool((wished.get("formatOptions") or {}).get("useInt64Timestamp"))
        page = job.rows[first : first + most]
        answer: Json = {
            "kind": "bigquery#queryResponse",
            "jobReference": self._reference(job, project),
            "jobComplete": True,
            "schema": {"fields": job.columns},
            "totalRows": str(len(job.rows)),
            "rows": [{"f": [cell(value, as_micros=as_micros) for value in row]} for row in page],
        }
        if first + most < len(job.rows):
            answer["pageToken"] = str(first + most)
        if job.affected is not None:
            answer["numDmlAffectedRows"] = str(job.affected)
        if job.session is not None:
            answer["sessionInfo"] = {"sessionId": job.session}
        return answer

    def _begin_upload(self, project: str, asked: dict[str, str], content: bytes) -> tuple[int, Json]:
        if asked["uploadType"] == "resumable":
            name = uuid.uuid4().hex
            self.uploads[name] = project, json.loads(content), bytearray()
            return 200, {"upload": f"http://{self.headers['Host']}/upload/{name}"}
        boundary = re.search(r'boundary="?([^";]+)', self.headers["Content-Type"])
        assert boundary is not None
        _, told, file, _ = content.split(b"--" + boundary[1].encode(), 3)
        body = json.loads(told.split(b"\r\n\r\n", 1)[1])
        return self._load(project, body, file.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n"))

    def _go_on_with_upload(self, name: str, content: bytes) -> tuple[int, Json]:
        project, body, read = self.uploads[name]
        read += content
        match = re.match(r"bytes (?:\d+-(\d+)|\*)/(\d+|\*)", self.headers["Content-Range"])
        assert match is not None
        if match[2] == "*" or int(match[2]) > len(read):
            return 308, {"read": len(read) - 1}
        del self.uploads[name]
        return self._load(project, body, bytes(read))

    def _load(self, project: str, body: Json, content: bytes) -> tuple[int, Json]:
        return 200, self._job(self._begun("load", body, project, content), project)


def key_of(server: str) -> Json:
    """Return the key of a service account that gets its tokens from a server."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    private = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "project_id": "shop",
        "private_key_id": "1",
        "private_key": private.decode(),
        "client_email": USER,
        "token_uri": f"{server}/token",
    }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main(port: int) -> None:
    """Serve until ended."""
    _Server(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
