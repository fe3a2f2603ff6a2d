"""What shows that rows are all members of a static segment, as a run about everyone found them; pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from airflow_provider_voucherify.api.models import Json, JsonObject, Member, Segment, StaticList

_DIGEST_BYTES = 16


@dataclass(slots=True)
class Digest:
    """A hash of the members of a segment, in whatever order they come.

    :param members: so many came.
    :param total: the sum of the hashes of each.
    """

    members: int = 0
    total: int = 0

    def add(self, member: Member) -> None:
        """Take in a member, who comes once."""
        text = json.dumps([member.customer_id, member.source_id])
        self.members += 1
        self.total += int.from_bytes(hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest())

    def __str__(self) -> str:
        return f"{self.total % 256**_DIGEST_BYTES:0{2 * _DIGEST_BYTES}x}"


@dataclass(frozen=True, slots=True)
class Proof:
    """Says which rows are all members of a static segment: rows that hash alike are, whoever wrote them.

    :param listed: the segment, and how many members it had.
    :param digest: hash of the members.
    """

    listed: StaticList
    digest: str

    def fits(self, found: Digest) -> bool:
        """Return whether rows are those members."""
        return found.members == self.listed.members and str(found) == self.digest

    def to_json(self) -> JsonObject:
        """Return the proof as JSON, to be read back by :func:`proofs_from_json`."""
        segment = self.listed.segment
        times: list[Json] = [_text(segment.created_at), _text(segment.updated_at)]
        return {"name": segment.name, "times": times, "members": self.listed.members, "digest": self.digest}


def proofs_to_text(proofs: Mapping[str, Proof]) -> str:
    """Return proofs as JSON text, by the segment's id."""
    return json.dumps({segment_id: proof.to_json() for segment_id, proof in proofs.items()})


def proofs_from_text(text: str) -> dict[str, Proof]:
    """Read what :func:`proofs_to_text` wrote; what is none of it proves nothing."""
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    stored = data.items() if isinstance(data, dict) else ()
    read = {segment_id: _proof(segment_id, one) for segment_id, one in stored}
    return {segment_id: proof for segment_id, proof in read.items() if proof is not None}


def _proof(segment_id: str, data: Json) -> Proof | None:
    match data:
        case {"name": str(name), "times": [*times], "members": int(members), "digest": str(digest)} if len(times) == 2:
            try:
                created_at, updated_at = map(_time, times)
            except ValueError:
                return None
            return Proof(StaticList(Segment(segment_id, name, "static", created_at, updated_at), members), digest)
    return None


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _time(value: Json) -> datetime | None:
    return None if value is None else datetime.fromisoformat(str(value))
