"""Airflow's task state store in memory."""

from __future__ import annotations

import json
from datetime import timedelta

from airflow_provider_voucherify.api.models import Json


class MemoryStore:
    """Keeps values as JSON texts, as Airflow does."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def get(self, key: str, default: Json = None) -> Json:
        value: Json = json.loads(self.texts[key]) if key in self.texts else default
        return value

    def set(self, key: str, value: Json, *, retention: timedelta | None = None) -> None:
        self.texts[key] = json.dumps(value)

    def delete(self, key: str) -> None:
        self.texts.pop(key, None)
