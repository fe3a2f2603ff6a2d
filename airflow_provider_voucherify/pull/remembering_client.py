"""A client for what cannot be stored as an answer: a later part of the same try does not ask for it again."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import cast

from airflow_provider_voucherify.api.calls.call import Sender
from airflow_provider_voucherify.api.errors import NotFound
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.models import Json, JsonObject

#: What is read of the answers: lists, their customers and segments. Nothing else is kept, least of all a profile.
_KEPT = (
    "object",
    "data_ref",
    "total",
    "has_more",
    "id",
    "source_id",
    "name",
    "type",
    "created_at",
    "initial_sync_status",
)
_LISTS = ("customers", "data", "segments")


class RememberingClient:
    """Sends calls and keeps the answers, to be noted before the worker is given back; noted ones are not asked again.

    Lists of segments and of everyone, lookups and samples are of use as a whole only. A run that gave its worker
    back in between would have to ask all of it again, and with a small share of the rate limit for ever.

    ``new`` are the answers that came in this part, by target, packed; ``None`` for "there is no such resource".

    :param keeps: whether there can be a later part.
    """

    def __init__(self, client: Sender, held: Mapping[str, str | None], *, keeps: bool) -> None:
        self.new: dict[str, str | None] = {}
        self._client = client
        self._held = dict(held)
        self._keeps = keeps

    async def send(self, request: wire.Request) -> JsonObject:
        """Return the JSON object of the answer, or the part of it that an earlier part of the try kept.

        :raises VoucherifyError: if there is none.
        """
        if request.target in self._held:
            return _unpacked(self._held[request.target])
        try:
            answer = await self._client.send(request)
        except NotFound:
            self._keep(request, None)
            raise
        self._keep(request, answer)
        return answer

    def forget(self, path: str) -> None:
        """Let what stands under a path be asked for again."""
        self._held = {target: answer for target, answer in self._held.items() if target.partition("?")[0] != path}

    def _keep(self, request: wire.Request, answer: JsonObject | None) -> None:
        if self._keeps:
            self.new[request.target] = None if answer is None else _packed(answer)


def _packed(answer: JsonObject) -> str:
    text = json.dumps(_essence(answer), separators=(",", ":"))
    return base64.b85encode(zlib.compress(text.encode())).decode()


def _unpacked(packed: str | None) -> JsonObject:
    if packed is None:
        raise NotFound("Voucherify said so in an earlier part of this try", status=404, key="not_found")
    return cast("JsonObject", json.loads(zlib.decompress(base64.b85decode(packed))))


def _essence(answer: JsonObject) -> JsonObject:
    kept: JsonObject = {name: answer[name] for name in _KEPT if name in answer}
    for name in _LISTS:
        if isinstance(items := answer.get(name), list):
            essences: list[Json] = [_essence(item) if isinstance(item, dict) else item for item in items]
            kept[name] = essences
    return kept
