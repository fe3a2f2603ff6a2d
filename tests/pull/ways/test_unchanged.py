"""Static segments that lost nobody are not listed again; whatever befell the table since cannot make that lie."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import requests

from airflow_provider_voucherify.api.models import Json, JsonObject, MembershipPage
from airflow_provider_voucherify.emulator import Emulator, Limits, ProjectSettings
from airflow_provider_voucherify.load.base import RunIdentity
from airflow_provider_voucherify.load.columns import COLUMNS, COLUMNS_OF_EVERYONE, ExtraColumns
from airflow_provider_voucherify.load.destinations import WriteMode
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.pull.per_export import files as per_export
from airflow_provider_voucherify.pull.plan.question import Question, StrategyName
from tests.load.runs import Warehouse
from tests.pull.ways.desk import Desk, Done, Row, truth, utc_now

EVERYONE = Question(None, strategy="per_segment")
WRITES: tuple[WriteMode, ...] = ("merge", "replace", "history")
TABLE = "customer_segments"


def tomorrow() -> datetime:
    """Return a moment at which the segments of these tests are old enough to be filled."""
    return utc_now() + timedelta(days=2)


@pytest.fixture(scope="module")
def server() -> Iterator[Emulator]:
    with Emulator(customers=300, segments=0, limits=Limits(limit=None)) as emulator:
        yield emulator


@pytest.fixture
def shop(server: Emulator) -> Emulator:
    """300 customers in two static segments of 210 and 150, a small one, and one by a filter."""
    server.reset(population=True, settings=True)
    ids = [one.customer_id for one in server.customers()]
    for name, members in {"two": ids[50:260], "one": ids[:150], "small": ids[:20]}.items():
        server.add_segment(name, customers=members)
    gold: JsonObject = {"junction": "and", "metadata.tier": {"conditions": {"$is_not": ["gold"]}}}
    server.add_segment("gold", filter=gold, type="passive")
    return server


@dataclass
class Tables:
    """A table, and runs into it one after the other.

    :param desk: pulls.
    """

    warehouse: Warehouse
    desk: Desk
    write: WriteMode = "merge"
    project: str = "shop"
    extra: ExtraColumns = field(default_factory=dict)
    runs: int = 0

    def sink(self, question: Question = EVERYONE) -> TableSink:
        """Return the sink of a new run."""
        self.runs += 1
        date = utc_now() + timedelta(seconds=self.runs)
        run = RunIdentity(f"dag/run_{self.runs}/pull/-1", f"job {self.runs}", as_of=date, project=self.project)
        is_everyone = question.is_about_everyone
        return TableSink(
            self.warehouse,
            TABLE,
            self.write,
            run,
            self.desk.now,
            columns=COLUMNS_OF_EVERYONE if is_everyone else COLUMNS,
            extra_columns=self.extra,
        )

    def pull(self, question: Question = EVERYONE) -> Done:
        """Pull into the table, to the end."""
        sink = self.sink(question)
        done = self.desk.pull(question, sink)
        sink.close()
        return done

    def rows(self) -> list[Row]:
        """Return the memberships readers see."""
        now = " where valid_to is null" if self.write == "history" else ""
        rows = self.warehouse.query(f"select customer_id, segment_id from {TABLE}{now}")
        return sorted((str(customer), str(segment)) for customer, segment in rows)


@pytest.fixture
def tables(shop: Emulator, tmp_path: Path) -> Tables:
    return Tables(Warehouse(f"sqlite:///{tmp_path}/warehouse.db"), Desk(shop, now=tomorrow))


def segment_id(shop: Emulator, name: str) -> str:
    found = requests.get(f"{shop.url}/v1/segments?limit=100", headers=keys(shop), timeout=10).json()["data"]
    return next(str(one["id"]) for one in found if one["name"] == name)


def keys(shop: Emulator) -> dict[str, str]:
    return {"X-App-Id": shop.app_id, "X-App-Token": shop.app_token}


def delete(shop: Emulator, customer_id: str) -> None:
    requests.delete(f"{shop.url}/v1/customers/{customer_id}", headers=keys(shop), timeout=10).raise_for_status()


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("way", ["per_segment", "export", "auto"])
def test_they_are_taken_from_the_table(
    shop: Emulator, tables: Tables, write: WriteMode, way: StrategyName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(per_export, "LEAST_SAVED", -6)
    tables.write, question = write, Question(None, strategy=way)
    first, second, third = (tables.pull(question) for _ in range(3))
    assert tables.rows() == truth(shop)
    assert (first.plan.unchanged, first.pulled.segments_unchanged) == (0, ())
    for again in (second, third):
        assert (
            again.calls == first.calls - 3
        )  # of 210 members two calls less, of 150 one; the first page tells the total
        assert again.pulled.segments_unchanged == ("one", "two")
        assert ", 2 static segments unchanged: " in str(again.plan)
        assert again.loaded.per_segment == tuple(
            replace(one, entered=0 if write == "history" else None, left=0 if write == "history" else None)
            for one in first.loaded.per_segment
        )
        assert again.pulled.mismatch is not None
        assert again.pulled.mismatch.differing == 0
    assert second.plan.calls is not None
    assert first.plan.calls is not None
    assert second.plan.calls == first.plan.calls - 3


def test_one_that_lost_a_member_is_listed_and_the_others_are_not(shop: Emulator, tables: Tables) -> None:
    tables.pull()
    ids = [one.customer_id for one in shop.customers()]
    delete(shop, ids[200])
    assert tables.pull().pulled.segments_unchanged == ("one",)
    assert tables.rows() == truth(shop)
    assert tables.pull().pulled.segments_unchanged == ("one", "two")
    delete(shop, ids[100])
    assert tables.pull().pulled.segments_unchanged == ()
    assert tables.rows() == truth(shop)


def test_columns_of_the_users_own_say_what_this_run_says(shop: Emulator, tables: Tables) -> None:
    for batch in (1, 2):
        tables.extra = {"batch": batch}
        done = tables.pull()
        assert tables.warehouse.query(f"select distinct batch from {TABLE}") == [(batch,)]
    assert done.pulled.segments_unchanged == ("one", "two")
    assert tables.rows() == truth(shop)


class Killed(BaseException):
    """The process ends."""


@pytest.mark.long
@pytest.mark.parametrize("moment", range(1, 6))
@pytest.mark.parametrize("behind", [False, True], ids=["before", "behind"])
def test_a_try_that_is_killed_at_a_write_is_gone_on_with(
    shop: Emulator, tables: Tables, monkeypatch: pytest.MonkeyPatch, moment: int, behind: bool
) -> None:
    monkeypatch.setattr("airflow_provider_voucherify.pull.per_segment.listing._MEMBERS_PER_PAGE", 50)
    monkeypatch.setattr("airflow_provider_voucherify.pull.per_segment.run._PAGES_AT_A_TIME", 2)
    tables.pull()
    write, left = TableSink.write_pages, [moment]

    def die(sink: TableSink, pages: Sequence[MembershipPage]) -> None:
        left[0] -= 1
        if behind or left[0]:
            write(sink, pages)
        if not left[0]:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(TableSink, "write_pages", die)
        with pytest.raises(Killed):
            tables.pull()
    tables.runs -= 1  # a later try of the same run
    assert tables.pull().pulled.segments_unchanged == ("one", "two")
    assert tables.rows() == truth(shop)


def test_max_calls_is_held_to_what_is_left(shop: Emulator, tables: Tables) -> None:
    first = tables.pull()
    assert first.plan.calls is not None
    assert tables.pull(replace(EVERYONE, max_calls=first.plan.calls - 3)).pulled.segments_unchanged


#: What leaves the rows of the segments as they were: whoever did it, they are not listed again.
HARMLESS: dict[str, Callable[[Emulator, Tables], None]] = {
    "rows of other segments": lambda _, tables: tables.warehouse.execute(
        f"delete from {TABLE} where segment_name in ('gold', 'small')"
    ),
    "a run of some segments": lambda _, tables: _ignore(tables.pull(replace(EVERYONE, segments=["gold", "one"]))),
    "a run that asked one by one": lambda _, tables: _ignore(tables.pull(Question(None, strategy="per_customer"))),
    "other times": lambda _, tables: tables.warehouse.execute(
        f"update {TABLE} set observed_at = '2020-01-01 00:00:00.000000+00:00'"
    ),
}


def _ignore(_: object) -> None:
    """Return nothing."""


@pytest.mark.parametrize("harmless", HARMLESS)
def test_rows_that_are_the_same_are_the_same_whoever_wrote_them(shop: Emulator, tables: Tables, harmless: str) -> None:
    tables.pull()
    HARMLESS[harmless](shop, tables)
    assert tables.pull().pulled.segments_unchanged == ("one", "two")
    assert tables.rows() == truth(shop)


def few(shop: Emulator, tables: Tables) -> None:
    """A run about a few customers: it finds them in the same segments, and knows no source ids of theirs."""
    ids = [one.customer_id for one in shop.customers()][60:90]
    tables.pull(Question(ids, strategy="per_customer"))


def of(name: str) -> str:
    """Return the condition of the first of a segment's rows."""
    return f"where rowid = (select min(rowid) from {TABLE} where segment_name = '{name}')"


