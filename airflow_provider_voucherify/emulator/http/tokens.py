"""OAuth tokens of a project: what they are worth, until when, and how many there may be."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.json_types import JsonObject

#: First parts of paths, which are the scopes of the first version; ``api`` is all of them.
SCOPES: Final = frozenset(
    [
        "api",
        "assets",
        "async-actions",
        "campaigns",
        "categories",
        "consents",
        "customers",
        "events",
        "exports",
        "loyalties",
        "metadata-schemas",
        "orders",
        "product-collections",
        "products",
        "promotions",
        "publications",
        "qualifications",
        "redemptions",
        "rewards",
        "segments",
        "validation-rules",
        "validations",
        "vouchers",
    ]
)


@dataclass(frozen=True, slots=True)
class Token:
    """One access token.

    :param scopes: as they were asked for.
    :param expires_at: seconds since 1970, UTC.
    :param is_fine_grained: of the second version, whose scopes are permissions; the emulator asks for none.
    """

    value: str
    client_id: str
    scopes: tuple[str, ...]
    expires_at: int
    is_fine_grained: bool

    def permits(self, path: str) -> bool:
        """Tell whether a call may be made with it.

        :returns: whether one of its scopes covers the path.
        """
        return self.is_fine_grained or bool({"api", path.split("/")[2:3][0]} & set(self.scopes))

    def to_json(self, now: float) -> JsonObject:
        """Show the token as the request that made it does.

        :param now: seconds since 1970, UTC.
        :returns: the token object.
        """
        return {
            "access_token": self.value,
            "client_id": self.client_id,
            "expires_at": self.expires_at,
            "expires_in": max(0, round(self.expires_at - now)),
            "scope": " ".join(self.scopes),
            "token_type": "Bearer",
        }


class Tokens:
    """The tokens of one project."""

    def __init__(self, owner: str) -> None:
        """Start without tokens.

        :param owner: the project's id, which is the client's too.
        """
        self._owner = owner
        self._by_value: dict[str, Token] = {}
        self.made = 0

    def issue(self, scopes: tuple[str, ...], now: float, seconds: float, most: int, *, is_fine_grained: bool) -> Token:
        """Make a token.

        :param now: seconds since 1970, UTC.
        :raises ApiProblem: 400 when there are too many.
        """
        self._by_value = {value: token for value, token in self._by_value.items() if token.expires_at > now}
        if len(self._by_value) >= most:
            details = f"There are {most} tokens already"
            raise problems.application(400, "too_many_tokens", "Too many OAuth tokens", details)
        self.made += 1
        value = f"{random.Random(f'{self._owner}/token/{self.made}').getrandbits(128):032x}"
        token = Token(value, self._owner, scopes, round(now + seconds), is_fine_grained)
        self._by_value[value] = token
        return token

    def find(self, value: str, now: float) -> Token | None:
        """Find a token that is worth something.

        :param now: seconds since 1970, UTC.
        :returns: the token, or None.
        """
        token = self._by_value.get(value)
        return token if token is not None and token.expires_at > now else None

    def revoke(self, value: str) -> None:
        """Let a token be worth nothing."""
        self._by_value.pop(value, None)
