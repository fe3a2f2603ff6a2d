"""What came last counts, whatever the clocks of workers said; and every place shows the same of the same run."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_voucherify.api.models import MembershipPage, Scope
from airflow_provider_voucherify.load.base import Sink
from tests.load.conftest import MYSQL_SERVER
from tests.load.places import InTable, Place, places
from tests.load.runs import NOON, Warehouse, failed, found, page

LATER = NOON + timedelta(minutes=5)
#: What a first try's clock says that is half a minute ahead.
AHEAD = NOON + timedelta(seconds=30)

Told: TypeAlias = Callable[[Sink], None]


NO_TABLES = ["XCom", "XCom or files: XCom", "XCom or files: files", "files"]
DATABASES = ["mysql"] if MYSQL_SERVER else ["sqlite", "postgres", "duckdb"]


@pytest.fixture(params=[*NO_TABLES, *DATABASES])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """One place after the other."""
    if request.param in NO_TABLES:
        return places(tmp_path)[request.param]
    warehouse = request.getfixturevalue(f"{request.param}_warehouse")
    assert isinstance(warehouse, Warehouse)
    return InTable(warehouse)


def test_a_list_read_by_a_clock_that_was_ahead_is_read_anew(place: Place) -> None:
    first = place.resume()
    first.write_pages([page("gold", "stays", "left", at=AHEAD, is_first=True, is_last=True)])

    retry = place.resume()
    retry.write_pages([page("gold", "stays", is_first=True, is_last=True)])
    retry.settle(["stays", "left"], set(), NOON)

    summary, seen = place.end()
    assert (summary.found, summary.no_segment) == (1, 1)
    assert seen == [("stays", "seg_gold", NOON)]


def test_answers_made_of_a_list_read_ahead_of_time_are_made_anew(place: Place) -> None:
    first = place.resume()
    first.write_pages([page("gold", "stays", "left", at=AHEAD, is_first=True, is_last=True)])
    first.settle(["stays", "left"], set(), AHEAD)

    retry = place.resume()
    retry.write_pages([page("gold", "stays", is_first=True)])
    retry.write_pages([page("gold", number=2, is_last=True)])
    assert retry.done() == set()
    retry.settle(["stays", "left"], set(), NOON)

    assert place.end()[1] == [("stays", "seg_gold", NOON)]


def test_a_list_to_be_read_again_is_so_at_once(place: Place) -> None:
    """A list that disagreed with a sample was taken for whole until the clock had passed: try after try failed."""
    first = place.resume()
    first.write_pages([page("gold", "anna", at=LATER, is_first=True, is_last=True)])

    retry = place.resume()
    retry.write_pages([page("gold", at=NOON, is_first=True)])

    last = place.resume()
    assert not last.walks()["seg_gold"].is_whole
    assert set(last.unlisted({"anna"})) == {"anna"}


def test_where_a_list_goes_on_is_told_by_the_page_that_came_last(place: Place) -> None:
    first = place.resume()
    first.write_pages([page("gold", "anna", at=AHEAD, is_first=True)])
    retry = place.resume()
    retry.write_pages([page("gold", "bert", number=2, is_last=True)])

    assert place.resume().walks()["seg_gold"].is_whole
    place.resume().settle(["anna", "bert"], set(), NOON)
    assert place.end()[1] == [("anna", "seg_gold", AHEAD), ("bert", "seg_gold", NOON)]


@pytest.mark.parametrize("clock_goes_back", [True, False])
def test_of_a_customer_a_list_names_twice_the_later_page_tells_the_time(place: Place, clock_goes_back: bool) -> None:
    one, other = (LATER, NOON) if clock_goes_back else (NOON, LATER)
    sink = place.resume()
    sink.write_pages([page("gold", "anna", "bert", at=one, is_first=True)])
    sink.write_pages([page("gold", "anna", at=other, number=2), page("gold", "carl", at=one, number=3, is_last=True)])
    sink.settle(["anna", "bert", "carl"], set(), NOON)

    seen = place.end()[1]
    assert seen == [("anna", "seg_gold", other), ("bert", "seg_gold", one), ("carl", "seg_gold", one)]


def test_each_membership_was_observed_when_its_own_page_was_read(place: Place) -> None:
    sink = place.resume()
    sink.write_pages([page("new", "bert", "anna", is_first=True, is_last=True)])
    sink.write_pages([page("gold", "anna", at=LATER, is_first=True, is_last=True)])
    sink.settle(["bert", "anna"], set(), LATER + timedelta(hours=1))

    expected = [("anna", "seg_gold", LATER), ("anna", "seg_new", NOON), ("bert", "seg_new", NOON)]
    assert place.end()[1] == expected


def test_an_answer_of_an_earlier_clock_takes_the_place_of_a_later_ones(place: Place) -> None:
    first = place.resume()
    first.write([found("anna", "gold", at=LATER), found("bert", "new", "gold", at=LATER), failed("carl")])
    retry = place.resume()
    retry.write([found("anna", "new", at=NOON), found("carl", "gold", at=NOON)])

    assert place.end()[1] == [
        ("anna", "seg_new", NOON),
        ("bert", "seg_gold", LATER),
        ("bert", "seg_new", LATER),
        ("carl", "seg_gold", NOON),
    ]


@pytest.mark.parametrize("place", NO_TABLES, indirect=True)
def test_rows_of_more_segments_than_a_statement_takes_keep_their_order(place: Place) -> None:
    names = [f"{number:04d}" for number in range(510)]
    sink = place.resume()
    sink.write_pages([page(name, "anna", is_first=True, is_last=True) for name in names])
    sink.write_pages([page("0009", "bert", number=2, is_last=True), page("hidden", "anna", is_first=True)])
    sink.settle(["bert", "anna"], set(), NOON)

    scope = Scope(segment_ids=frozenset(f"seg_{name}" for name in names))
    seen = [row[:2] for row in place.end(scope)[1]]
    assert seen == [*(("anna", f"seg_{name}") for name in names), ("bert", "seg_0009")]


_MOMENTS = st.sampled_from([NOON, AHEAD, LATER])
_WHO = st.lists(st.sampled_from(["anna", "bert", "d'or"]), unique=True, max_size=3)
_PAGES = st.lists(
    st.builds(
        lambda name, who, at, is_first: page(name, *who, at=at, is_first=is_first),
        st.sampled_from(["gold", "new"]),
        _WHO,
        _MOMENTS,
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
)


def _tell_pages(pages: list[MembershipPage]) -> Told:
    return lambda sink: sink.write_pages(pages)


def _tell_settled(who: list[str], at: datetime) -> Told:
    return lambda sink: sink.settle(who, {"d'or"}, at)


TOLD = st.lists(
    st.tuples(st.booleans(), st.one_of(_PAGES.map(_tell_pages), st.builds(_tell_settled, _WHO, _MOMENTS))),
    min_size=1,
    max_size=6,
)


@pytest.mark.long
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=TOLD)
def test_every_place_shows_the_same_of_the_same_run(
    told: list[tuple[bool, Told]], tmp_path_factory: pytest.TempPathFactory, postgres_warehouse: Warehouse
) -> None:
    folder = tmp_path_factory.mktemp("places")
    for table_name in postgres_warehouse.tables():
        postgres_warehouse.execute(f"drop table {postgres_warehouse.quoted(table_name)}")
    sqlite = Warehouse(f"sqlite:///{folder}/warehouse.db")
    ended = {name: _whole(place, told) for name, place in places(folder, sqlite, postgres_warehouse).items()}

    for (one, first), (other, second) in itertools.pairwise(ended.items()):
        assert first == second, f"{one} and {other} differ"


def _whole(place: Place, told: list[tuple[bool, Told]]) -> object:
    sink = place.resume()
    for is_new_try, tell in told:
        sink = place.resume() if is_new_try else sink
        tell(sink)
    sink.settle(["bert", "anna", "d'or"], {"d'or"}, LATER)
    return place.end()
