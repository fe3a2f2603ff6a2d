"""How fast a pull goes, and how it is cut."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from airflow_provider_voucherify.api.errors import shown
from airflow_provider_voucherify.load.destinations import LEFTOVER_AGE, is_whole_number


@dataclass(frozen=True)
class Pace:
    """How fast a pull goes, and how often what it found is stored.

    :param concurrency: the most calls in flight; fewer are used where fewer are enough.
    :param chunk_size: the most customers, or pages of segments' members, that a killed try has to ask for again. Half
        of them are stored at a time.
    :param resume_within: how old what an earlier try found may be to be used by a later one.
    :raises ValueError: if a value cannot be used.
    """

    concurrency: int = 32
    chunk_size: int = 512
    resume_within: timedelta = timedelta(hours=24)

    def __post_init__(self) -> None:
        for name in ("concurrency", "chunk_size"):
            value = getattr(self, name)
            if not is_whole_number(value, 1):
                raise ValueError(f"{name} of Pace should be a whole number of at least 1, is {shown(value)}")
        if not isinstance(self.resume_within, timedelta) or not timedelta(0) <= self.resume_within <= LEFTOVER_AGE:
            raise ValueError(
                f"resume_within of Pace is {shown(self.resume_within)}; write a timedelta of at most "
                f"{LEFTOVER_AGE.days} days, after which what dead runs left behind is removed"
            )
