"""How the operators' templates are rendered: for each task apart, and without ids in Airflow's view of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from copy import copy
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, cast

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException
from airflow.sdk import BaseOperator

from airflow_provider_voucherify.operators.arguments import Checks, checked_partial, kept_from_view

T = TypeVar("T", bound="DataclassInstance")

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from airflow.sdk import Context
    from airflow.sdk.definitions.mappedoperator import OperatorPartial
    from jinja2 import Environment

    from airflow_provider_voucherify.operators.arguments import Customers

_CUSTOMERS = "customers"


class Stoppable(Protocol):
    """A try that runs."""

    def stop(self) -> None:
        """Let no further call be sent."""


class OwnArgumentsOperator(BaseOperator):
    """An operator that renders what is its own: Airflow renders objects in place, and a destination may belong to
    several operators, or to all indexes of a mapped one.
    """

    #: What checks the arguments while the Dag file is parsed, by name.
    checks: ClassVar[Checks]
    _running: Stoppable | None = None

    def _terms(self, kind: type[T]) -> T:
        """Return what the rendered operator was given, as a try of it takes that.

        :param kind: a dataclass whose fields are arguments of the operator.
        """
        make = cast("Callable[..., T]", kind)
        return make(**{one.name: getattr(self, one.name) for one in fields(kind)})

    @classmethod
    def partial(cls, **kwargs: Any) -> OperatorPartial:
        """Begin a mapped task, as Airflow does; what is not mapped over is checked while the Dag file is parsed."""
        return super().partial(**checked_partial(kwargs, cls.checks))

    def on_kill(self) -> None:
        """Let no further call be sent; what was done so far is kept for the next try."""
        if self._running is not None:
            self._running.stop()

    def _do_render_template_fields(
        self,
        parent: object,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: Environment,
        seen_oids: set[int],
    ) -> None:
        """Render; Airflow calls this for mapped operators too, for which it does not call render_template_fields."""
        fields = list(template_fields)
        if parent is self:
            for name in fields:
                if id(value := getattr(self, name)) not in seen_oids:
                    setattr(self, name, _own(value))
        super()._do_render_template_fields(parent, fields, context, jinja_env, seen_oids)


class CustomersOperator(OwnArgumentsOperator):
    """An operator whose ``customers`` are ids in a list, or what gives them."""

    customers: Customers

    def _do_render_template_fields(
        self,
        parent: object,
        template_fields: Iterable[str],
        context: Context,
        jinja_env: Environment,
        seen_oids: set[int],
    ) -> None:
        """Render, each id of a list by itself.

        :raises AirflowFailException: if an id in a list cannot be rendered.
        """
        fields = list(template_fields)
        if parent is not self:
            super()._do_render_template_fields(parent, fields, context, jinja_env, seen_oids)
            return
        if isinstance(self.customers, list | tuple) and _CUSTOMERS in fields:
            self._render_ids(self.customers, context, jinja_env, seen_oids)
            fields.remove(_CUSTOMERS)
        super()._do_render_template_fields(self, fields, context, jinja_env, seen_oids)
        self.customers = kept_from_view(self.customers)

    def _render_ids(
        self, ids: Collection[object], context: Context, jinja_env: Environment, seen_oids: set[int]
    ) -> None:
        """Render each id by itself: Airflow would log the whole list where one cannot be."""
        self.customers = kept_from_view(ids)
        if id(ids) in seen_oids:  # they came from a task: what looks like a template in them is none
            return
        rendered: list[object] = []
        problem = None
        for position, value in enumerate(ids):
            try:
                rendered.append(self.render_template(value, context, jinja_env, seen_oids))
            except AirflowException:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a template raises quotes it, and so the id
                problem = f"customers[{position}] cannot be rendered ({type(error).__name__})"
                break
        if problem is not None:
            raise AirflowFailException(
                f"{problem}: in a list, an id with {{{{ or {{% is taken for a template. Ids that a task returns or a "
                "CustomerQuery reads are taken as they are"
            )
        self.customers = kept_from_view(rendered)


def _own(value: object) -> object:
    """Return a copy of an argument that has templates, and of those in it; anything else as it is."""
    if not is_dataclass(value) or isinstance(value, type):
        return value
    own = copy(value)
    for name in cast("Iterable[str]", getattr(own, "template_fields", ())):
        setattr(own, name, _own(getattr(own, name)))
    return own
