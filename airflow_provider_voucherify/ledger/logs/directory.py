"""A log in a directory of files: a file for each opening and each piece, none of which is changed."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from functools import partial

from airflow_provider_voucherify.ledger.log import Opening, Piece, Pieces, StoredPiece, refuse_if_lost
from airflow_provider_voucherify.load.files.directory import Directory, finished_name
from airflow_provider_voucherify.load.summary import as_utc

#: Readers such as Spark, Hive and pyarrow leave out what begins with an underscore.
LEDGERS = "_ledger"
_OPENINGS = "openings"
#: Files of ours: of a run the openings, and of each of its logs the pieces.
_FILE = re.compile(
    rf"{LEDGERS}/(?P<run>[0-9a-f]{{12}})/(?P<log>[0-9a-z]+)/"
    r"(?P<number>\d{6,})-(?P<at>\d{8}T\d{6}Z)-(?P<writer>[0-9a-z]+)\.json(\.z)?"
)
_TIME = "%Y%m%dT%H%M%SZ"


def digest_of(run_key: str) -> str:
    """Return the name a run goes by in file names."""
    return hashlib.blake2b(run_key.encode(), digest_size=6).hexdigest()


class InDirectory:
    """A ``LogStore`` in a directory.

    :param directory: that of the result.
    :param run_key: names the run.
    """

    is_durable = True

    def __init__(self, directory: Directory, run_key: str) -> None:
        self._directory = directory
        self._digest = digest_of(run_key)
        self._folder = f"{LEDGERS}/{self._digest}"
        #: The newest opening by its name; it never changes.
        self._known: dict[str, Opening | None] = {}
        #: Number and name of the piece that was to be stored last.
        self._last = (-1, "")
        self.lost = (
            f"the ledger in {directory.url_of(self._folder)} is no longer this try's: another try of the same task "
            "goes on with it, began it anew, or ended. Let that one go on; this one stops without changing anything"
        )

    def newest(self) -> Opening | None:
        names = [name for name in self._directory.names(f"{self._folder}/{_OPENINGS}") if is_of_log(name)]
        if not names and self._known:  # a listing does not tell what is gone from what cannot be reached; reading does
            return self._read_opening(next(iter(self._known)))
        if names and (newest := max(names, key=_key_of)) not in self._known:
            self._known = {newest: self._read_opening(newest)}
        return next(iter(self._known.values()), None)

    def put(self, opening: Opening, at: datetime) -> None:
        name = f"{self._folder}/{_OPENINGS}/{_name(opening.number, at, opening.writer)}.json"
        self._directory.put(name, json.dumps(opening.to_json()).encode())
        self._known, self._last = {name: opening}, (-1, "")

    def pieces(self, opening: Opening) -> Pieces:
        there: dict[tuple[str, int], StoredPiece] = {}
        for name in self._directory.names(f"{self._folder}/{opening.token}"):
            if is_of_log(name):
                number, writer = _key_of(name)
                there[writer, number] = StoredPiece(_written_at(name), partial(self._directory.read, name))
        return there

    def insert(self, opening: Opening, number: int, piece: Piece, at: datetime, *, is_fact: bool = False) -> None:
        """Store a piece; where it is not known whether that of this number was, in its place."""
        if not is_fact:
            refuse_if_lost(self, opening)
        if number != self._last[0]:
            self._last = number, f"{self._folder}/{opening.token}/{_name(number, at, opening.writer)}.json.z"
        self._directory.put(self._last[1], piece.data)

    def remove(self) -> None:
        remove_log(self._directory, self._digest)

    def _read_opening(self, name: str) -> Opening | None:
        try:
            return Opening.from_json(json.loads(self._directory.read(name) or b"null"))
        except ValueError:
            return None


def runs_with_logs(directory: Directory) -> set[str]:
    """Return the digests of the runs that have a log in a directory."""
    return {match["run"] for match in map(_FILE.fullmatch, directory.names(LEDGERS)) if match is not None}


def is_of_log(name: str) -> bool:
    """Return whether a file is named as those of our logs are."""
    return _FILE.fullmatch(name) is not None


def dead_runs(directory: Directory, written_before: datetime) -> set[str]:
    """Return the digests of the runs whose logs were last written before a moment (UTC)."""
    last_written: dict[str, datetime] = {}
    for name in directory.names(LEDGERS):
        if (match := _FILE.fullmatch(name)) is not None:
            last_written[match["run"]] = max(_written_at(name), last_written.get(match["run"], _written_at(name)))
    return {run for run, written_at in last_written.items() if written_at < written_before}


def remove_log(directory: Directory, digest: str) -> None:
    """Remove the log of a run, whatever run's; openings first: without them the rest means nothing. With it go files
    that killed writers left unfinished, those of others do not."""
    folder = f"{LEDGERS}/{digest}"
    names = [*directory.names(folder), *directory.names(folder, unfinished=True)]
    for name in sorted(names, key=lambda name: f"/{_OPENINGS}/" not in name):
        if is_of_log(finished_name(name)):
            directory.remove(name)
    directory.remove_empty_folders(folder)


def _name(number: int, at: datetime, writer: str) -> str:
    return f"{number:06d}-{as_utc(at).strftime(_TIME)}-{writer}"


def _key_of(name: str) -> tuple[int, str]:
    """Return number and writer of an opening or a piece; clocks decide nothing."""
    number, _, writer = name.rpartition("/")[2].partition(".")[0].split("-")
    return int(number), writer


def _written_at(name: str) -> datetime:
    return datetime.strptime(name.rpartition("/")[2].split("-")[1], _TIME).replace(tzinfo=UTC)