def another_project(shop: Emulator, tables: Tables) -> None:
    """Rows of the same ids by other keys."""
    tables.warehouse.execute(f"update {TABLE}__marks set run_key = run_key || 'x' where run_key like 'static:%'")


def emptied_by_few(shop: Emulator, tables: Tables) -> None:
    """A run about a few that leaves rows of other customers of its own."""
    tables.warehouse.execute(
        f"insert into {TABLE} (customer_id, segment_id, segment_name, observed_at) "
        f"select 'customer-x', segment_id, segment_name, observed_at from {TABLE} {of('two')}"
    )


def told_by_nobody(shop: Emulator, tables: Tables) -> None:
    tables.warehouse.execute(f"drop table {TABLE}__marks")


def gone(shop: Emulator, tables: Tables) -> None:
    tables.warehouse.execute(f"drop table {TABLE}")


def garbled(shop: Emulator, tables: Tables) -> None:
    tables.warehouse.execute(f"update {TABLE}__marks set detail = '[{{' where run_key like 'static:%'")


#: What takes the proof away, for segment "two" at least.
TROUBLES: dict[str, Callable[[Emulator, Tables], None]] = {
    "a row deleted": lambda _, tables: tables.warehouse.execute(f"delete from {TABLE} {of('two')}"),
    "a row too many": emptied_by_few,
    "another customer in a row": lambda _, tables: tables.warehouse.execute(
        f"update {TABLE} set customer_id = 'cust_other' {of('two')}"
    ),
    "another source id": lambda _, tables: tables.warehouse.execute(f"update {TABLE} set source_id = 'x' {of('two')}"),
    "a source id removed": lambda _, tables: tables.warehouse.execute(
        f"update {TABLE} set source_id = null {of('two')}"
    ),
    "another project": another_project,
    "a run about few": few,
    "no marks": told_by_nobody,
    "no table": gone,
    "marks that cannot be read": garbled,
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_where_the_rows_are_not_shown_to_be_all_members_the_segment_is_listed(
    shop: Emulator, tables: Tables, trouble: str
) -> None:
    tables.pull()
    TROUBLES[trouble](shop, tables)
    assert "two" not in tables.pull().pulled.segments_unchanged
    assert tables.rows() == truth(shop)
    assert tables.pull().pulled.segments_unchanged == ("one", "two")


def test_other_keys_are_another_project(shop: Emulator, tables: Tables) -> None:
    tables.pull()
    assert replace(tables, project="other").pull().pulled.segments_unchanged == ()
    assert replace(tables, project="", runs=10).pull().pulled.segments_unchanged == ()


def test_a_real_other_project_in_the_same_table(shop: Emulator, tables: Tables) -> None:
    shop.add_project(ProjectSettings("other", "token", customers=50, segments=4))
    tables.pull()
    other = replace(tables, desk=Desk(shop, app_id="other", token="token", now=tomorrow), project="other", runs=5)
    assert other.pull().pulled.segments_unchanged == ()
    assert replace(tables, runs=10).pull().pulled.segments_unchanged == ()  # whose rows went
    assert tables.rows() == truth(shop)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("created_at", "2024-01-01T00:00:00.000Z"),
        ("updated_at", "2024-01-01T00:00:00.000Z"),
        ("name", "two, renamed"),
        ("type", "passive"),
    ],
)
def test_a_segment_that_is_another_one_is_listed(shop: Emulator, tables: Tables, name: str, value: str) -> None:
    def change(target: str, answer: JsonObject) -> JsonObject:
        if target.startswith("/v1/segments?"):
            for one in answer["data"]:  # type: ignore[union-attr]
                if one["name"] == "two":  # type: ignore[index, call-overload]
                    one[name] = value  # type: ignore[index, call-overload]
        return answer

    tables.pull()
    seen = list[str]()
    tables.desk = replace(tables.desk, change=change, watch=seen.append)
    wanted = ["one", value if name == "name" else "two"]
    done = tables.pull(replace(EVERYONE, segments=wanted, verify_sample=0))
    assert done.pulled.segments_unchanged == ("one",)
    assert sum(segment_id(shop, "two") in target for target in seen) == 3


