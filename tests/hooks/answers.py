"""Answers of Voucherify for mocked calls."""

from __future__ import annotations

EUROPE = "https://api.voucherify.io"

FIVE_SEGMENTS = {
    "object": "list",
    "data_ref": "data",
    "data": [
        {"id": "seg_5vN3", "name": "Not jo.doe@example.com", "object": "segment"},
        {"id": "seg_1aQ7", "name": "Spent more than 100", "object": "segment"},
        {"id": "seg_4tB2", "name": "Born in June", "object": "segment"},
        {"id": "seg_2cK9", "name": "Kraków & Łódź", "object": "segment"},
        {"id": "seg_3hM1", "name": "No phone", "object": "segment"},
    ],
    "total": 5,
}


def segment(number: int, created_at: str | None = None) -> dict[str, object]:
    """Return a whole segment as the list of segments has it."""
    return {
        "id": f"seg_{number:03}",
        "name": f"Segment {number}",
        "created_at": created_at or f"2026-03-01T10:{number // 60:02}:{number % 60:02}.123Z",
        "updated_at": None,
        "type": "passive",
        "filter": {"junction": "and"},
        "object": "segment",
    }


def page(segments: list[dict[str, object]], total: int | None) -> dict[str, object]:
    """Return a page of the list of segments; without a total for ``None``."""
    totals = {} if total is None else {"total": total}
    return {"object": "list", "data_ref": "data", "data": segments, **totals}
