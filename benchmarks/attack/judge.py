"""What must hold after an attack, from what was seen; each violation says what was expected and what was found."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.attack.answers import MARKER

#: Bases of errors that say what was wrong; whatever else comes through is a bug.
_TOLD = frozenset({"AirflowFailException", "LoadError", "PublicationsFailed", "TooManyFailures", "VoucherifyError"})
_LONGEST_MESSAGE = 1_500
_WORD = re.compile(r"[\w@.+-]+")
_SHOWN = 3


@dataclass(frozen=True)
class Ended:
    """How a try ended by itself.

    :param state: ``success``, ``up_for_retry``, ``failed`` or ``deferred``.
    :param error: names of the error's class and its bases.
    """

    state: str
    error: Sequence[str] = ()
    message: str = ""


@dataclass(frozen=True)
class Seen:
    """All that was seen of an attempt.

    :param ends: of the tries that were not killed, in order.
    :param may_fail_for_good: whether the attack lets a try say that no retry helps.
    :param is_done: whether a try succeeded after the attack.
    :param said: what tries logged and raised.
    :param ids: of customers, by either name.
    :param secrets: by what they are.
    :param visits: how often somebody came where nobody should.
    :param differences: from the truth, between looks, of calls and in what is left: told in words by who compares.
    """

    ends: Sequence[Ended]
    may_fail_for_good: bool
    is_done: bool
    said: str
    ids: Collection[str]
    secrets: Mapping[str, str]
    visits: int = 0
    differences: Sequence[str] = ()


def violations(seen: Seen) -> list[str]:
    """Return what should not have been, in words; none is wanted."""
    found = [*seen.differences, *_leaks(seen)]
    for ended in seen.ends:
        found += _of_end(ended, may_fail_for_good=seen.may_fail_for_good)
    if not seen.is_done:
        states = ", ".join(ended.state for ended in seen.ends) or "none ended by itself"
        found.append(f"a retry after the attack should succeed; tries: {states}")
    if seen.visits:
        found.append(f"nobody should follow a redirect to another host; {seen.visits} connections came there")
    return found


def _of_end(ended: Ended, *, may_fail_for_good: bool) -> Iterator[str]:
    if ended.state in {"success", "deferred"}:
        return
    said = f"{ended.error[0] if ended.error else 'nothing'}: {ended.message[:300]}"
    if not _TOLD.intersection(ended.error):
        yield f"an error should be told in words; found {said}"
    elif not ended.message.strip():
        yield f"an error should say something; found an empty {ended.error[0]}"
    elif len(ended.message) > _LONGEST_MESSAGE:
        yield f"an error should be short; found {len(ended.message):,} characters: {said}"
    if ended.state != "up_for_retry" and not may_fail_for_good:
        yield f"what passes should be tried again; found state {ended.state} with {said}"


def _leaks(seen: Seen) -> Iterator[str]:
    words = set(_WORD.findall(seen.said))
    if quoted := sorted(words.intersection(seen.ids)):
        yield f"logs and errors should name no customer; found {len(quoted)} ids, such as {quoted[:_SHOWN]}"
    for what, secret in seen.secrets.items():
        if secret in seen.said:
            yield f"logs and errors should tell no secret; found {what}"
    if MARKER in seen.said:
        place = seen.said.index(MARKER)
        yield f"logs and errors should quote no body; found {seen.said[max(0, place - 150) : place + 50]!r}"
