"""What a pull that came to its end found, besides what the sink holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_provider_voucherify.api.models import Scope


@dataclass(frozen=True, slots=True)
class Mismatch:
    """How far the two ways to read memberships agreed.

    :param differing: those of them for whom the answers differed.
    """

    sampled: int
    differing: int

    @property
    def rate(self) -> float:
        """Return the share of the sampled customers for whom the answers differed."""
        return self.differing / self.sampled if self.sampled else 0.0


@dataclass(frozen=True, slots=True)
class Moved:
    """How membership changed while segments were listed, as far as their totals show it.

    :param joined: at least so many joined them.
    :param left: at least so many left them.
    """

    segments: int
    joined: int
    left: int


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a complete pull found, besides what the sink holds.

    :param mismatch: ``None`` if nothing was read both ways.
    :param segments_gone: names of segments that were deleted while they were read.
    :param segments_empty: names of segments that are there and have no members.
    :param moved: ``None`` if no segment was listed.
    """

    scope: Scope = field(default_factory=Scope)
    mismatch: Mismatch | None = None
    segments_gone: tuple[str, ...] = ()
    segments_empty: tuple[str, ...] = ()
    moved: Moved | None = None
