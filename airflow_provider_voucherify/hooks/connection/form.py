"""The connection form for Airflow 3.1, which asks the hook for it: from the same record that later ones read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from airflow_provider_voucherify.provider_info import connection_type

Schema = Mapping[str, object]


def widgets() -> dict[str, object]:
    """Return a WTForms field for each extra.

    Airflow 3.1 brings stand-ins for WTForms, which is not installed with it, and puts them in place while it asks.
    """
    fields = cast("Mapping[str, Mapping[str, object]]", connection_type()["conn-fields"])
    return {name: _widget(field) for name, field in fields.items()}


def field_behaviour() -> dict[str, object]:
    """Return what the standard fields are called, their examples, and which are hidden."""
    behaviour = cast("Mapping[str, object]", connection_type()["ui-field-behaviour"])
    return {name.replace("-", "_"): value for name, value in behaviour.items()}


def _widget(field: Mapping[str, object]) -> object:
    from wtforms import BooleanField, IntegerField, PasswordField, StringField
    from wtforms.validators import Optional, any_of

    schema = cast("Schema", field["schema"])
    kinds = {"boolean": BooleanField, "integer": IntegerField, "password": PasswordField}
    kind = next((kinds[name] for name in _kinds(schema) if name in kinds), StringField)  # it has none for fractions
    choices = [any_of(schema["enum"])] if "enum" in schema else []
    return kind(
        label=field["label"],
        validators=[Optional(), *choices],
        description=_description(field, schema),
        default=schema.get("default"),
    )


def _kinds(schema: Schema) -> list[object]:
    types = schema["type"]
    return [schema.get("format"), *(types if isinstance(types, list) else [types])]


def _description(field: Mapping[str, object], schema: Schema) -> str:
    """Return the field's description, and what its choices mean: the form shows them as they are stored."""
    meanings = cast("Mapping[str, str]", schema.get("values_display", {}))
    choices = ", ".join(f"{value}: {meaning}" for value, meaning in meanings.items())
    return f"{field['description']} {choices}.".strip() if choices else str(field["description"])
