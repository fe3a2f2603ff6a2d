"""How the operators' templates are rendered: for each task apart, and without ids in Airflow's view of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import fields, is_dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, cast

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException
from airflow.sdk import BaseOperator
from jinja2 import TemplateError

from airflow_provider_voucherify.hooks.templates import mapped_over, rendered_name
from airflow_provider_voucherify.operators.arguments import Checks, checked_partial, kept_from_view
from airflow_provider_voucherify.pull.customers.sources import CustomerQuery

T = TypeVar("T", bound="DataclassInstance")

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from airflow.sdk import DAG, Context
    from airflow.sdk.definitions.mappedoperator import OperatorPartial
    from jinja2 import Environment, Template

    from airflow_provider_voucherify.operators.arguments import Customers

_CUSTOMERS = "customers"
_PARAMETERS = "parameters"
#: What a template raises that is wrong itself, rather than what it asks.
_FOR_GOOD = (TemplateError, TypeError, ValueError)
#: Values of the user's own: native templates may make numbers of their texts. All others are names, ids, or lists.
_OWN_VALUES = frozenset(("extra_columns", "filters", "metadata", "parameters"))


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
    #: What the task was mapped over, and whether that came from a task; known when it is rendered.
    _mapped_over: Mapping[str, bool] = MappingProxyType({})
    #: Whether native rendering reads texts as literals of Python's at the moment, as it does elsewhere.
    _reads_literals: bool = True

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
        """Render; Airflow calls this for mapped operators too, for which it does not call render_template_fields.

        What looks like a template in a value that came from a task is none.
        """
        fields = list(template_fields)
        if parent is self:
            self._mapped_over = mapped_over(self, context)
            fields = [name for name in fields if not self._mapped_over.get(name)]
            for name in fields:
                setattr(self, name, _own(getattr(self, name)))
        for name in fields:
            with self._reading_literals(name in _OWN_VALUES):
                self._render_field(parent, name, context, jinja_env, seen_oids)

    def _render_field(
        self, parent: object, name: str, context: Context, jinja_env: Environment, seen_oids: set[int]
    ) -> None:
        super()._do_render_template_fields(parent, [name], context, jinja_env, seen_oids)

    @contextmanager
    def _reading_literals(self, reads: bool) -> Iterator[None]:
        before, self._reads_literals = self._reads_literals, reads
        try:
            yield
        finally:
            self._reads_literals = before

    def _render(self, template: Template, context: Context, dag: DAG | None = None) -> object:
        if self._reads_literals:
            return super()._render(template, context, dag)
        return rendered_name(template, context)


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
        """Render, and keep ids from Airflow's view."""
        super()._do_render_template_fields(parent, template_fields, context, jinja_env, seen_oids)
        if parent is self:
            self.customers = kept_from_view(self.customers)

    def _render_field(
        self, parent: object, name: str, context: Context, jinja_env: Environment, seen_oids: set[int]
    ) -> None:
        """Render one field, each id of a list by itself.

        :raises AirflowFailException: if an id in a list, or the parameters of a query, cannot be rendered.
        :raises AirflowException: if they cannot be now.
        """
        if isinstance(parent, CustomerQuery) and name == _PARAMETERS:
            what = "parameters of CustomerQuery"
            rendered = self._rendered_unseen(what, parent.parameters, context, jinja_env, seen_oids)
            parent.parameters = cast("Sequence[object] | None", rendered)
        elif parent is self and name == _CUSTOMERS and isinstance(self.customers, list | tuple):
            self._render_ids(self.customers, context, jinja_env, seen_oids)
        else:
            super()._render_field(parent, name, context, jinja_env, seen_oids)

    def _render_ids(
        self, ids: Collection[object], context: Context, jinja_env: Environment, seen_oids: set[int]
    ) -> None:
        """Render each id by itself: Airflow would log the whole list where one cannot be."""
        self.customers = kept_from_view(ids)
        self.customers = kept_from_view(
            [
                self._rendered_unseen(f"customers[{position}]", value, context, jinja_env, seen_oids)
                for position, value in enumerate(ids)
            ]
        )

    def _rendered_unseen(
        self, what: str, value: object, context: Context, jinja_env: Environment, seen_oids: set[int]
    ) -> object:
        """Render what may hold ids: Airflow would log it where it cannot be.

        :raises AirflowFailException: if it cannot be rendered, whenever that is tried.
        :raises AirflowException: if it cannot be now, as where Airflow's server does not answer.
        """
        try:
            return self.render_template(value, context, jinja_env, seen_oids)
        except AirflowException:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a template raises quotes it, and so the id
            problem, is_for_good = f"{what} cannot be rendered ({type(error).__name__})", isinstance(error, _FOR_GOOD)
        if not is_for_good:
            raise AirflowException(f"{problem}; a retry renders anew")
        raise AirflowFailException(
            f"{problem}: a text with {{{{ or {{% in it is taken for a template there. Ids that a task returns or a "
            "CustomerQuery reads are taken as they are"
        )


def _own(value: object) -> object:
    """Return a copy of an argument that has templates, and of those in it; anything else as it is."""
    if not is_dataclass(value) or isinstance(value, type):
        return value
    own = copy(value)
    for name in cast("Iterable[str]", getattr(own, "template_fields", ())):
        setattr(own, name, _own(getattr(own, name)))
    return own
