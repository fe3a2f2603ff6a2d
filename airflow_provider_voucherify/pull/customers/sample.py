"""Pure: the same few customers wherever one looks, chosen by chance but without remembering the others.

Each name has a place on a line, given by a hash with a salt. The sample are the names with the lowest places: those
among a segment's members hold every member that is in the sample of all.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """A choice of customers.

    :param salt: decides which: drawn once for a run and stored with it.
    """

    size: int
    salt: str

    def lowest(self, names: Iterable[str]) -> list[str]:
        """Return the sample of some names: at most ``size``, lowest place first.

        :param names: distinct.
        """
        return heapq.nsmallest(self.size, names, key=self._place)

    def _place(self, name: str) -> bytes:
        return hashlib.blake2b(name.encode(), digest_size=8, key=self.salt.encode()).digest()
