"""A run's log: pieces that are inserted and never changed, and openings that name which of them count.

Each try that goes on with a log inserts an opening of its own, which names, of each writer before it, how many pieces
count. What one of those writes later, because it was paused between a look and its write, is named by no opening and so
is never read: no store has to compare before it writes, and nothing is locked.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeAlias

from airflow_provider_voucherify.api.models import Json, JsonObject
from airflow_provider_voucherify.load.errors import LedgerLost
from airflow_provider_voucherify.load.summary import as_utc


@dataclass(frozen=True, slots=True)
class Opening:
    """What a try says that goes on with a log, or begins it.

    :param number: of the opening, from 0 on.
    :param token: tells this log from an earlier one of the same run.
    :param fingerprint: of the job.
    :param created_at: when the log was begun (UTC).
    :param writer: the token of the try.
    :param earlier: writers before it, in order, each with how many of its pieces count.
    """

    number: int
    token: str
    fingerprint: str
    created_at: datetime
    writer: str
    earlier: tuple[tuple[str, int], ...] = ()

    @property
    def writers(self) -> tuple[str, ...]:
        """Return the tries whose pieces may count, this one last."""
        return (*(writer for writer, _ in self.earlier), self.writer)

    def to_json(self) -> JsonObject:
        """Return the opening as JSON, to be read back by ``from_json``."""
        return {
            "number": self.number,
            "log": self.token,
            "fingerprint": self.fingerprint,
            "created_at": as_utc(self.created_at).isoformat(),
            "writer": self.writer,
            "earlier": [[writer, count] for writer, count in self.earlier],
        }

    @classmethod
    def from_json(cls, data: Json) -> Opening | None:
        """Read an opening; ``None`` if it is none."""
        match data:
            case {
                "number": int(number),
                "log": str(token),
                "fingerprint": str(fingerprint),
                "created_at": str(at),
                "writer": str(writer),
                "earlier": list(earlier),
            }:
                try:
                    counts = tuple((str(one), int(str(count))) for one, count in map(_pair, earlier))
                    return cls(number, token, fingerprint, datetime.fromisoformat(at), writer, counts)
                except ValueError:
                    return None
            case _:
                return None


@dataclass(frozen=True, slots=True)
class Piece:
    """Steps that are stored together.

    :param data: the steps, packed.
    :param customers: how many are answered by them, and ``members`` how many memberships they tell: for people.
    """

    data: bytes
    customers: int
    members: int


@dataclass(frozen=True, slots=True)
class StoredPiece:
    """A piece that is there.

    :param written_at: when it was inserted (UTC).
    :param read: returns what it holds, ``None`` if it is gone meanwhile.
    """

    written_at: datetime
    read: Callable[[], bytes | None]


#: Pieces by their writer and number.
Pieces: TypeAlias = Mapping[tuple[str, int], StoredPiece]


class LogStore(Protocol):
    """Where the log of one run is."""

    @property
    def is_durable(self) -> bool:
        """Return whether it outlives the process: only then may a run be interrupted on purpose."""

    @property
    def lost(self) -> str:
        """Return what is said to a try that was overtaken: which ledger it was, and what to do."""

    def newest(self) -> Opening | None:
        """Return the newest opening, whoever's; ``None`` as well if it cannot be read."""

    def put(self, opening: Opening, at: datetime) -> None:
        """Insert an opening; where another has its number, one of the two is the newest, for everybody the same."""

    def pieces(self, opening: Opening) -> Pieces:
        """Return the pieces there are of the writers an opening names."""

    def insert(self, opening: Opening, number: int, piece: Piece, at: datetime, *, is_fact: bool = False) -> None:
        """Store a piece of the opening's writer durably, as a whole or not at all.

        :param is_fact: whether it is stored though another opening is the newest.
        :raises LedgerLost: if another is, or there is none.
        """

    def remove(self) -> None:
        """Remove the run's openings and pieces, openings first: without them the rest means nothing."""


def refuse_if_lost(store: LogStore, opening: Opening | None) -> Opening:
    """Return the opening of a try, if it is the newest.

    :raises LedgerLost: if another try of this run goes on with its log, began it anew, or finished the run.
    """
    if opening is None or store.newest() != opening:
        raise LedgerLost(store.lost)
    return opening


@dataclass(frozen=True, slots=True)
class FoundLog:
    """A log that is there.

    :param opening: the newest.
    :param counts: all writers so far, in order, with how many of their pieces count.
    :param pieces: those, in order; ``None`` for one that is missing.
    """

    opening: Opening
    counts: tuple[tuple[str, int], ...]
    pieces: tuple[StoredPiece | None, ...]

    @property
    def last_written_at(self) -> datetime:
        """Return when the newest piece was written, or the log begun (UTC)."""
        return max([as_utc(self.opening.created_at), *(one.written_at for one in self.pieces if one is not None)])


