"""Tables that exist before us, and names people give tables."""

from __future__ import annotations

from datetime import date
from itertools import cycle

import pytest

from airflow_provider_voucherify.load.columns import ExtraColumns
from airflow_provider_voucherify.load.destinations import WriteMode
from airflow_provider_voucherify.load.errors import InvalidDestination, StatementFailed, TableUnfit
from airflow_provider_voucherify.load.sql.sink import TableSink
from tests.load.runs import NOON, TABLE, Clock, Warehouse, failed, found, identity

TEXTS = ("customer_id", "segment_id", "segment_name")


def skip_without_keys(warehouse: Warehouse) -> None:
    """Leave a test out where a key is a remark."""
    if not warehouse.enforces_keys:
        pytest.skip("the database enforces no key")


ODD_NAMES = ["Customer_Segments", "select", "two words", 'we"ird', "per%cent", "colon:name", "żółty", "semi;colon"]


@pytest.mark.parametrize(("name", "write"), list(zip(ODD_NAMES, cycle(["append", "merge", "replace"]), strict=False)))
def test_odd_names_are_taken_as_they_are(warehouse: Warehouse, name: str, write: WriteMode) -> None:
    if warehouse.url.startswith("bigquery") and set(name) & set(':;"%'):
        with pytest.raises(InvalidDestination, match="letters, digits, underscores, dashes and blanks"):
            warehouse.sink(table=name)
        return
    if warehouse.is_databricks and " " in name:
        with pytest.raises(InvalidDestination, match="no blanks, dots or slashes"):
            warehouse.sink(table=name)
        return
    for answer in (found("anna", "gold"), failed("anna")):
        warehouse.load(answer, table=name, write=write)

    kept = warehouse.kept_as(name)
    assert warehouse.tables() == {kept, f"{kept}_failures", f"{kept}__marks"}
    assert warehouse.memberships(warehouse.quoted(name)) == [("anna", "seg_gold")]


def test_a_table_in_a_schema(postgres_warehouse: Warehouse) -> None:
    postgres_warehouse.execute("create schema marketing")

    postgres_warehouse.load(found("anna", "gold"), failed("bert"), table="marketing.segments")

    assert postgres_warehouse.memberships("marketing.segments") == [("anna", "seg_gold")]
    assert postgres_warehouse.query("select customer_id from marketing.segments_failures") == [("bert",)]
    assert postgres_warehouse.tables() == set()


def test_a_database_may_be_named_if_it_is_the_connections(postgres_warehouse: Warehouse) -> None:
    database = postgres_warehouse.url.split("@/")[1].split("?")[0]

    postgres_warehouse.load(found("anna", "gold"), table=f"{database}.public.segments")

    assert postgres_warehouse.memberships("segments") == [("anna", "seg_gold")]


def test_another_database_is_out_of_reach(shared_warehouse: Warehouse) -> None:
    if shared_warehouse.url.startswith(("bigquery", "databricks", "snowflake")):
        pytest.skip("it is not there: their own tests write to one")
    help_ = r"write (marketing\.segments and use a connection to other|database\.table)"
    with pytest.raises(InvalidDestination, match=help_):
        shared_warehouse.sink(table="other.marketing.segments")


def test_a_schema_that_is_missing_is_named(warehouse: Warehouse) -> None:
    with pytest.raises(TableUnfit, match="no schema 'marketing': create it"):
        warehouse.sink(table="marketing.segments").open()


@pytest.mark.parametrize("name", ["t" * 55, "ż" * 28])
def test_a_name_that_leaves_no_room_for_the_failures_table_is_refused(warehouse: Warehouse, name: str) -> None:
    with pytest.raises(InvalidDestination, match="at most 54"):
        warehouse.sink(table=name)


def test_a_longest_name_works(warehouse: Warehouse) -> None:
    name = "t" * 54

    warehouse.load(found("anna", "gold"), failed("bert"), table=name)

    assert warehouse.tables() == {name, f"{name}_failures", f"{name}__marks"}


