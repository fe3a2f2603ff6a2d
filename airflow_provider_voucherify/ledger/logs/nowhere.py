"""The log of a run that leaves nothing behind: where Airflow has no task state store."""

from __future__ import annotations

from datetime import datetime

from airflow_provider_voucherify.ledger.log import Opening, Piece, Pieces, refuse_if_lost


class Nowhere:
    """Stores nothing, so that nobody else can take over."""

    is_durable = False
    lost = "the sink was not opened: call open() first"

    def __init__(self) -> None:
        self._opening: Opening | None = None

    def newest(self) -> Opening | None:
        """Return the opening of this very try."""
        return self._opening

    def put(self, opening: Opening, at: datetime) -> None:  # noqa: ARG002 - as stores have it
        """Remember the opening as long as the try lasts."""
        self._opening = opening

    def pieces(self, opening: Opening) -> Pieces:  # noqa: ARG002 - as stores have it
        """Return none."""
        return {}

    def insert(self, opening: Opening, number: int, piece: Piece, at: datetime, *, is_fact: bool = False) -> None:  # noqa: ARG002 - as stores have it
        """Store nothing."""
        refuse_if_lost(self, opening)

    def remove(self) -> None:
        """Have nothing to remove."""
