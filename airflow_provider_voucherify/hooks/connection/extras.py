"""The extras of a connection as typed values, whatever they came from: form, JSON, URI or secrets backend."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from airflow_provider_voucherify.api.errors import InvalidConnection

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from airflow_provider_voucherify.api.models import Json, JsonObject

_FLAGS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Extras:
    """The extras by name. The form sends ``null`` or an empty text for what was left open: both mean "not given"."""

    values: Mapping[str, Json]

    @classmethod
    def of(cls, connection: Connection) -> Extras:
        """Read the extras of a connection.

        :raises InvalidConnection: if they are no JSON object; Airflow itself would take them as empty.
        """
        if not connection.extra:
            return cls({})
        try:
            values: Json = json.loads(connection.extra)
        except ValueError:
            raise InvalidConnection('extra is not JSON; write an object such as {"cluster": "us1.api"}') from None
        if not isinstance(values, dict):
            raise InvalidConnection(
                f'extra should be a JSON object such as {{"cluster": "us1.api"}}, is {type(values).__name__}'
            )
        return cls(values)

    def given(self, name: str) -> Json:
        """Return the value, or ``None`` if it was not given."""
        value = self.values.get(name)
        if isinstance(value, str):
            return value.strip() or None
        return value

    def text(self, name: str) -> str | None:
        """Return a text, or ``None`` if it was not given.

        :raises InvalidConnection: if it is something else.
        """
        value = self.given(name)
        if value is None or isinstance(value, str):
            return value
        raise InvalidConnection(f"{name} should be a text, is {shown(value)}")

    def number(self, name: str, default: float, *, such_as: str) -> float:
        """Return a number.

        :param default: what it is if it was not given.
        :param such_as: a value to write instead of a wrong one.
        :raises InvalidConnection: if it is none.
        """
        value = self.given(name)
        if value is None:
            return default
        number = _as_number(value)
        if number is None:
            raise InvalidConnection(f"{name} should be a number such as {such_as}, is {shown(value)}")
        return number

    def whole_number(self, name: str, *, such_as: str) -> int | None:
        """Return a whole number, or ``None`` if it was not given.

        :raises InvalidConnection: if it is none.
        """
        value = self.given(name)
        if value is None:
            return None
        number = _as_number(value)
        if number is None or not number.is_integer():
            raise InvalidConnection(f"{name} should be a whole number such as {such_as}, is {shown(value)}")
        return int(number)

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a yes or no.

        :raises InvalidConnection: if it is neither.
        """
        value = self.given(name)
        if value is None:
            return default
        flag = as_flag(value)
        if flag is None:
            raise InvalidConnection(f"{name} should be true or false, is {shown(value)}")
        return flag

    def beyond(self, known: Iterable[str]) -> list[str]:
        """Return the names that are not among the known ones, sorted."""
        return sorted(set(self.values) - set(known))


def as_flag(value: Json) -> bool | None:
    """Return what a yes or no in any of its spellings means, or ``None`` if it is neither."""
    if isinstance(value, bool):
        return value
    return _FLAGS.get(str(value).lower()) if isinstance(value, str | int) else None


def as_object(value: Json) -> JsonObject | None:
    """Return a JSON object, also one written as text (as in a URI), or ``None`` if it is none."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, str) or not value.startswith("{"):
        return None
    try:
        return cast("JsonObject", json.loads(value))
    except ValueError:
        return None


def shown(value: Json) -> str:
    """Return a value as an error may show it: quoted and not too long."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."


def _as_number(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