def test_one_made_again_under_its_name_is_listed(shop: Emulator, tables: Tables) -> None:
    tables.pull()
    ids = [one.customer_id for one in shop.customers()]
    requests.delete(f"{shop.url}/v1/segments/{segment_id(shop, 'two')}", headers=keys(shop), timeout=10)
    shop.add_segment("two", customers=ids[40:250])
    assert tables.pull().pulled.segments_unchanged == ("one",)
    assert set(truth(shop)) <= set(tables.rows())


def test_one_that_may_still_be_filled_is_not_relied_on(shop: Emulator, tables: Tables) -> None:
    tables.desk = replace(tables.desk, now=utc_now)
    tables.pull()
    assert tables.pull().pulled.segments_unchanged == ()


def test_nothing_is_proven_by_runs_about_given_customers_or_into_a_table_that_keeps_all_runs(
    shop: Emulator, tables: Tables
) -> None:
    ids = [one.customer_id for one in shop.customers()]
    for _ in range(2):
        assert tables.pull(Question(ids, strategy="per_segment")).pulled.segments_unchanged == ()
    appending = replace(tables, warehouse=Warehouse(tables.warehouse.url + "2"), write="append")
    for _ in range(2):
        assert appending.pull().pulled.segments_unchanged == ()


def test_rows_of_a_table_somebody_else_filled_prove_nothing(shop: Emulator, tables: Tables, tmp_path: Path) -> None:
    tables.pull()
    other = replace(tables, warehouse=Warehouse(f"sqlite:///{tmp_path}/other.db"))
    other.sink().open()  # a run that failed before it published
    (create,) = tables.warehouse.query(f"select sql from sqlite_master where name = '{TABLE}'")
    other.warehouse.execute(str(create[0]))
    for row in tables.warehouse.query(f"select customer_id, segment_id, segment_name, observed_at from {TABLE}"):
        values = ", ".join(f"'{value}'" for value in row)
        other.warehouse.execute(
            f"insert into {TABLE} (customer_id, segment_id, segment_name, observed_at) values ({values})"
        )
    assert other.pull().pulled.segments_unchanged == ()


