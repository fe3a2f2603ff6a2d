"""The ledger of a run in a directory: a header, and a numbered piece for each time the sink was told something.

A piece is never changed, as no store can append. Only the try that opened the log last writes to it, as the header
says: lists that two tries read at once would lack what one of them dropped. Each try names its pieces by a token of its
own besides, so one that was just writing when the next came overwrites nothing. A run that starts afresh gets a new
token for its log: a try that still writes to the old one writes to what nobody reads.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from airflow_provider_voucherify.load.directory import Directory
from airflow_provider_voucherify.load.errors import LedgerLost
from airflow_provider_voucherify.load.steps import Step, pack, unpack
from airflow_provider_voucherify.load.summary import as_utc

#: Readers such as Spark, Hive and pyarrow leave out what begins with an underscore.
LEDGERS = "_ledger"
_HEADER = "header.json"
_PIECE = re.compile(r"(?P<number>\d{6})-(?P<at>\d{8}T\d{6}Z)-[0-9a-z]+\.json\.z")
_TIME = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class LogHeader:
    """Which job a log is of.

    :param token: tells this log from an earlier one of the same run.
    :param created_at: when the run began (UTC).
    :param writer: tells the try that opened it last, and may write, from earlier ones.
    """

    token: str
    fingerprint: str
    created_at: datetime
    writer: str

    def to_bytes(self) -> bytes:
        """Return the header as a file."""
        said = {**asdict(self), "created_at": as_utc(self.created_at).isoformat()}
        return json.dumps(said).encode()

    @classmethod
    def from_bytes(cls, data: bytes | None) -> LogHeader | None:
        """Read a header; ``None`` if it is none."""
        try:
            match json.loads(data or b"null"):
                case {"token": str(token), "fingerprint": str(mark), "created_at": str(at), "writer": str(writer)}:
                    return cls(token, mark, datetime.fromisoformat(at), writer)
                case _:
                    return None
        except ValueError:
            return None


def digest_of(run_key: str) -> str:
    """Return the name a run goes by in file names."""
    return hashlib.blake2b(run_key.encode(), digest_size=6).hexdigest()


class RunLog:
    """The log of one run.

    :param directory: that of the result.
    :param run_key: names the run.
    """

    def __init__(self, directory: Directory, run_key: str) -> None:
        self._directory = directory
        self._folder = f"{LEDGERS}/{digest_of(run_key)}"
        self._writer = directory.new_token()
        self._header: LogHeader | None = None
        self._pieces = 0

    def stored_header(self) -> LogHeader | None:
        """Return the header there is, whoever's."""
        return LogHeader.from_bytes(self._directory.read(f"{self._folder}/{_HEADER}"))

    def start(self, fingerprint: str, created_at: datetime) -> LogHeader:
        """Begin an empty log in place of what there is."""
        header = LogHeader(self._directory.new_token(), fingerprint, created_at, self._writer)
        before = self._directory.names(self._folder)
        self._directory.put(f"{self._folder}/{_HEADER}", header.to_bytes())
        for name in before:
            if not name.endswith(_HEADER):
                self._directory.remove(name)
        self._header, self._pieces = header, 0
        return header

    def last_written_at(self, header: LogHeader) -> datetime:
        """Return when the newest piece was written, or the log begun (UTC)."""
        return max([as_utc(header.created_at), *(_written_at(name) for name in self._names(header))])

    def resume(self, header: LogHeader) -> Iterator[list[Step]]:
        """Go on after what is stored; a try that is still at it may not write to it any more.

        :returns: the steps of each piece, in order.
        :raises ValueError: if a piece is missing, damaged or of another version.
        """
        header = replace(header, writer=self._writer)
        self._directory.put(f"{self._folder}/{_HEADER}", header.to_bytes())
        names = self._names(header)
        numbers = {_number(name) for name in names}
        if numbers != set(range(len(numbers))):
            raise ValueError("a piece of the log is missing")
        for name in names:
            data = self._directory.read(name)
            if data is None:
                raise ValueError("a piece of the log is missing")
            yield unpack(data)
        self._header, self._pieces = header, len(numbers)

    def append(self, steps: Sequence[Step], at: datetime) -> None:
        """Store steps durably, all or none.

        :raises LedgerLost: if another try of this run goes on with its log or began it anew.
        """
        header = self.own_header()
        name = f"{self._pieces:06d}-{as_utc(at).strftime(_TIME)}-{self._writer}.json.z"
        self._directory.put(f"{self._folder}/{header.token}/{name}", pack(steps))
        self._pieces += 1

    def own_header(self) -> LogHeader:
        """Return the header, sure that the log is still this try's.

        :raises LedgerLost: if another try of this run goes on with its log, began it anew, or finished the run.
        """
        if self._header is None or self.stored_header() != self._header:
            raise LedgerLost(
                f"the ledger in {self._directory.url_of(self._folder)} is no longer this try's: another try of the "
                "same task goes on with it, began it anew, or ended. Let that one go on; this one stops without "
                "changing anything"
            )
        return self._header

    def remove(self) -> None:
        """Remove the log, the header first: without it the rest means nothing."""
        self._directory.remove(f"{self._folder}/{_HEADER}")
        for name in self._directory.names(self._folder):
            self._directory.remove(name)

    def _names(self, header: LogHeader) -> list[str]:
        below = self._directory.names(f"{self._folder}/{header.token}")
        return [name for name in below if _PIECE.fullmatch(name.rpartition("/")[2])]


def runs_with_logs(directory: Directory) -> set[str]:
    """Return the digests of the runs that have a log in a directory."""
    return {name.split("/")[1] for name in directory.names(LEDGERS) if name.count("/") >= 2}


def remove_leftovers(directory: Directory, written_before: datetime) -> int:
    """Remove the logs last written before a moment (UTC), whatever run's.

    :returns: how many were removed.
    """
    removed = 0
    for digest in runs_with_logs(directory):
        names = directory.names(f"{LEDGERS}/{digest}")
        header = LogHeader.from_bytes(directory.read(f"{LEDGERS}/{digest}/{_HEADER}"))
        times = [_written_at(name) for name in names if _PIECE.fullmatch(name.rpartition("/")[2])]
        times += [as_utc(header.created_at)] if header is not None else []
        if times and max(times) < written_before:
            removed += 1
            for name in sorted(names, key=lambda name: not name.endswith(_HEADER)):
                directory.remove(name)
    return removed


def _number(name: str) -> int:
    return int(name.rpartition("/")[2][:6])


def _written_at(name: str) -> datetime:
    return datetime.strptime(name.rpartition("/")[2].split("-")[1], _TIME).replace(tzinfo=UTC)
