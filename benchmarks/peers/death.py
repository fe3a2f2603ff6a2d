"""A pull that kills its own process, as the kernel does when memory runs out, at one place of its work each time."""

from __future__ import annotations

import os
import re
import signal
from typing import Literal, TypeAlias

Death: TypeAlias = Literal[
    "asking, before the first answers are stored",
    "asking, before more are stored",
    "everybody is asked, nothing published",
    "publishing, before the rows are inserted",
    "publishing, before the commit",
    "published, right after the commit",
    "published, as the ledger goes",
    "published, before the task ends",
]

_STORES = re.compile(r"\s*INSERT INTO memberships__run_")
#: What a ledger begins with: its opening, and who is asked about.
_BEGINS_WITH = 2
_PASSES = re.compile(r"\s*CREATE TEMP\w* TABLE memberships__members")
_PUBLISHES = re.compile(r"\s*INSERT INTO memberships \(")
_ENDS_LEDGER = re.compile(r"\s*DROP TABLE memberships__run_")


def is_asking(death: Death) -> bool:
    """Return whether customers are still to be asked for."""
    return death.startswith("asking")


def is_published(death: Death) -> bool:
    """Return whether readers see the run by then."""
    return death.startswith("published")


def die() -> None:
    """End this process at once."""
    os.kill(os.getpid(), signal.SIGKILL)


class Statements:
    """Tells from a pull's statements and commits where it is, and dies at its place.

    :param death: the place; ``published, before the task ends`` is none of a statement's.
    """

    def __init__(self, death: Death) -> None:
        self._death = death
        self._stored = 0
        self._publishes = self._is_published = False

    def watch(self) -> None:
        """Listen to all engines of this process, for as long as it lives."""
        from sqlalchemy import Engine, event

        event.listen(Engine, "before_cursor_execute", lambda _c, _k, statement, *_: self.statement(statement))
        event.listen(Engine, "commit", lambda _: self.commit())

    def statement(self, text: str) -> None:
        """Take a statement that is about to be executed."""
        self._stored += _STORES.match(text) is not None
        self._reach("asking, before the first answers are stored", is_there=self._stored == _BEGINS_WITH + 1)
        self._reach("asking, before more are stored", is_there=self._stored == _BEGINS_WITH + 3)
        self._reach("published, right after the commit", is_there=self._is_published)
        self._reach("published, as the ledger goes", is_there=_ENDS_LEDGER.match(text) is not None)
        self._reach("everybody is asked, nothing published", is_there=_PASSES.match(text) is not None)
        self._publishes = self._publishes or _PUBLISHES.match(text) is not None
        self._reach("publishing, before the rows are inserted", is_there=self._publishes)

    def commit(self) -> None:
        """Take a transaction that is about to be committed."""
        self._reach("publishing, before the commit", is_there=self._publishes)
        self._is_published, self._publishes = self._is_published or self._publishes, False

    def _reach(self, place: Death, *, is_there: bool) -> None:
        if is_there and place == self._death:
            die()
