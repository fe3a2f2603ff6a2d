"""What an Airflow connection's extras ask for holds for tables as it does for queries.

Hooks read them where they connect themselves (``get_conn``). The engines they make know less: PostgreSQL's hook leaves
them all out, MySQL's writes them down as texts, Snowflake's some, and asks once for a token that passes. They are given
to an engine where it connects, so that no log of its making shows them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from copy import deepcopy
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

from airflow_provider_voucherify.load.errors import InvalidDestination
from airflow_provider_voucherify.warehouse.traits import MYSQL

if TYPE_CHECKING:
    from sqlalchemy import Dialect, Engine

Options: TypeAlias = dict[str, object]

#: What a connection's own fields say and its extras may say otherwise, as libpq calls it.
_FIELDS = ("host", "port", "user", "password", "dbname")
#: Drivers that hand all they are given to libpq, and what only one of them knows besides.
_LIBPQ_DRIVERS = ("psycopg", "psycopg2")
_OF_PSYCOPG_3 = ("prepare_threshold",)
#: What writes down libpq's options for each of them, and refuses those it does not know.
_WRITING_DOWN = {"psycopg": ("psycopg.conninfo", "make_conninfo"), "psycopg2": ("psycopg2.extensions", "make_dsn")}
#: SQLAlchemy's own affair.
_TRANSACTIONS = ("autocommit",)
#: In the path of a SQL warehouse of Databricks', as it is called now or was before.
_OF_SQL_WAREHOUSE = re.compile(r"/(warehouses|endpoints)/\w")
#: What Snowflake's hook gives to queries and leaves out of the address of an engine.
_NOT_IN_ADDRESS = (
    *("client_request_mfa_token", "client_store_temporary_credential"),
    *("proxy_host", "proxy_password", "proxy_port", "proxy_user"),
)
#: What MySQL's hook keeps from the driver, and what any hook reads for itself.
_NOT_FOR_MYSQL = (
    *("aws_conn_id", "client", "cursor", "dialect", "escape_column_names", "escape_word_format", "iam"),
    *("insert_statement_format", "placeholder", "replace_statement_format"),
)


class _AirflowConnection(Protocol):
    conn_id: str
    extra_dejson: Mapping[str, object]


class _Hook(Protocol):
    """What is asked of the hooks of PostgreSQL and MySQL."""

    connection: _AirflowConnection
    ignored_extra_options: Collection[str]

    def get_iam_token(self, conn: _AirflowConnection) -> tuple[object, ...]: ...


class _BigQueryHook(Protocol):
    """What is asked of BigQuery's hook."""

    project_id: str
    location: str | None

    def get_uri(self) -> str: ...

    def get_client(self, project_id: str, location: str | None) -> object: ...


class _DatabricksHook(Protocol):
    """What is asked of Databricks' hook."""

    databricks_conn: _AirflowConnection
    extra_parameters: Collection[str]

    def get_uri(self) -> str: ...


class _SnowflakeHook(Protocol):
    """What is asked of Snowflake's hook."""

    _get_conn_params: Callable[[], Options] | Options


def extras_of(engines: object) -> Callable[[Engine], None]:
    """Return what gives a hook's engine the extras of its connection; to be asked before the engine is made, as that
    writes a passing password into the connection.

    :param engines: a hook; for others than those of PostgreSQL, MySQL, Snowflake, BigQuery and Databricks nothing is
        done.
    """
    if getattr(engines, "conn_type", None) == "databricks":
        return lambda engine: _connect_as_queries_do(engine, cast("_DatabricksHook", engines))
    if getattr(engines, "conn_type", None) == "gcpbigquery":
        return lambda engine: _share_client(engine, cast("_BigQueryHook", engines))
    if getattr(engines, "conn_type", None) == "snowflake":
        return lambda engine: _give_to_snowflake(engine, cast("_SnowflakeHook", engines))
    connection = getattr(engines, "connection", None)
    if not isinstance(getattr(connection, "extra_dejson", None), Mapping):
        return lambda _engine: None
    hook, as_written = cast("_Hook", engines), deepcopy(cast("_AirflowConnection", connection))

    def give(engine: Engine) -> None:
        name = engine.dialect.name
        if name == "redshift":
            _give_to_redshift(engine, hook, as_written)
        elif name == "postgresql" and hasattr(hook, "ignored_extra_options"):
            _give_to_postgres(engine, hook, as_written)
        elif name in MYSQL and getattr(hook, "conn_type", None) == "mysql":
            _give_to_mysql(engine, hook, as_written)

    return give


def engine_of(hook: object, make: Callable[[Options], Engine], arguments: Options) -> Engine:
    """Return a hook's engine; of BigQuery one without a client, which it is given where it connects.

    :param make: the hook's own way.
    :param arguments: of ``create_engine``.
    """
    if getattr(hook, "conn_type", None) != "gcpbigquery":
        return make(arguments)
    from sqlalchemy import create_engine, make_url

    # The client of the hook's own engine knows keys and the machine's credentials only, and is refused without them.
    url = make_url(cast("_BigQueryHook", hook).get_uri()).update_query_dict({"user_supplied_client": "true"})
    return create_engine(url, **arguments)