def test_further_columns_of_a_table_are_left_to_their_defaults(warehouse: Warehouse) -> None:
    numbers = {
        "sqlite": "integer primary key",
        "postgresql": "serial primary key",
        "duckdb": "bigint default 1",
        "mysql": "serial primary key",
        "snowflake": "number default 1",
        "bigquery": "int64 default 1",
        "databricks": "bigint default 1",
    }
    has_strings = warehouse.url.startswith(("bigquery", "databricks"))
    text, word = ("string", "string") if has_strings else ("text", "varchar(20)")
    number = numbers[warehouse.url.split("+")[0].split(":")[0]]
    warehouse.execute(
        f"create table {TABLE} (customer_id {warehouse.id_type}, segment_id {warehouse.id_type}, segment_name {text}, "
        f"observed_at timestamp, note {text}, source {word} default 'voucherify' not null, number {number})"
    )

    warehouse.load(found("anna", "gold"))

    rows = warehouse.query(f"select customer_id, note, source, number from {TABLE}")
    assert rows == [("anna", None, "voucherify", 1)]


def test_a_missing_column_comes_with_the_statement_that_adds_it(warehouse: Warehouse) -> None:
    name = f"Odd-{TABLE}" if warehouse.is_databricks else f"Odd {TABLE}"
    odd = warehouse.quoted(name)
    warehouse.execute(f"create table {odd} (customer_id {warehouse.id_type}, segment_id {warehouse.id_type})")
    warehouse.execute(f"insert into {odd} values ('anna', 'seg_gold')")
    with pytest.raises(TableUnfit, match="lacks segment_name, observed_at") as refusal:
        warehouse.sink(table=name).open()
    assert warehouse.ledgers() == set()

    for statement in str(refusal.value).splitlines()[1:]:
        warehouse.execute(statement)
    warehouse.load(found("bert", "gold"), table=name)

    assert warehouse.memberships(odd) == [("anna", "seg_gold"), ("bert", "seg_gold")]


def test_the_statement_uses_the_databases_own_types(postgres_warehouse: Warehouse) -> None:
    postgres_warehouse.execute("create table segments (customer_id text, segment_id text, segment_name text)")

    with pytest.raises(TableUnfit, match="ALTER TABLE segments ADD COLUMN observed_at TIMESTAMP WITH TIME ZONE"):
        postgres_warehouse.sink(table="segments").open()


def test_a_failures_table_that_is_somebody_elses_is_refused_early(warehouse: Warehouse) -> None:
    warehouse.execute(f"create table {TABLE}_failures (anything {warehouse.id_type})")

    with pytest.raises(TableUnfit, match=f"{TABLE}_failures exists but lacks run_key"):
        warehouse.sink().open()


def test_a_column_that_nobody_would_fill_is_refused_early(warehouse: Warehouse) -> None:
    warehouse.load(write="append")

    with pytest.raises(TableUnfit, match="no default, and are not ours to fill: run_key"):
        warehouse.sink("merge").open()


def test_a_key_too_small_for_append_is_refused_early(warehouse: Warehouse) -> None:
    skip_without_keys(warehouse)
    warehouse.load(write="merge")
    warehouse.execute(f"alter table {TABLE} add column run_key text")

    with pytest.raises(TableUnfit, match=r"a key of customer_segments is \(customer_id, segment_id\)"):
        warehouse.sink("append").open()


def test_a_column_in_another_case_is_to_be_renamed(warehouse: Warehouse) -> None:
    if warehouse.get_sqlalchemy_engine().dialect.name in ("postgresql", "snowflake"):
        pytest.skip("PostgreSQL tells them apart, and to Snowflake both are the one we mean")
    columns = ", ".join(f"{name} {warehouse.id_type}" for name in ("Customer_ID", *TEXTS[1:]))
    warehouse.execute(f"create table {TABLE} ({columns}, observed_at timestamp)")

    with pytest.raises(TableUnfit, match="in other cases: rename Customer_ID to customer_id, or name another table"):
        warehouse.sink().open()


def test_a_table_in_another_case_is_to_be_named_as_it_is(warehouse: Warehouse) -> None:
    warehouse.load(found("anna", "gold"), table="Segments")
    if warehouse.get_sqlalchemy_engine().dialect.name not in ("sqlite", "duckdb"):
        pytest.skip("the others tell them apart, MySQL where its files do")
    with pytest.raises(TableUnfit, match="takes 'segments' for its table 'Segments': write that name"):
        warehouse.sink(table="segments").open()


