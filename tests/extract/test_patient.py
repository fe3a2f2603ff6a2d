"""Work that cannot be stored waits for the rate limit, once there is something to lose."""

from __future__ import annotations

import asyncio

import pytest

from airflow_provider_voucherify.api import wire
from airflow_provider_voucherify.api.errors import WindowClosed
from airflow_provider_voucherify.api.models import JsonObject
from airflow_provider_voucherify.extract.patient import Patient

REQUEST = wire.get("/v1/segments")


class Scripted:
    """Answers, or says that the window is closed, as told."""

    def __init__(self, *closed_for: float | None) -> None:
        self._closed_for = iter(closed_for)

    async def send(self, request: wire.Request) -> JsonObject:
        wait = next(self._closed_for)
        if wait is not None:
            raise WindowClosed("closed", wait=wait, is_told=True)
        return {"target": request.target}


def test_after_an_answer_it_waits_as_long_as_it_takes() -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async def main() -> list[JsonObject]:
        patient = Patient(Scripted(None, 3_600.0, 10.0, None), sleep)
        return [await patient.send(REQUEST), await patient.send(REQUEST)]

    assert len(asyncio.run(main())) == 2
    assert waited == [3_600.0, 10.0]


def test_before_the_first_answer_it_gives_the_worker_back() -> None:
    with pytest.raises(WindowClosed):
        asyncio.run(Patient(Scripted(3_600.0)).send(REQUEST))