def random_token() -> str:
    """Return a short random text that tells what one try writes from what others write."""
    return secrets.token_hex(4)


class Log:
    """The log of a run, as one try has it.

    :param store: where it is.
    :param with_late: whether what writers wrote after they were overtaken counts too, see ``append_fact``.
    """

    def __init__(self, store: LogStore, *, with_late: bool = False) -> None:
        self._store = store
        self._with_late = with_late
        self._opening: Opening | None = None
        self._inserted = 0

    @property
    def is_durable(self) -> bool:
        """Return whether the log outlives the process."""
        return self._store.is_durable

    def find(self) -> FoundLog | None:
        """Return the log there is, whoever's."""
        opening = self._store.newest()
        return None if opening is None else self._found(opening)

    def _found(self, opening: Opening) -> FoundLog:
        there = self._store.pieces(opening)
        ends = {opening.writer: 0} | dict(opening.earlier)
        for writer, number in there:
            if writer == opening.writer or self._with_late:
                ends[writer] = max(ends.get(writer, 0), number + 1)
        counts = tuple((writer, ends[writer]) for writer in opening.writers if ends[writer] or self._with_late)
        named = [(writer, number) for writer, count in counts for number in range(count)]
        return FoundLog(opening, counts, tuple(there.get(one) for one in named))

    def begin(self, fingerprint: str, at: datetime) -> Opening:
        """Begin an empty log in place of what there is; a try that wrote before stops."""
        self._store.remove()
        opening = Opening(0, random_token(), fingerprint, at, random_token())
        self._store.put(opening, at)
        self._opening, self._inserted = opening, 0
        return opening

    def resume(self, found: FoundLog, at: datetime) -> Iterator[bytes]:
        """Go on after what is there; a try that wrote before stops, and its later pieces do not count.

        :returns: the pieces, in order; the log is this try's once all are read.
        :raises ValueError: if one is missing.
        """
        before = found.opening
        opening = replace(before, number=before.number + 1, writer=random_token(), earlier=found.counts)
        self._store.put(opening, at)
        # Once more, as the earlier try wrote on until this opening stopped it.
        if (seen := self._found(before)).counts != found.counts:
            found, opening = seen, replace(opening, number=opening.number + 1, earlier=seen.counts)
            self._store.put(opening, at)
        for piece in found.pieces:
            data = None if piece is None else piece.read()
            if data is None:
                raise ValueError("a piece of the ledger is missing")
            yield data
        self._opening, self._inserted = opening, 0

    def append(self, piece: Piece, at: datetime) -> None:
        """Store a piece durably.

        :raises LedgerLost: if another try of this run goes on with its log or began it anew.
        """
        self._insert(self.opening, piece, at, is_fact=False)

    def append_fact(self, piece: Piece, at: datetime) -> None:
        """Store a piece that is true whoever goes on, where pieces that come late are read too.

        :raises LedgerLost: if another try goes on; what is stored counts for that all the same, but once the run is
            over nothing is stored.
        """
        newest, own = self._store.newest(), self._opening
        if own is not None and newest is not None and own.writer in newest.writers:
            self._insert(own, piece, at, is_fact=True)
        # Looked at after the write: what was written before another try took over, that one has read.
        self.own()

    def own(self) -> Opening:
        """Return the opening, sure that the log is still this try's.

        :raises LedgerLost: if another try of this run goes on with its log, began it anew, or finished the run.
        """
        return refuse_if_lost(self._store, self._opening)

    @property
    def opening(self) -> Opening:
        """Return the opening of this try.

        :raises LedgerLost: if it has none.
        """
        if self._opening is None:
            raise LedgerLost(self._store.lost)
        return self._opening

    def remove(self) -> None:
        """Remove the log, whosever it is."""
        self._store.remove()

    def remove_own(self) -> None:
        """Remove the log, unless it is another try's by now."""
        with suppress(LedgerLost):
            self.own()
            self.remove()

    def _insert(self, opening: Opening, piece: Piece, at: datetime, *, is_fact: bool) -> None:
        self._store.insert(opening, self._inserted, piece, at, is_fact=is_fact)
        # Where it is not known whether that came about, the next piece takes its place.
        self._inserted += 1


def _pair(data: Json) -> tuple[Json, Json]:
    match data:
        case [writer, count]:
            return writer, count
        case _:
            raise ValueError("a writer comes with the number of its pieces")
