"""A Voucherify that answers by rule."""

from __future__ import annotations

import asyncio

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.models import JsonObject


class Answers:
    """Answers by the customer's number: an error to raise, or how many segments to list."""

    def __init__(self, answers: dict[int, errors.VoucherifyError | int]) -> None:
        self.answers = answers
        self.asked: list[int] = []

    async def send(self, request: wire.Request) -> JsonObject:
        number = int(request.target.split("/")[3])
        self.asked.append(number)
        await asyncio.sleep(0)
        answer = self.answers.get(number, 1)
        if isinstance(answer, errors.VoucherifyError):
            raise answer
        return {
            "object": "list",
            "data_ref": "data",
            "data": [
                {"id": f"seg_{index}", "name": f"Segment {index}", "object": "segment"} for index in range(answer)
            ],
            "total": answer,
        }