@pytest.mark.parametrize("key", ["customer_id", "segment_id, segment_name", "customer_id, observed_at"])
@pytest.mark.parametrize("made_by", ["constraint", "index"])
def test_a_key_of_the_users_own_that_is_too_small_is_refused_early(
    warehouse: Warehouse, key: str, made_by: str
) -> None:
    skip_without_keys(warehouse)
    dialect = warehouse.get_sqlalchemy_engine().dialect.name
    if dialect == "duckdb" and made_by == "index":
        pytest.skip("DuckDB does not tell which indexes are unique")
    columns = ", ".join(f"{name} {warehouse.id_type}" for name in TEXTS)
    constraint = f", unique ({key})" if made_by == "constraint" else ""
    warehouse.execute(f"create table {TABLE} ({columns}, observed_at timestamp{constraint})")
    if made_by == "index":
        warehouse.execute(f"create unique index their_own on {TABLE} ({key})")

    with pytest.raises(TableUnfit, match=rf"a key of customer_segments is \({key}\), which does not tell"):
        warehouse.sink().open()


@pytest.mark.parametrize("key", ["segment_id, customer_id", "customer_id, segment_id, segment_name", "theirs"])
def test_a_key_that_tells_the_rows_apart_is_left_alone(warehouse: Warehouse, key: str) -> None:
    if warehouse.url.startswith(("bigquery", "databricks")):
        pytest.skip("it has no unique constraints")
    columns = ", ".join(f"{name} {warehouse.id_type}" for name in (*TEXTS, "theirs"))
    warehouse.execute(f"create table {TABLE} ({columns}, observed_at timestamp, unique ({key}))")
    warehouse.load(found("anna", "gold", "new"))
    warehouse.load(found("anna", "gold"), run=identity("next"))
    assert warehouse.memberships() == [("anna", "seg_gold")]


def test_an_index_of_some_rows_is_no_key(postgres_warehouse: Warehouse) -> None:
    postgres_warehouse.load(found("anna", "gold", "new"))
    postgres_warehouse.execute(f"create unique index vips on {TABLE} (customer_id) where segment_id = 'seg_vip'")
    postgres_warehouse.load(found("anna", "gold", "new", "vip"), run=identity("next"))


@pytest.mark.parametrize("suffix", ["", "_failures", "_runs"])
def test_a_view_that_takes_no_rows_is_refused_early(warehouse: Warehouse, suffix: str) -> None:
    if warehouse.url.startswith("snowflake"):
        pytest.skip("the catalog of the stand-in has no views: test_snowflake does without")
    write: WriteMode = "history" if suffix == "_runs" else "merge"
    warehouse.load(found("anna", "gold"), failed("bert"), write=write, run=identity(as_of=NOON))
    warehouse.execute(f"create view everybody{suffix} as select distinct * from {TABLE}{suffix}")

    told = rf"everybody{suffix}(: .*| is no (managed Delta )?table but a view.*)name a(nother)? table"
    with pytest.raises(TableUnfit, match=told) as refusal:
        warehouse.sink(write, identity("next", as_of=NOON), table="everybody").open()
    assert refusal.value.__context__ is None


@pytest.mark.parametrize("write", ["merge", "history"])
def test_a_column_that_the_database_makes_is_refused_before_any_call(warehouse: Warehouse, write: WriteMode) -> None:
    if not warehouse.url.startswith(("sqlite", "postgresql", "duckdb", "mysql")) or warehouse.is_redshift:
        pytest.skip("it says so when rows are added")
    moment = "datetime(6)" if warehouse.is_mysql else "timestamptz"
    times = f"valid_from {moment}, valid_to {moment}, " if write == "history" else ""
    made = f"{warehouse.id_type} generated always as (customer_id)" + ("" if "duckdb" in warehouse.url else " stored")
    columns = f"customer_id {warehouse.id_type}, segment_id {warehouse.id_type}, segment_name {made}, {times}"
    warehouse.execute(f"create table {TABLE} ({columns}observed_at {moment})")

    told = rf"{TABLE} has columns that the database makes .*: segment_name\.|could not plan to add rows to {TABLE}"
    with pytest.raises(TableUnfit, match=told):
        warehouse.sink(write, identity(as_of=NOON)).open()


