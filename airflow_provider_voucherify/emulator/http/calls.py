"""One call on its way through the emulator, and the table of endpoints it is looked up in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import unquote

from airflow_provider_voucherify.emulator.giving.records import Records
from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.http.answers import Answer
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject, load
from airflow_provider_voucherify.emulator.shop.population import Population
from airflow_provider_voucherify.emulator.switches import Switches

LARGEST_BODY = 10_485_760


@dataclass(frozen=True, slots=True)
class Call:
    """A permitted call with valid keys.

    :param names: the variable parts of the path, each decoded once.
    :param query: the undecoded query string.
    :param now: microseconds since 1970, UTC.
    :param base_url: scheme, host and port the client used.
    """

    population: Population
    records: Records
    switches: Switches
    names: tuple[str, ...]
    query: str
    content_type: str
    body: bytes
    now: int
    base_url: str

    def json_object(self) -> JsonObject:
        """Read the body.

        :raises ApiProblem: 413, 415 or 400 when it is too long, not declared as JSON, or no JSON object.
        """
        document = self._json()
        if not isinstance(document, dict):
            raise problems.invalid_payload("Payload must be object")
        return document

    def json_list(self) -> list[Json]:
        """Read the body.

        :raises ApiProblem: 413, 415 or 400 when it is too long, not declared as JSON, or no JSON array.
        """
        document = self._json()
        if not isinstance(document, list):
            raise problems.invalid_payload("Payload must be array")
        return document

    def _json(self) -> Json:
        if len(self.body) > LARGEST_BODY:
            message = f"Payload content length greater than maximum allowed: {LARGEST_BODY}"
            raise problems.framework(413, "Request Entity Too Large", message)
        if self.content_type.partition(";")[0].strip().lower() != "application/json":
            raise problems.unsupported_media_type()
        try:
            return load(self.body)
        except ValueError as error:
            raise problems.framework(400, "Bad Request", "Invalid request payload JSON format") from error


Handler: TypeAlias = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint: its handler per method, and which methods are limited as bulk calls."""

    path: str
    handlers: dict[str, Handler] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    bulk_methods: set[str] = field(default_factory=set)


class Router:
    """Finds endpoints by the raw path: ``%2F`` in an id is part of the id."""

    def __init__(self) -> None:
        """Start without endpoints."""
        self._routes: dict[str, Route] = {}

    def add(self, method: str, path: str, handler: Handler, *, bulk: bool = False) -> None:
        """Add an endpoint.

        :param path: names and variables in turn, such as ``/v1/customers/{id}/segments``; a path whose
            variable places hold a name (``/v1/customers/bulk/async``) wins over the variable.
        """
        key = "/".join("*" if part.startswith("{") else part for part in path.split("/"))
        route = self._routes.setdefault(key, Route(path))
        route.handlers[method] = handler
        route.labels[method] = f"{method} {path}"
        if bulk:
            route.bulk_methods.add(method)

    def find(self, raw_path: str) -> tuple[Route | None, tuple[str, ...]]:
        """Find an endpoint.

        :returns: the endpoint, or None; and the variable parts, each decoded once.
        """
        exact = self._routes.get(raw_path)
        if exact is not None:
            return exact, ()
        parts = raw_path.split("/")
        variables = parts[3::2]
        if not all(variables):
            return None, ()
        parts[3::2] = ["*"] * len(variables)
        names = tuple(unquote(part) if "%" in part else part for part in variables)
        return self._routes.get("/".join(parts)), names
