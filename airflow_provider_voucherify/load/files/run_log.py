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

from airflow_provider_voucherify.load.errors import LedgerLost
from airflow_provider_voucherify.load.files.directory import Directory, finished_name
from airflow_provider_voucherify.load.summary import as_utc
from airflow_provider_voucherify.load.xcom.steps import Step, pack, unpack

#: Readers such as Spark, Hive and pyarrow leave out what begins with an underscore.
LEDGERS = "_ledger"
_HEADER = "header.json"
_PIECE = re.compile(r"(?P<number>\d{6})-(?P<at>\d{8}T\d{6}Z)-(?P<writer>[0-9a-z]+)\.json\.z")
#: Files of ours in a log's folder.
_OURS = re.compile(rf"{LEDGERS}/[0-9a-f]{{12}}/({re.escape(_HEADER)}|[0-9a-z]+/{_PIECE.pattern})")
_TIME = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class LogHeader:
    """Which job a log is of.

    :param token: tells this log from an earlier one of the same run.
    :param created_at: when the run began (UTC).
    :param writer: tells the try that opened it last, and may write, from earlier ones.
    :param earlier: earlier writers in order, each with the number of the first piece that is not theirs any more: what
        one of them writes later, because it was paused between a look at the header and its write, does not count.
    """

    token: str
    fingerprint: str
    created_at: datetime
    writer: str
    earlier: tuple[tuple[str, int], ...] = ()

    def to_bytes(self) -> bytes:
        """Return the header as a file."""
        said = {**asdict(self), "created_at": as_utc(self.created_at).isoformat()}
        return json.dumps(said).encode()

    @classmethod
    def from_bytes(cls, data: bytes | None) -> LogHeader | None:
        """Read a header; ``None`` if it is none."""
        try:
            match json.loads(data or b"null"):
                case {
                    "token": str(token),
                    "fingerprint": str(mark),
                    "created_at": str(at),
                    "writer": str(writer),
                    "earlier": list(earlier),
                }:
                    writers = tuple((str(name), int(end)) for name, end in earlier)
                    return cls(token, mark, datetime.fromisoformat(at), writer, writers)
                case _:
                    return None
        except (TypeError, ValueError):
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
        self._digest = digest_of(run_key)
        self._folder = f"{LEDGERS}/{self._digest}"
        self._writer = directory.new_token()
        self._header: LogHeader | None = None
        self._pieces = 0

    def stored_header(self) -> LogHeader | None:
        """Return the header there is, whoever's."""
        return LogHeader.from_bytes(self._directory.read(f"{self._folder}/{_HEADER}"))

    def start(self, fingerprint: str, created_at: datetime) -> LogHeader:
        """Begin an empty log in place of what there is."""
        header = LogHeader(self._directory.new_token(), fingerprint, created_at, self._writer)
        before = _names_of_log(self._directory, self._folder)
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
        names = self._counted(header)
        earlier = (*header.earlier, (header.writer, len(names)))
        header = replace(header, writer=self._writer, earlier=earlier)
        self._directory.put(f"{self._folder}/{_HEADER}", header.to_bytes())
        for name in names:
            data = self._directory.read(name)
            if data is None:
                raise ValueError("a piece of the log is missing")
            yield unpack(data)
        self._header, self._pieces = header, len(names)

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
        """Remove the log."""
        remove_log(self._directory, self._digest)

    def _names(self, header: LogHeader) -> list[str]:
        below = self._directory.names(f"{self._folder}/{header.token}")
        return [name for name in below if _PIECE.fullmatch(name.rpartition("/")[2])]

    def _counted(self, header: LogHeader) -> list[str]:
        """Return the pieces that count, in order: of each writer those written before the next one opened the log.

        :raises ValueError: if one of them is missing.
        """
        pieces = {(_writer(name), _number(name)): name for name in self._names(header)}
        start = header.earlier[-1][1] if header.earlier else 0
        newest = sum(writer == header.writer and number >= start for writer, number in pieces)
        numbers, counted = iter(range(start + newest)), list[str]()
        for writer, end in (*header.earlier, (header.writer, start + newest)):
            while len(counted) < end:
                name = pieces.get((writer, next(numbers)))
                if name is None:
                    raise ValueError("a piece of the log is missing")
                counted.append(name)
        return counted


def runs_with_logs(directory: Directory) -> set[str]:
    """Return the digests of the runs that have a log in a directory."""
    return {name.split("/")[1] for name in directory.names(LEDGERS) if is_of_log(name)}


def is_of_log(name: str) -> bool:
    """Return whether a file is named as those of our logs are."""
    return _OURS.fullmatch(name) is not None


def dead_runs(directory: Directory, written_before: datetime) -> set[str]:
    """Return the digests of the runs whose logs were last written before a moment (UTC)."""
    return {digest for digest in runs_with_logs(directory) if _last_written(directory, digest) < written_before}


def remove_log(directory: Directory, digest: str) -> None:
    """Remove the log of a run, whatever run's; the header first: without it the rest means nothing."""
    folder = f"{LEDGERS}/{digest}"
    for name in sorted(_names_of_log(directory, folder), key=lambda name: not name.endswith(_HEADER)):
        directory.remove(name)
    directory.remove_empty_folders(folder)


def _last_written(directory: Directory, digest: str) -> datetime:
    folder = f"{LEDGERS}/{digest}"
    header = LogHeader.from_bytes(directory.read(f"{folder}/{_HEADER}"))
    times = [_written_at(name) for name in directory.names(folder) if is_of_log(name) and not name.endswith(_HEADER)]
    if header is not None:
        times.append(as_utc(header.created_at))
    # A header that cannot be read tells no age: without pieces the log stays.
    return max(times, default=datetime.max.replace(tzinfo=UTC))


def _names_of_log(directory: Directory, folder: str) -> list[str]:
    """Return the files of a log, those included that killed writers left unfinished; files of others left out."""
    whole, unfinished = directory.names(folder), directory.names(folder, unfinished=True)
    return [name for name in (*whole, *unfinished) if is_of_log(finished_name(name))]


def _number(name: str) -> int:
    return int(name.rpartition("/")[2][:6])


def _writer(name: str) -> str:
    return name.rpartition("-")[2].partition(".")[0]


def _written_at(name: str) -> datetime:
    return datetime.strptime(name.rpartition("/")[2].split("-")[1], _TIME).replace(tzinfo=UTC)