def test_a_view_that_takes_rows_is_a_table(postgres_warehouse: Warehouse) -> None:
    postgres_warehouse.load(found("anna", "gold"))
    postgres_warehouse.execute(f"create view everybody as select * from {TABLE}")
    postgres_warehouse.load(found("bert", "gold"), run=identity("next"), table="everybody")

    assert postgres_warehouse.memberships() == [("anna", "seg_gold"), ("bert", "seg_gold")]


@pytest.mark.parametrize("number", ["bigint", "float"])
def test_a_column_of_numbers_for_texts_is_refused_before_any_call(warehouse: Warehouse, number: str) -> None:
    if warehouse.url.startswith("bigquery") and number == "float":
        number = "float64"
    for column in ("customer_id", "segment_id", "segment_name"):
        types = {name: number if name == column else warehouse.id_type for name in TEXTS}
        columns = ", ".join(f"{name} {type_}" for name, type_ in types.items())
        warehouse.execute(f"create table {TABLE} ({columns}, observed_at timestamp)")
        with pytest.raises(TableUnfit, match=f"columns that are no texts, .* is: {column}. Make them text"):
            warehouse.sink().open()
        warehouse.execute(f"drop table {TABLE}")


@pytest.mark.parametrize(
    "type_",
    ["decimal(18, 0)", "ubigint", "utinyint", "hugeint", "uhugeint", "uuid", "blob", "timestamp_ms", "time", "timetz"],
)
def test_a_column_of_duckdbs_that_is_no_text_is_refused_before_any_call(
    duckdb_warehouse: Warehouse, type_: str
) -> None:
    columns = f"customer_id {type_}, segment_id text, segment_name text, observed_at timestamptz"
    duckdb_warehouse.execute(f"create table {TABLE} ({columns})")
    with pytest.raises(TableUnfit, match=r"columns that are no texts, .* is: customer_id\. Make them text"):
        duckdb_warehouse.sink().open()


@pytest.mark.parametrize("name", ["observed_at", "valid_from", "valid_to"])
@pytest.mark.parametrize("kind", ["days", "texts"])
def test_a_column_of_days_or_texts_for_moments_is_refused_before_any_call(
    warehouse: Warehouse, name: str, kind: str
) -> None:
    zoned = {"postgresql": "timestamptz", "duckdb": "timestamptz", "snowflake": "timestamp_tz", "mysql": "datetime(6)"}
    moment = zoned.get(warehouse.url.split("+")[0].split(":")[0], "timestamp")
    other = "date" if kind == "days" else warehouse.id_type
    types = {one: other if one == name else moment for one in ("observed_at", "valid_from", "valid_to")}
    columns = [f"{one} {warehouse.id_type}" for one in TEXTS] + [f"{one} {type_}" for one, type_ in types.items()]
    warehouse.execute(f"create table {TABLE} ({', '.join(columns)})")
    sink = warehouse.sink("history", identity(as_of=NOON))
    if warehouse.url.startswith("sqlite"):  # which keeps them as they are, in whatever column
        assert sink.open() is None
        return
    with pytest.raises(TableUnfit, match=rf"{name}( \(is [A-Z]+.*\)| of another type)"):
        sink.open()


@pytest.mark.parametrize(
    ("type_", "is_taken"),
    [("timestamptz(0)", False), ("timestamptz(6)", True), ("text", False), ("moment", True), ("day", False)],
)
def test_moments_of_a_history_are_kept_to_the_microsecond(
    postgres_warehouse: Warehouse, type_: str, is_taken: bool
) -> None:
    for statement in ("create domain moment as timestamptz", "create domain day as date"):
        postgres_warehouse.execute(statement)
    columns = f"valid_from {type_}, valid_to timestamptz, observed_at timestamptz(0)"
    postgres_warehouse.execute(f"create table {TABLE} ({', '.join(f'{name} text' for name in TEXTS)}, {columns})")
    sink = postgres_warehouse.sink("history", identity(as_of=NOON))
    if is_taken:
        assert sink.open() is None
        return
    with pytest.raises(TableUnfit, match=r"valid_from \(is .*\), where .* Make them TIMESTAMP WITH TIME ZONE, or"):
        sink.open()


