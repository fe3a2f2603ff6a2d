"""An answer of the emulator, and the bytes it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from airflow_provider_voucherify.emulator.http.problems import ApiProblem
from airflow_provider_voucherify.emulator.json_types import Json, dump

JSON_TYPE: Final = "application/json; charset=utf-8"
HTML_TYPE: Final = "text/html"

_REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back: status, body, and header lines that each end in ``\\r\\n``."""

    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: str = ""

    def with_headers(self, headers: str) -> Answer:
        """Add header lines.

        :param headers: lines that each end in ``\\r\\n``.
        """
        return Answer(self.status, self.body, self.content_type, self.headers + headers)

    def to_bytes(self, date: str, connection: str, *, with_body: bool = True) -> bytes:
        """Write the whole answer, so that it can go out in one send.

        :param date: value of the ``Date`` header.
        :param connection: a ``Connection`` header line, or nothing.
        :param with_body: False for the answer to a HEAD request.
        :returns: head and body.
        """
        content = f"Content-Type: {self.content_type}\r\nContent-Length: {len(self.body)}\r\n"
        head = (
            f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Unknown')}\r\n"
            f"{'' if self.status == 204 else content}Date: {date}\r\n{self.headers}{connection}\r\n"
        )
        return head.encode("latin-1") + (self.body if with_body else b"")


def json_answer(document: Json, status: int = 200) -> Answer:
    """Answer with a JSON document."""
    return Answer(status, dump(document))


def problem_answer(problem: ApiProblem) -> Answer:
    """Answer with an error."""
    return Answer(problem.status, dump(problem.body))
