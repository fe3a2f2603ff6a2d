"""Pure: the body of an answer: unpacked as it comes in, up to a cap, and read as JSON. Its size is bounded by us."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import NoReturn, cast

from airflow_provider_voucherify.api.errors import AnswerTooLarge, MalformedAnswer, TransportFailed
from airflow_provider_voucherify.api.models import Json

#: Nothing that is read as JSON is longer, in bytes, packed or unpacked: a hundred customers with 80 KB each.
LARGEST_ANSWER = 8 * 1024 * 1024
_LARGEST_PIECE = 1024 * 1024
_GZIP = 16 + zlib.MAX_WBITS


class Unpacking:
    """Unpacks a body piece by piece, in pieces that are small whatever was packed.

    :param encoding: ``Content-Encoding``, ``None`` if there is none.
    :raises MalformedAnswer: if it is packed in a way that was not asked for.
    """

    def __init__(self, encoding: str | None) -> None:
        self._encoding = (encoding or "identity").strip().lower().removeprefix("x-")
        self._object: zlib._Decompress | None = None
        if self._encoding not in {"identity", "", "gzip", "deflate"}:
            raise MalformedAnswer("the body is packed in a way that was not asked for (Content-Encoding)")

    def pieces(self, piece: bytes) -> Iterator[bytes]:
        """Yield what a piece holds, unpacked.

        :raises TransportFailed: if it cannot be unpacked.
        """
        if self._encoding in {"identity", ""}:
            yield piece
            return
        try:
            yield from self._unpacked(piece)
        except zlib.error:
            raise TransportFailed("the answer did not arrive whole: it cannot be unpacked") from None

    def check_end(self) -> None:
        """Let a body pass that is over.

        :raises TransportFailed: if it was cut off.
        """
        if self._object is not None and not self._object.eof:
            raise TransportFailed("the answer did not arrive whole: it was cut off")

    def _unpacked(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            if self._object is None or (self._object.eof and self._encoding == "gzip"):
                self._object = zlib.decompressobj(self._window_bits(piece))
            elif self._object.eof:
                return
            yield self._object.decompress(piece, _LARGEST_PIECE)
            piece = self._object.unconsumed_tail or self._object.unused_data

    def _window_bits(self, begin: bytes) -> int:
        """Return how zlib is to read it: some servers send ``deflate`` without the header it should have."""
        if self._encoding == "gzip":
            return _GZIP
        return zlib.MAX_WBITS if begin[0] & 0xF == zlib.DEFLATED else -zlib.MAX_WBITS


class Body:
    """Takes a body piece by piece: ``while piece and body.take(piece): ...``, then :meth:`whole`.

    :param status: HTTP status: of an answer that is no success the body is of little use, so one too long is left out.
    :param encoding: ``Content-Encoding``, ``None`` if there is none.
    :raises MalformedAnswer: if it is packed in a way that was not asked for.
    """

    def __init__(self, status: int, encoding: str | None) -> None:
        self._is_success = 200 <= status < 300
        self._unpacking = Unpacking(encoding)
        self._pieces: list[bytes] = []
        self._taken = self._length = 0
        self._is_left_out = False

    def take(self, piece: bytes) -> bool:
        """Take the next piece; return whether more is wanted.

        :raises AnswerTooLarge: if it is longer than :data:`LARGEST_ANSWER`, packed or unpacked.
        :raises TransportFailed: if it cannot be unpacked.
        """
        self._taken += len(piece)
        if self._taken > LARGEST_ANSWER:
            return self._overflow()
        return self._unpack(piece)

    def whole(self) -> bytes:
        """Return the body, unpacked; empty where it was left out.

        :raises TransportFailed: if it was cut off.
        """
        if self._is_left_out:
            return b""
        self._unpacking.check_end()
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    def _unpack(self, piece: bytes) -> bool:
        for unpacked in self._unpacking.pieces(piece):
            self._pieces.append(unpacked)
            self._length += len(unpacked)
            if self._length > LARGEST_ANSWER:
                return self._overflow()
        return True

    def _overflow(self) -> bool:
        self._pieces.clear()
        self._is_left_out = True
        if self._is_success:
            raise too_large()
        return False


def too_large() -> AnswerTooLarge:
    """Return the error for an answer that is not read to its end."""
    return AnswerTooLarge(
        f"the answer is longer than {LARGEST_ANSWER // 2**20} MiB, which no answer of Voucherify's is: it was not read "
        "to its end; check host, and what is between you and Voucherify"
    )


def json_of(body: bytes) -> Json:
    """Return what a body holds.

    :raises MalformedAnswer: if it is not JSON: ``NaN``, ``Infinity`` and numbers of thousands of digits are none.
    """
    try:
        return cast("Json", _DECODER.decode(body.decode()))
    except ValueError:
        raise MalformedAnswer(f"the body of {len(body):,} bytes is not JSON") from None
    except RecursionError:
        raise MalformedAnswer(f"the body of {len(body):,} bytes is nested too deeply to be read") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