def test_a_column_of_the_users_own_has_to_take_what_it_is_given(postgres_warehouse: Warehouse) -> None:
    columns = "customer_id text, segment_id text, segment_name text, observed_at timestamptz, ds date"
    postgres_warehouse.execute(f"create table {TABLE} ({columns})")
    extra: ExtraColumns = {"ds": "2026-01-31"}

    with pytest.raises(TableUnfit, match=r"no texts, .* is: ds"):
        TableSink(postgres_warehouse, TABLE, "merge", identity(), Clock(), extra_columns=extra).open()
    TableSink(postgres_warehouse, TABLE, "merge", identity(), Clock(), extra_columns={"ds": date(2026, 1, 31)}).open()


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
@pytest.mark.parametrize("type_", ["jsonb", "inet", "mood"])
def test_a_column_that_takes_none_of_our_texts_is_refused_before_any_call(
    postgres_warehouse: Warehouse, driver: str, type_: str
) -> None:
    pytest.importorskip(driver)
    postgres_warehouse.execute("create type mood as enum ('Gold')")
    columns = f"customer_id text, segment_id text, segment_name {type_}, observed_at timestamptz"
    postgres_warehouse.execute(f"create table {TABLE} ({columns})")
    with pytest.raises(TableUnfit, match=r"segment_name.* is of type"):
        Warehouse(postgres_warehouse.url.replace("+psycopg:", f"+{driver}:")).sink().open()


@pytest.mark.parametrize("type_", ["timestamp", "without_zone", "with_zone"])
def test_a_column_without_time_zone_gets_utc_whatever_the_session(postgres_warehouse: Warehouse, type_: str) -> None:
    postgres_warehouse.execute("create domain without_zone as timestamp")
    postgres_warehouse.execute("create domain with_zone as timestamptz(3)")
    database = postgres_warehouse.url.split("@/")[1].split("?")[0]
    postgres_warehouse.execute(f"alter database {database} set timezone to 'Asia/Tokyo'")
    postgres_warehouse.execute(
        f"create table {TABLE} (customer_id text, segment_id text, segment_name text, observed_at {type_})"
    )

    postgres_warehouse.load(found("anna", "gold"))

    shown = "observed_at at time zone 'UTC'" if type_ == "with_zone" else "observed_at"
    assert postgres_warehouse.query(f"select ({shown})::text from {TABLE}") == [("2026-01-31 12:00:00",)]


def test_a_domain_of_moments_in_another_schema_of_the_search_path_is_taken(postgres_warehouse: Warehouse) -> None:
    database = postgres_warehouse.url.split("@/")[1].split("?")[0]
    for statement in (
        "create schema etl",
        "create domain moment as timestamptz",
        f"create table {TABLE} (customer_id text, segment_id text, segment_name text, observed_at moment)",
        f"alter database {database} set search_path to etl, public",
    ):
        postgres_warehouse.execute(statement)

    postgres_warehouse.load(found("anna", "gold"))

    assert postgres_warehouse.query(f"select count(*) from public.{TABLE}") == [(1,)]


def test_a_domain_of_a_domain_without_time_zone_is_refused(postgres_warehouse: Warehouse) -> None:
    postgres_warehouse.execute("create domain inner_one as timestamp")
    postgres_warehouse.execute("create domain outer_one as inner_one")
    columns = "customer_id text, segment_id text, segment_name text, observed_at outer_one"
    postgres_warehouse.execute(f"create table {TABLE} ({columns})")
    with pytest.raises(TableUnfit, match=r"observed_at \(is .*\), where moments"):
        postgres_warehouse.sink().open()


@pytest.mark.parametrize("type_", ["timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"])
def test_so_does_one_of_duckdbs(duckdb_warehouse: Warehouse, type_: str) -> None:
    duckdb_warehouse.execute("set global TimeZone = 'Asia/Tokyo'")  # of the file's process, while it is open
    duckdb_warehouse.execute(
        f"create table {TABLE} (customer_id text, segment_id text, segment_name text, observed_at {type_})"
    )

    duckdb_warehouse.load(found("anna", "gold"))

    assert duckdb_warehouse.query(f"select observed_at::timestamp::text from {TABLE}") == [("2026-01-31 12:00:00",)]


