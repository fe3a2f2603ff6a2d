"""A small S3 over HTTP, in memory: objects, listings, uploads in parts; and its file system as fsspec wants it.

Written for these tests: what serves S3 in Python otherwise does not install beside this project's pinned packages.
The client is the AWS SDK inside of pyarrow, so both ends were not written by the same hand.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from aiohttp import web

if TYPE_CHECKING:
    from fsspec.implementations.arrow import ArrowFSWrapper

BUCKET = "shop"


@dataclass
class S3Server:
    """A bucket named ``shop``.

    :param refused: the methods answered with 403.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    requests: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0
    _uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)

    def file_system(self) -> ArrowFSWrapper:
        """Return a client's file system."""
        from fsspec.implementations.arrow import ArrowFSWrapper
        from pyarrow.fs import S3FileSystem

        client = S3FileSystem(
            access_key="key",
            secret_key="secret",
            endpoint_override=f"127.0.0.1:{self.port}",
            scheme="http",
            region="eu-central-1",
        )
        return ArrowFSWrapper(client)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one request."""
        bucket, _, key = request.path.lstrip("/").partition("/")
        self.requests.append((request.method, key))
        if bucket != BUCKET:
            return _error(404, "NoSuchBucket")
        if request.method in self.refused:
            return _error(403, "AccessDenied")
        match request.method:
            case "PUT":
                return self._put(key, request, _body(await request.read(), request))
            case "POST":
                return self._post(key, request)
            case "DELETE":
                self.objects.pop(key, None)
                return web.Response(status=204)
            case _:
                return self._get(key, request)

    def _put(self, key: str, request: web.Request, body: bytes) -> web.Response:
        if "uploadId" in request.query:
            self._uploads[request.query["uploadId"]][int(request.query["partNumber"])] = body
        else:
            self.objects[key] = body
        return web.Response(headers={"ETag": _etag(body)})

    def _post(self, key: str, request: web.Request) -> web.Response:
        if "uploads" in request.query:
            upload_id = f"upload-{len(self.requests)}"
            self._uploads[upload_id] = {}
            return _xml(
                f"<InitiateMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{escape(key)}</Key>"
                f"<UploadId>{upload_id}</UploadId></InitiateMultipartUploadResult>"
            )
        parts = self._uploads.pop(request.query["uploadId"])
        self.objects[key] = b"".join(parts[number] for number in sorted(parts))
        return _xml(f"<CompleteMultipartUploadResult><Key>{escape(key)}</Key></CompleteMultipartUploadResult>")

    def _get(self, key: str, request: web.Request) -> web.Response:
        if not key:
            return self._list(request) if request.method == "GET" else web.Response()
        if key not in self.objects:
            return _error(404, "NoSuchKey")
        body, headers = self.objects[key], {"Last-Modified": "Sat, 31 Jan 2026 12:00:00 GMT"}
        wanted = request.http_range
        part = body[wanted]
        if request.headers.get("Range"):
            headers["Content-Range"] = f"bytes {wanted.start}-{wanted.start + len(part) - 1}/{len(body)}"
            return web.Response(status=206, body=part, headers=headers)
        return web.Response(body=body, headers={**headers, "ETag": _etag(body)})

    def _list(self, request: web.Request) -> web.Response:
        prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter", "")
        keys = [key for key in sorted(self.objects) if key.startswith(prefix)]
        folders: set[str] = set()
        if delimiter:
            deeper = [key for key in keys if delimiter in key[len(prefix) :]]
            folders = {prefix + key[len(prefix) :].split(delimiter)[0] + delimiter for key in deeper}
            keys = [key for key in keys if key not in deeper]
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.objects[key])}</Size>"
            "<LastModified>2026-01-31T12:00:00.000Z</LastModified></Contents>"
            for key in keys
        )
        common = "".join(f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in sorted(folders))
        return _xml(
            f"<ListBucketResult><Name>{BUCKET}</Name><KeyCount>{len(keys) + len(folders)}</KeyCount>"
            f"<IsTruncated>false</IsTruncated>{contents}{common}</ListBucketResult>"
        )


def _body(sent: bytes, request: web.Request) -> bytes:
    """Return the body without the frames of AWS's own chunked encoding."""
    if "aws-chunked" not in request.headers.get("Content-Encoding", ""):
        return sent
    body, rest = b"", sent
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        if length == 0:
            break
        body, rest = body + rest[:length], rest[length + 2 :]
    return body


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def _xml(text: str, status: int = 200) -> web.Response:
    return web.Response(text=f'<?xml version="1.0"?>{text}', content_type="application/xml", status=status)


def _error(status: int, code: str) -> web.Response:
    return _xml(f"<Error><Code>{code}</Code><Message>{code}</Message></Error>", status)


@contextmanager
def serving(server: S3Server) -> Iterator[S3Server]:
    """Serve on a free port, in a thread."""
    loop = asyncio.new_event_loop()
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, access_log=None)
    loop.run_until_complete(runner.setup())
    site = web.TCPSite(runner, "127.0.0.1", 0)
    loop.run_until_complete(site.start())
    server.port = runner.addresses[0][1]
    thread = threading.Thread(target=loop.run_forever, name="s3", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.run_until_complete(runner.cleanup())
        loop.close()