def test_a_total_that_is_not_exact_proves_nothing(shop: Emulator, tables: Tables) -> None:
    def capped(target: str, answer: JsonObject) -> JsonObject:
        if "segment_id" in target and isinstance(answer.get("total"), int):
            answer["total"] = min(answer["total"], 120)  # type: ignore[type-var]
        return answer

    tables.desk = replace(tables.desk, change=capped)
    tables.pull(replace(EVERYONE, verify_sample=0))
    assert tables.pull(replace(EVERYONE, verify_sample=0)).pulled.segments_unchanged == ()


def test_a_list_that_moved_while_it_was_read_proves_nothing(shop: Emulator, tables: Tables) -> None:
    ids = [one.customer_id for one in shop.customers()]
    left = [ids[200]]

    def lose(target: str) -> None:
        if segment_id(shop, "two") in target and "1970" not in target and left:
            delete(shop, left.pop())

    tables.desk = replace(tables.desk, watch=lose)
    tables.pull()
    assert tables.pull().pulled.segments_unchanged == ("one",)
    assert tables.rows() == truth(shop)


def test_a_first_page_that_names_somebody_else_leads_to_the_list(shop: Emulator, tables: Tables) -> None:
    def strangers(target: str, answer: JsonObject) -> JsonObject:
        if segment_id(shop, "two") in target and "1970" in target:
            answer["customers"][0]["id"] = "cust_stranger"  # type: ignore[index, call-overload]
        return answer

    tables.pull()
    tables.desk = replace(tables.desk, change=strangers)
    assert tables.pull().pulled.segments_unchanged == ("one",)


