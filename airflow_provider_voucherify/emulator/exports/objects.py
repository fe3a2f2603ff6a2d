"""What can be exported: the fields of each kind of object, and how a row of the file is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from airflow_provider_voucherify.emulator.giving.publications import Publication, Publications
from airflow_provider_voucherify.emulator.http.problems import application
from airflow_provider_voucherify.emulator.json_types import Json, dump
from airflow_provider_voucherify.emulator.shop.customers import ADDRESS_FIELDS, REDEMPTION_COUNTS, Customer
from airflow_provider_voucherify.emulator.shop.population import Population
from airflow_provider_voucherify.emulator.times import show_instant

Row: TypeAlias = Customer | Publication
Reader: TypeAlias = Callable[[Row], Json]

#: Documented for filters of exports; ``$next_month`` and ``$in_location`` are not among them.
OPERATORS: Final = frozenset(
    [
        "$in",
        "$not_in",
        "$is",
        "$is_not",
        "$is_days_ago",
        "$is_days_in_future",
        "$has_value",
        "$is_unknown",
        "$contains",
        "$not_contain",
        "$starts_with",
        "$ends_with",
        "$more_than",
        "$less_than",
        "$more_than_equal",
        "$less_than_equal",
        "$more_than_ago",
        "$less_than_ago",
        "$more_than_future",
        "$less_than_future",
        "$after",
        "$before",
        "$count",
        "$count_less",
        "$count_more",
    ]
)
_MOMENTS: Final = ("date", "created_at")
_ONE: Final = frozenset({"$is", "$is_not"})
_SOME: Final = frozenset({"$in", "$not_in"})
_BOUNDS: Final = frozenset({"$after", "$before"})


@dataclass(frozen=True, slots=True)
class ExportedObject:
    """One kind of object.

    :param fields: all that may be asked for.
    :param default: those of a request that names none.
    :param readers: how a field is read off an object; the others are there and empty, as the emulator lacks them.
    :param rows: lists what there is; of some kinds the emulator has nothing.
    :param orders: fields to order by, which are a guess for most kinds.
    :param filters: the operators of each name that filters may have; names that end in a dot begin others.
    """

    fields: tuple[str, ...]
    default: tuple[str, ...]
    readers: Mapping[str, Reader] = field(default_factory=dict)
    rows: Callable[[Population, Publications], Iterable[Row]] = lambda _population, _publications: ()
    orders: frozenset[str] = frozenset(["id", "created_at", "date"])
    filters: Mapping[str, frozenset[str]] = field(default_factory=lambda: dict.fromkeys(_MOMENTS, OPERATORS))

    def operators_of(self, name: str) -> frozenset[str]:
        """Tell which operators a filter by a name may have.

        :returns: the operators, none for a name that is not documented.
        """
        begins = next((prefix for prefix in self.filters if prefix.endswith(".") and name.startswith(prefix)), name)
        return self.filters.get(begins, frozenset())


def _of_customer(read: Callable[[Customer], Json]) -> Reader:
    return lambda row: read(row if isinstance(row, Customer) else row.customer)


def _of_publication(read: Callable[[Publication], Json]) -> Reader:
    return lambda row: read(row) if isinstance(row, Publication) else None


def _instant(moment: int | None) -> str | None:
    return None if moment is None else show_instant(moment)


def _address(name: str) -> Reader:
    return _of_customer(lambda one: None if one.address is None else one.address.get(name))


_CUSTOMER_READERS: dict[str, Reader] = {
    "id": _of_customer(lambda one: one.id),
    "source_id": _of_customer(lambda one: one.source_id),
    "name": _of_customer(lambda one: one.name),
    "description": _of_customer(lambda one: one.description),
    "email": _of_customer(lambda one: one.email),
    "phone": _of_customer(lambda one: one.phone),
    "birthday": _of_customer(lambda one: one.birthdate),
    "birthdate": _of_customer(lambda one: one.birthdate),
    "created_at": _of_customer(lambda one: show_instant(one.created_at)),
    "updated_at": _of_customer(lambda one: _instant(one.updated_at)),
    "orders_total_amount": _of_customer(lambda one: one.orders.total_amount),
    "orders_total_count": _of_customer(lambda one: one.orders.total_count),
    "orders_average_amount": _of_customer(lambda one: one.orders.average_amount),
    "orders_last_order_amount": _of_customer(lambda one: one.orders.last_order_amount),
    "orders_last_order_date": _of_customer(lambda one: _instant(one.orders.last_order_date)),
    "loyalty_points": _of_customer(lambda one: one.points),
    "loyalty_referred_customers": _of_customer(lambda _: 0),
    **{f"redemptions_{name}": _of_customer(lambda _: 0) for name in REDEMPTION_COUNTS},
    "redemptions_total_redeemed": _of_customer(lambda one: one.redemptions),
    "redemptions_total_succeeded": _of_customer(lambda one: one.redemptions),
    **{f"address_{name}": _address(name) for name in ADDRESS_FIELDS},
}
_PUBLICATION_READERS: dict[str, Reader] = {
    "voucher_code": _of_publication(lambda one: one.code),
    "customer_id": _of_customer(lambda one: one.id),
    "customer_source_id": _of_customer(lambda one: one.source_id),
    "date": _of_publication(lambda one: show_instant(one.created_at)),
    "channel": _of_publication(lambda one: one.channel),
    "campaign": _of_publication(lambda one: one.campaign.name),
}
_VOUCHER_READERS: dict[str, Reader] = {
    "id": _of_publication(lambda one: one.vouchers[0].id if one.vouchers else None),
    "code": _of_publication(lambda one: one.code),
    "voucher_type": _of_publication(lambda one: one.campaign.voucher_type),
    "campaign": _of_publication(lambda one: one.campaign.name),
    "campaign_id": _of_publication(lambda one: one.campaign.id),
    "customer_id": _of_customer(lambda one: one.id),
    "customer_source_id": _of_customer(lambda one: one.source_id),
    "active": _of_publication(lambda one: one.campaign.settings.active),
    "redemption_count": _of_publication(lambda _: 0),
    "redemption_quantity": _of_publication(lambda _: 1),
    "created_at": _of_publication(lambda one: show_instant(one.created_at)),
}


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _customers(population: Population, _: Publications) -> Iterable[Row]:
    return population.customers.values()


def _published(_: Population, publications: Publications) -> Iterable[Row]:
    return (one for one in publications.all() if one.failure is None)


OBJECTS: Mapping[str, ExportedObject] = {
    "customer": ExportedObject(
        (*_CUSTOMER_READERS, "metadata"),
        ("name", "source_id"),
        _CUSTOMER_READERS,
        _customers,
        frozenset(_words("name id email source_id created_at updated_at")),
        {
            **dict.fromkeys(
                _words(
                    "email name phone birthday source_id publications.created_at publications.related_object_id "
                    "metadata. address. summary. loyalty. loyalty_tier. loyalty_points. system_metadata."
                ),
                OPERATORS,
            ),
            "created_at": _BOUNDS,
            "updated_at": _BOUNDS | {"$is"},
            "city": frozenset({"$is"}),
        },
    ),
    "voucher": ExportedObject(
        _words(
            "code voucher_type value formula discount_type campaign category start_date expiration_date gift_balance "
            "loyalty_balance redemption_quantity redemption_count active qr_code bar_code metadata id is_referral_code "
            "created_at updated_at validity_timeframe_interval validity_timeframe_duration validity_day_of_week "
            "discount_amount_limit campaign_id additional_info customer_id discount_effect discount_unit_type "
            "discount_unit_effect validation_rules_id customer_source_id"
        ),
        _words("code voucher_type value discount_type"),
        _VOUCHER_READERS,
        _published,
        frozenset(_words("id code created_at updated_at")),
    ),
    "publication": ExportedObject(
        _words("voucher_code customer_id customer_source_id date channel campaign is_winner metadata"),
        _words("voucher_code customer_id date channel"),
        _PUBLICATION_READERS,
        _published,
        frozenset(_words("voucher_code created_at date")),
    ),
    "redemption": ExportedObject(
        _words(
            "id object date voucher_code campaign promotion_tier_id customer_id customer_source_id customer_name "
            "tracking_id order_id order_amount gift_amount loyalty_points result failure_code failure_message metadata"
        ),
        _words("id object voucher_code customer_id date result"),
    ),
    "order": ExportedObject(
        _words(
            "id source_id created_at updated_at status amount discount_amount items_discount_amount "
            "total_discount_amount total_amount customer_id referrer_id metadata"
        ),
        _words("id source_id status"),
    ),
    "points_expiration": ExportedObject(
        _words("id campaign_id voucher_id status expires_at points"),
        _words("id campaign_id voucher_id status expires_at points"),
    ),
    "voucher_transactions": ExportedObject(
        _words(
            "id campaign_id voucher_id type source_id reason source balance amount related_transaction_id created_at "
            "details"
        ),
        _words("id type source_id reason source balance amount created_at"),
    ),
    "api_log": ExportedObject(
        _words(
            "id created_at status request_id channel method endpoint url user_email app_id client_app_id "
            "request_duration request_body response_body"
        ),
        _words("id created_at status method endpoint"),
        orders=frozenset({"created_at"}),
        filters={
            "created_at": _BOUNDS,
            "status": _ONE,
            "channel": _SOME,
            "app_id": _ONE | _SOME,
            "client_app_id": _ONE | _SOME,
        },
    ),
}


def checked_fields(kind: str, wanted: Sequence[Json]) -> list[str]:
    """Check the fields of a request.

    :param kind: a name in ``OBJECTS``.
    :param wanted: what was asked for; ``metadata.x`` is one key of it, as older documentation has it.
    :returns: the names, those of the default where none is wanted.
    :raises ApiProblem: 400 for a field that there is not.
    """
    known = OBJECTS[kind]
    names = [str(name) for name in wanted] or list(known.default)
    keys = ("metadata.",) if "metadata" in known.fields else ()
    if any(name not in known.fields and not name.startswith(keys) for name in names):
        details = f"Unsupported field used. Allowed fields: {', '.join(known.fields)}"
        raise application(400, "invalid_export_fields", "Invalid export fields", details)
    return names


def columns_of(kind: str, fields: Sequence[str], schema: Iterable[str]) -> list[tuple[str, Reader]]:
    """Make the columns of a file.

    :param kind: a name in ``OBJECTS``.
    :param schema: the metadata keys of the project, into which ``metadata`` expands.
    """
    columns: list[tuple[str, Reader]] = []
    for name in fields:
        if name == "metadata":
            columns += [(f"metadata.{key}", _metadata(key)) for key in sorted(schema)]
        elif name.startswith("metadata."):
            columns.append((name, _metadata(name.partition(".")[2])))
        else:
            columns.append((_title(name), OBJECTS[kind].readers.get(name, lambda _: None)))
    return columns


def cell(value: Json) -> str:
    """Write a value as a cell of a CSV file.

    :returns: its text, empty where there is none.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return dump(value).decode() if isinstance(value, list | dict) else str(value)


def _metadata(key: str) -> Reader:
    return lambda row: row.metadata.get(key)


def _title(name: str) -> str:
    return " ".join("ID" if word == "id" else word.capitalize() for word in name.split("_"))