def _give_to_postgres(engine: Engine, hook: _Hook, connection: _AirflowConnection) -> None:
    extras = {name: value for name, value in connection.extra_dejson.items() if name not in hook.ignored_extra_options}
    if options := getattr(hook, "options", None):
        extras.setdefault("options", options)
    in_query = engine.url.query
    unknown = _TRANSACTIONS if engine.dialect.driver == "psycopg" else (*_TRANSACTIONS, *_OF_PSYCOPG_3)
    given = {name: value for name, value in extras.items() if name not in in_query and name not in unknown}
    if given and engine.dialect.driver not in _LIBPQ_DRIVERS:
        raise InvalidDestination(
            f"connection {connection.conn_id!r} has the extras {', '.join(sorted(given))}, which hold for its queries "
            f"and which the driver {engine.dialect.driver} does not know: take sqlalchemy_scheme out of the extras, or "
            "say the same in sqlalchemy_query"
        )

    def add(options: Options) -> None:
        for name, value in given.items():
            if name in _FIELDS or name not in options:
                options[name] = value
        if connection.extra_dejson.get("iam"):
            # The passing password of an engine would be over before a long run is.
            options["user"], options["password"], options["port"] = hook.get_iam_token(deepcopy(connection))

    on_connect(engine, add)


def _give_to_redshift(engine: Engine, hook: _Hook, connection: _AirflowConnection) -> None:
    """Give libpq what it knows of the extras of Redshift's own driver, which the hook hands on as they are."""
    dialect = engine.dialect
    kept = ("ssl", *(_OF_PSYCOPG_3 if dialect.driver == "psycopg" else ()))
    unknown = [name for name in connection.extra_dejson if name not in kept and not _is_of_libpq(name, dialect)]

    def add(options: Options) -> None:
        if "database" in options:  # as Redshift's driver calls it
            options["dbname"] = options["database"]
        for name in unknown:
            options.pop(name, None)
        options.setdefault("client_encoding", "utf8")  # psycopg has not always known its name for it
        if "ssl" in options:
            options["sslmode"] = "require" if options.pop("ssl") else "disable"
        if connection.extra_dejson.get("iam"):
            options["user"], options["password"], options["port"] = hook.get_iam_token(deepcopy(connection))

    on_connect(engine, add)


def _is_of_libpq(name: str, dialect: Dialect) -> bool:
    """Return whether libpq knows an option, as far as the driver tells."""
    module, function = _WRITING_DOWN[dialect.driver]
    try:
        getattr(import_module(module), function)(**{name: "0"})
    except dialect.loaded_dbapi.ProgrammingError:
        return False
    return name != "database"  # which psycopg2 takes for dbname


def _give_to_mysql(engine: Engine, hook: _Hook, connection: _AirflowConnection) -> None:
    extras, driver = connection.extra_dejson, engine.dialect.driver
    if driver == "pymysql" and extras.get("ssl_mode"):
        raise InvalidDestination(
            f"connection {connection.conn_id!r} has the extra ssl_mode, which the driver PyMySQL does not know: write "
            'the extra ssl instead, such as {"ssl": {"ca": "/path/to/ca.pem"}}'
        )

    def add(options: Options) -> None:
        for name in _NOT_FOR_MYSQL:
            options.pop(name, None)
        if driver == "mysqlconnector":
            options.update((name, value) for name, value in extras.items() if name.startswith("ssl_"))
        elif ssl := extras.get("ssl"):
            options["ssl"] = json.loads(ssl) if isinstance(ssl, str) else ssl
        if init_command := getattr(hook, "init_command", None):
            options.setdefault("init_command", init_command)
        if extras.get("iam"):
            password = "passwd" if driver == "mysqldb" else "password"
            options[password], options["port"] = hook.get_iam_token(deepcopy(connection))
            if driver == "mysqldb":
                options["read_default_group"] = "enable-cleartext-plugin"

    on_connect(engine, add)


def _share_client(engine: Engine, hook: _BigQueryHook) -> None:
    """Let the client be the hook's own, with whatever credentials it has: its engine knows of keys only."""
    made: list[object] = []

    def add(options: Options) -> None:
        if not made:
            made.append(hook.get_client(project_id=hook.project_id, location=hook.location))
        options["client"] = made[0]

    on_connect(engine, add)


def _connect_as_queries_do(engine: Engine, hook: _DatabricksHook) -> None:
    """Let each connection have the extras, the catalog among them, and a token that still holds: the engine knows
    neither."""
    from sqlalchemy import make_url

    connection = hook.databricks_conn
    extras = connection.extra_dejson
    if not _OF_SQL_WAREHOUSE.search(str(extras.get("http_path"))):
        raise InvalidDestination(
            f"connection {connection.conn_id!r} names no SQL warehouse, and no other compute has transactions such as "
            "a run becomes visible by: write the extra http_path, such as /sql/1.0/warehouses/0123456789abcdef"
        )
    kept = (*hook.extra_parameters, "http_path", "ignore_transactions")
    given = {name: value for name, value in extras.items() if name not in kept}

    def add(options: Options) -> None:
        _, renewed = engine.dialect.create_connect_args(make_url(hook.get_uri()))
        options["access_token"] = renewed["access_token"]
        options.update(given)

    on_connect(engine, add)


def _give_to_snowflake(engine: Engine, hook: _SnowflakeHook) -> None:
    """Let each connection have what queries have and the engine does not know, and a token that still holds: the
    engine's own would be over before a long run is."""

    def add(options: Options) -> None:
        # Of the hook's methods the public ones make a connection, or an address without all this.
        asked = hook._get_conn_params  # noqa: SLF001
        given = asked() if callable(asked) else asked  # as earlier hooks have it
        options.update((name, given[name]) for name in _NOT_IN_ADDRESS if name in given)
        if options.get("authenticator") == "oauth":
            options["token"] = given["token"]

    on_connect(engine, add)


def on_connect(engine: Engine, change: Callable[[Options], object]) -> None:
    """Let what a driver is given be changed whenever an engine connects; the same change more than once is one."""
    from sqlalchemy import event

    def connect(_dialect: object, _record: object, _args: object, options: Options) -> None:
        change(options)

    event.listen(engine, "do_connect", connect)
