"""What templates of an operator were before they were rendered: one that had nothing to say is told from none.

Rendering is in place, and what nothing becomes may mean something: no ``segments`` are all segments, no ``since`` is
one run alone, the text ``None`` is what a customer gets one code per, for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, auto
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from airflow_provider_voucherify.api.errors import InvalidArgument, shown
from airflow_provider_voucherify.hooks.refusal import is_resolvable
from airflow_provider_voucherify.pull.customers.upstream import NOTHING, is_nothing

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

T = TypeVar("T")
Path: TypeAlias = tuple[str | int, ...]

#: Values of the user's own, which may be empty or ``None`` on purpose.
_MAY_BE_EMPTY = frozenset(("metadata", "extra_columns", "parameters"))
#: What these name is one thing: ``day None`` or ``ds=None`` among them was no name either.
_NAMES = frozenset(("as_of", "conn_id", "once_per", "segment_id", "since", "table", "url", "voucherify_conn_id"))
#: What is written by whoever writes the Dag, and would be taken as it stands for ever: a table, a key of vouchers.
_WRITTEN = _NAMES | {"sql", "stage"}
_NONE = re.compile(r"(?<![A-Za-z0-9])(?:None|NaT|<NA>)(?![A-Za-z0-9])")


class Template(Protocol):
    """A template of Jinja's, compiled."""

    def generate(self, context: Context) -> Iterator[object]:
        """Yield the parts it renders to: texts, and where native types are asked for the values of expressions."""


def rendered_name(template: Template, context: Context) -> object:
    """Return what the template of a name or an id renders to: a value as it is, else a text as it is.

    Where native types are asked for Jinja reads a text as a literal of Python's: ``+491701234567`` would be a number
    without its sign, ``2026_01`` and ``0x10`` other names.
    """
    parts = [*template.generate(context)]
    return parts[0] if len(parts) == 1 else "".join(map(str, parts))


def mapped_over(operator: BaseOperator, context: Context) -> Mapping[str, bool]:
    """Return the names of the arguments a task was mapped over, and whether their values came from other tasks.

    Airflow tells these by identity, and of ``expand_kwargs`` tells none: it would render what a task returned.

    :param operator: made of the mapped one; one made within a task is in no Dag.
    """
    dag = operator.get_dag()
    expansion = getattr(dag and dag.get_task(operator.task_id), "expand_input", None)
    if expansion is None:
        return {}
    over = expansion.value
    if isinstance(over, Mapping):
        return {name: is_resolvable(values) for name, values in over.items()}
    is_of_task = is_resolvable(over) or is_resolvable(over[context["ti"].map_index])
    given, _ = expansion.resolve(context)
    return dict.fromkeys(given, is_of_task)


class Unset(Enum):
    """Stands for an argument that was left out, where ``None`` could come from upstream."""

    UNSET = auto()


def or_none(value: T | Unset) -> T | None:
    """Return an argument, ``None`` if it was left out."""
    return None if isinstance(value, Unset) else value


class Given:
    """What an operator was given, before it is rendered.

    :param operator: not rendered yet.
    :param optional: arguments as they were given for which ``None`` stands for a default.
    """

    def __init__(self, operator: object, fields: Sequence[str], **optional: object) -> None:
        self._templates = {path: given for name in fields for path, given in _leaves(getattr(operator, name), (name,))}
        self._nothing = [name for name, value in optional.items() if value is None]

    def check(self, operator: object, mapped_over: Mapping[str, bool] = MappingProxyType({})) -> None:
        """Let the rendered operator pass if no template was rendered to nothing, and it was mapped over no ``None``.

        :param operator: rendered; Airflow runs a copy of the one that was given something.
        :param mapped_over: see :func:`mapped_over`.
        :raises InvalidArgument: if it was, or if a name that came from a task looks like a template, before anything
            is asked or changed.
        """
        for name in self._nothing:
            if name in mapped_over:
                raise InvalidArgument(f"{name} is None in a mapped task. {NOTHING} Else leave it out")
        for path, given in self._templates.items():
            if given is not None and mapped_over.get(str(path[0])) and _is_written(path):
                raise InvalidArgument(
                    f"{_in_words(path)} is {shown(given)}: what a task returned, or map() made of it, is no template. "
                    "Write the template in partial(...), or return what it stands for"
                )
            value = _value_at(operator, path)
            if _says_nothing(path, given, value):
                template = "" if given is None else f", made by the template {given}"
                raise InvalidArgument(f"{_in_words(path)} is {shown(value)}{template}. {NOTHING}")


def _says_nothing(path: Path, given: str | None, value: object) -> bool:
    if not _MAY_BE_EMPTY.isdisjoint(path[:-1]):
        return isinstance(value, str) and value.strip() == "None"
    if is_nothing(value):
        return True
    is_name = path[-1] in _NAMES and isinstance(value, str)
    return is_name and given is not None and bool(_NONE.search(str(value))) and not _NONE.search(_around(given))


def _is_written(path: Path) -> bool:
    return path[-1] in _WRITTEN or "extra_columns" in path


def _around(template: str) -> str:
    """Return what of a template is rendered as it stands."""
    return re.sub(r"\{\{.*?\}\}|\{%.*?%\}", " ", template, flags=re.DOTALL)


def _leaves(value: object, path: Path) -> Iterator[tuple[Path, str | None]]:
    if isinstance(value, str):
        if "{{" in value or "{%" in value:
            yield path, value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _leaves(one, (*path, key))
    elif isinstance(value, list | tuple):
        for place, one in enumerate(value):
            yield from _leaves(one, (*path, place))
    elif is_resolvable(value):
        yield path, None
    else:
        for name in getattr(value, "template_fields", ()):
            yield from _leaves(getattr(value, name), (*path, name))


def _value_at(owner: object, path: Path) -> object:
    """Return what stands there now; what holds it where that is no longer what it was."""
    value = owner
    for step in path:
        if isinstance(value, Mapping | Sequence) and not isinstance(value, str):
            try:
                value = value[step]  # type: ignore[index]  # a step of a list is a number
            except (LookupError, TypeError):
                return value
        else:
            value = getattr(value, str(step), value)
    return value


def _in_words(path: Path) -> str:
    first, *others = path
    return str(first) + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in others)