def test_rows_that_are_changed_after_they_were_looked_at_lead_to_the_list(shop: Emulator, tables: Tables) -> None:
    def spoil(target: str) -> None:
        if target.startswith("/v1/customers?"):
            tables.warehouse.execute(f"update {TABLE} set customer_id = 'cust_other' {of('two')}")

    tables.pull()
    tables.desk = replace(tables.desk, watch=spoil)
    assert tables.pull().pulled.segments_unchanged == ("one",)
    assert tables.rows() == truth(shop)


def test_what_the_sample_speaks_against_is_listed_after_all(shop: Emulator, tables: Tables) -> None:
    """A static segment is taken to be fixed; were it not, the sample can tell."""
    tables.pull()
    two = segment_id(shop, "two")
    inside = {customer for customer, segment in truth(shop) if segment == two}
    outsider = next(customer for customer, _ in truth(shop) if customer not in inside)

    def change(target: str, answer: JsonObject) -> JsonObject:
        if target != f"/v1/customers/{outsider}/segments":
            return answer
        assert isinstance(answer["data"], list)
        segments: list[Json] = [*answer["data"], {"id": two, "name": "two", "object": "segment"}]
        return {**answer, "data": segments, "total": len(segments)}

    tables.desk = replace(tables.desk, change=change)
    done = tables.pull(replace(EVERYONE, verify_sample=300))
    assert done.pulled.segments_unchanged == ("one",)
    assert done.pulled.mismatch is not None
    assert done.pulled.mismatch.differing == 1


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_whatever_befalls_shop_and_table_everyone_is_the_truth(shop: Emulator, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    warehouse = Warehouse(f"sqlite:///{tmp_path}/warehouse.db")
    tables = Tables(warehouse, Desk(shop, now=tomorrow), chance.choice(WRITES[:2]))
    tables.pull()
    for _ in range(3):
        for _ in range(chance.randint(0, 2)):
            befall(shop, tables, chance)
        way: StrategyName = chance.choice(["per_segment", "export", "auto"])
        tables.pull(Question(None, strategy=way))
        assert tables.rows() == truth(shop)


def befall(shop: Emulator, tables: Tables, chance: random.Random) -> None:
    """Let something happen to the shop, or to the table."""
    ids = [one.customer_id for one in shop.customers()]
    match chance.randint(0, 5):
        case 0:
            delete(shop, chance.choice(ids))
        case 1:
            shop.add_customers([{"source_id": f"new-{chance.random()}"}])
        case 2:
            tables.warehouse.execute(f"delete from {TABLE} where rowid = {chance.randint(1, 400)}")
        case 3:
            other = f"update or ignore {TABLE} set customer_id = '{chance.choice(ids)}'"
            tables.warehouse.execute(f"{other} where rowid = {chance.randint(1, 400)}")
        case 4 if tables.write == "merge":
            tables.pull(Question(chance.sample(ids, 30), strategy="per_customer"))
        case _:
            sink = tables.sink()  # of a run that is killed before it publishes
            sink.open()
