"""Faults the emulator makes on purpose: which calls they hit is decided by the seed, not by the order."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

FaultKind: TypeAlias = Literal["status", "reset", "hang", "truncate", "malformed", "slow"]

_NEEDS_AN_ANSWER = frozenset({"truncate", "malformed", "slow"})
_HASH_RANGE = float(1 << 64)


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble and the share of calls it hits.

    :param kind: ``status`` answers with an error status, ``reset`` resets the connection, ``hang`` answers
        nothing and closes the connection after ``seconds``, ``truncate`` closes it in the middle of the
        body, ``malformed`` sends a body that is no JSON, ``slow`` spreads the bytes over ``seconds``.
    :param rate: share of the calls that are hit, 0 to 1.
    :param path: regular expression searched in method and raw target, such as ``GET /v1/customers/[^/]+/``;
        empty for every call.
    :param count: how many calls are hit at most; None for no end.
    :param after_acting: True acts on the request, counts the call, and then loses the answer; False acts
        on nothing and counts nothing. ``truncate``, ``malformed`` and ``slow`` always act.
    :param status: the status of kind ``status``.
    :param body: the body of kind ``status``; None is JSON for 500 and HTML for other 5xx.
    :param retry_after: seconds that kind ``status`` says to wait, in its ``Retry-After``; None says nothing.
    :param seconds: how long ``hang`` and ``slow`` take.
    """

    kind: FaultKind
    rate: float = 1.0
    path: str = ""
    count: int | None = None
    after_acting: bool = False
    status: int = 500
    body: Literal["json", "html", "empty"] | None = None
    retry_after: int | None = None
    seconds: float = 30.0

    @property
    def acts(self) -> bool:
        """Whether the request is acted upon and counted."""
        return self.after_acting or self.kind in _NEEDS_AN_ANSWER


class FaultPlan:
    """Chooses the fault of a call: the same request at the same attempt always meets the same one."""

    def __init__(self, faults: Sequence[Fault] = (), seed: int = 0) -> None:
        """Prepare the choice.

        :param faults: in the order in which they are tried; the first that hits is taken.
        :raises re.error: when a path filter is no regular expression.
        """
        self.faults = tuple(faults)
        self._patterns = [re.compile(fault.path) for fault in self.faults]
        self._left = [fault.count for fault in self.faults]
        self._seed = seed
        self._attempts: Counter[str] = Counter()

    def restart(self) -> None:
        """Decide again as if no call had been made yet."""
        self._left = [fault.count for fault in self.faults]
        self._attempts.clear()

    def choose(self, call: str, body: bytes = b"") -> Fault | None:
        """Decide about one call.

        :param body: of the request: two writes to the same target are different requests.
        :returns: the fault to make, or None.
        """
        request = f"{call} {hashlib.blake2b(body, digest_size=8).hexdigest()}" if body else call
        self._attempts[request] += 1
        for number, fault in enumerate(self.faults):
            if self._left[number] == 0 or not self._patterns[number].search(call):
                continue
            if draw(f"{self._seed}/{number}/{self._attempts[request]}/{request}") < fault.rate:
                self._spend(number)
                return fault
        return None

    def _spend(self, number: int) -> None:
        left = self._left[number]
        if left is not None:
            self._left[number] = left - 1


def draw(text: str) -> float:
    """Draw a number from a text: always the same for the same text.

    :returns: a number from 0 (included) to 1 (excluded).
    """
    digest = hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / _HASH_RANGE
