"""Settings over JSON: small frozen dataclasses, changed field by field, with their types checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from airflow_provider_voucherify.emulator.json_types import Json, JsonObject

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Settings = TypeVar("Settings", bound=DataclassInstance)
else:
    Settings = TypeVar("Settings")


def changed(settings: Settings, body: JsonObject) -> Settings:
    """Change what a JSON object names.

    :param settings: a dataclass of texts, numbers, truth values and literals.
    :returns: the settings with these values.
    :raises ValueError: when a name is unknown or a value has the wrong type.
    """
    hints = get_type_hints(type(settings))
    for name, value in body.items():
        if name not in hints:
            raise ValueError(f"{name} is none of {', '.join(sorted(hints))}")
        if not _fits(value, hints[name]):
            raise ValueError(f"{name} cannot be {value!r}")
    return cast("Callable[..., Settings]", dataclasses.replace)(settings, **body)


def to_json(settings: DataclassInstance) -> JsonObject:
    """Show settings.

    :param settings: a dataclass of texts, numbers, truth values and literals.
    :returns: values by field name.
    """
    shown: JsonObject = dataclasses.asdict(settings)
    return shown


def _fits(value: Json, hint: object) -> bool:
    origin = get_origin(hint)
    if origin is Literal:
        return value in get_args(hint)
    if origin in {Union, UnionType}:
        return any(_fits(value, one) for one in get_args(hint))
    if hint is NoneType:
        return value is None
    if isinstance(value, bool):
        return hint is bool
    if hint is float:
        return isinstance(value, int | float)
    return isinstance(hint, type) and isinstance(value, hint)