def test_moments_of_a_history_of_duckdbs_have_a_zone_however_coarse_they_are(duckdb_warehouse: Warehouse) -> None:
    moments = "valid_from timestamp_ms, valid_to timestamp_ms, observed_at timestamptz"
    duckdb_warehouse.execute(f"create table {TABLE} (customer_id text, segment_id text, segment_name text, {moments})")
    with pytest.raises(TableUnfit, match=r"(?=.*depend on the session).*valid_from"):
        duckdb_warehouse.sink("history", identity(as_of=NOON)).open()


def test_no_right_to_create_tables_is_told_before_any_call(postgres_warehouse: Warehouse) -> None:
    postgres_warehouse.execute(f"create role reader_{id(postgres_warehouse)} login")
    reader = Warehouse(postgres_warehouse.url.replace("postgres@", f"reader_{id(postgres_warehouse)}@"))

    with pytest.raises(StatementFailed, match=r"42501.*denied for schema public\. .* create tables in") as refusal:
        reader.sink().open()
    assert refusal.value.sqlstate == "42501"


def test_a_table_that_was_there_survives_with_its_rows_when_a_run_is_only_opened(warehouse: Warehouse) -> None:
    warehouse.load(found("anna", "gold"), run=identity("monday"))

    warehouse.sink_opened("replace").write([found("bert", "gold")])

    assert warehouse.memberships() == [("anna", "seg_gold")]


@pytest.mark.parametrize(
    ("kind", "collation"),
    [("sqlite", "nocase"), ("sqlite", "rtrim"), ("duckdb", "nocase"), ("duckdb", "noaccent")],
)
@pytest.mark.parametrize("write", ["merge", "history"])
def test_a_table_whose_collation_takes_one_id_for_another_is_refused(
    request: pytest.FixtureRequest, kind: str, collation: str, write: WriteMode
) -> None:
    warehouse: Warehouse = request.getfixturevalue(f"{kind}_warehouse")
    times = "valid_from timestamptz, valid_to timestamptz, " if write == "history" else ""
    warehouse.execute(
        f"create table {TABLE} (customer_id text collate {collation}, segment_id text, segment_name text, {times}"
        "observed_at timestamptz)"
    )
    with pytest.raises(TableUnfit, match="compares customer_id by a collation or a type that takes one id for another"):
        warehouse.sink(write, identity(as_of=NOON)).open()


#: The server of the tests comes without the extension: made as that makes it.
LIKE_CITEXT = (
    "create type loose",
    "create function loose_in(cstring) returns loose language internal immutable strict as 'textin'",
    "create function loose_out(loose) returns cstring language internal immutable strict as 'textout'",
    "create type loose (input = loose_in, output = loose_out, like = text, category = 'S', collatable = true)",
    "create cast (loose as text) without function as implicit",
    "create cast (text as loose) without function as assignment",
    "create function loosely(loose, loose) returns bool language sql as 'select lower($1::text) = lower($2::text)'",
    "create operator = (leftarg = loose, rightarg = loose, function = loosely)",
)


@pytest.mark.filterwarnings("ignore:Did not recognize type 'loose'")
@pytest.mark.parametrize("write", ["merge", "history"])
def test_a_type_of_postgresql_that_takes_one_id_for_another_is_refused(
    postgres_warehouse: Warehouse, write: WriteMode
) -> None:
    times = "valid_from timestamptz, valid_to timestamptz, " if write == "history" else ""
    columns = f"customer_id loose, segment_id text, segment_name text, {times}observed_at timestamptz"
    for statement in (*LIKE_CITEXT, f"create table {TABLE} ({columns})"):
        postgres_warehouse.execute(statement)
    with pytest.raises(TableUnfit, match="compares customer_id by a collation or a type that takes one id for another"):
        postgres_warehouse.sink(write, identity(as_of=NOON)).open()


def test_an_id_too_long_for_a_key_is_told_of_without_quoting_it(postgres_warehouse: Warehouse) -> None:
    long = "".join(f"{number:x}" for number in range(2_000, 4_000))
    with pytest.raises(StatementFailed, match=r"\(54000\): index row size \d+ exceeds") as failure:
        postgres_warehouse.load(found(long, "gold"))
    assert long[:20] not in str(failure.value)
