"""What is a list of ids, names of segments, metadata or a text, and what the words are for everything else."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from jinja2 import Undefined

from airflow_provider_voucherify.api.errors import (
    InvalidArgument,
    InvalidCustomerId,
    InvalidCustomers,
    InvalidMetadata,
    InvalidSegments,
)
from airflow_provider_voucherify.pull.customers.sources import distinct_ids, ids_from_text
from airflow_provider_voucherify.pull.customers.upstream import (
    id_list,
    metadata,
    segment_names,
    text,
    time_above_zero,
)


def _without_address(value: object) -> str:
    """Return a name of a value that is the same in each process."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


class Lazy(Sequence[str]):
    """A sequence that fetches what it is asked for, as Airflow's are."""

    def __getitem__(self, index: int) -> str:  # type: ignore[override]
        return ["a", "b"][index]

    def __len__(self) -> int:
        return 2


def generated() -> Iterator[str]:
    yield "a"


LISTS = [
    ["a", "b"],
    ("a", "b"),
    deque(["a", "b"]),
    Lazy(),
    pd.Series(["a", "b"]),
    pd.Index(["a", "b"]),
    pd.Series(["a", "b"], dtype="string").array,
    pd.Series(["a", "b"], dtype="category"),
    np.array(["a", "b"]),
    pa.array(["a", "b"]),
    pa.chunked_array([["a"], ["b"]]),
]
NO_LISTS = [
    (None, "Did the upstream task return nothing, or was it skipped?"),
    (Undefined(name="ids"), "Did the upstream task return nothing"),
    ("customer-1", r"is str; .* map over batches: \[\[...\], \[...\]\]"),
    (b"customer-1", "bytes; .* decode them"),
    (bytearray(b"c"), "bytearray; .* decode them"),
    (7, "is int; "),
    (1.5, "is float; "),
    (True, "is bool; "),
    ({"ids": ["a"]}, "is dict; .* keys are not taken for ids"),
    ({"customers": 3, "memberships": 7, "calls": 3}, "this is a summary, not ids: `pull.output` of a run into a table"),
    ({"customer_id": "a", "segment_id": "s"}, r'one row, .* \[row\["customer_id"\] for row in rows\]'),
    (pd.DataFrame({"source_id": ["a"]}), r'is DataFrame; .* df\["source_id"\].tolist\(\)'),
    (pa.table({"source_id": ["a"]}), "is Table; .* a frame is a table"),
    ({"a", "b"}, r"is set; .* no order, write sorted\(...\)"),
    (frozenset("ab"), "is frozenset; .* no order"),
    ({"a": 1}.keys(), "is dict_keys; .* no order"),
    (iter(["a"]), r"is list_iterator; .* once only, write list\(...\)"),
    (generated(), "is generator; .* once only"),
    (map(str, [1]), "is map; .* once only"),
    (object(), "is object; "),
    (np.array([["a"], ["b"]]), "array of 2 dimensions; .* take one column"),
    (np.int64(5), "is int64; "),
]


@pytest.mark.parametrize("given", LISTS, ids=lambda given: f"{type(given).__module__}.{type(given).__name__}")
def test_what_is_a_list_is_taken(given: object) -> None:
    assert distinct_ids(id_list(given)) == ["a", "b"]
    assert segment_names(given) == ["a", "b"]


@pytest.mark.parametrize(("given", "words"), NO_LISTS, ids=lambda one: type(one).__name__)
def test_what_is_no_list_is_refused_in_words(given: object, words: str) -> None:
    with pytest.raises(InvalidCustomers, match=words):
        id_list(given, "customers", "write a list of ids")
    with pytest.raises(InvalidSegments, match=words):
        segment_names(given)


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        ([["a", "b"], ["c"]], r"customers\[0\]: .* is list; .* batches of ids are one list"),
        ([{"customer_id": "a"}], r'is dict; .* not rows that hold them, such as \[row\["customer_id"\]'),
        ([b"a"], "is bytes; decode it"),
        ([memoryview(b"a")], "is memoryview; decode it"),
        ([datetime(2026, 1, 1, tzinfo=UTC)], "is datetime; a time is nobody's id"),
        ([date(2026, 1, 1)], "is date; a time is nobody's id"),
        ([pd.Timestamp(0)], "is Timestamp; a time is nobody's id"),
        ([Decimal("1.0")], "is Decimal; its digits behind the point"),
        ([np.int64(7)], r"is int64; numpy's scalars are no texts: write array.tolist\(\)"),
        ([np.float64(7)], "is float64; numpy's scalars"),
        ([7.0], "is float; numbers lose leading zeros"),
        ([float("nan")], "is float; leave NULLs out"),
        ([pd.NaT], "leave NULLs out"),
        ([pd.NA], "leave NULLs out"),
        ([None], "leave NULLs out"),
        ([{"a"}], "is set; write the ids alone"),
    ],
    ids=_without_address,
)
def test_ids_of_other_types_get_words_of_their_own(ids: list[object], words: str) -> None:
    with pytest.raises(InvalidCustomerId, match=words):
        distinct_ids(ids)


def test_ids_that_are_uuids_or_whole_numbers_are_taken_as_their_text() -> None:
    known = UUID("6a8e4f0c-0000-4000-8000-000000000000")
    assert distinct_ids([known, str(known), 7]) == ["6a8e4f0c-0000-4000-8000-000000000000", "7"]
    assert distinct_ids(id_list(pd.Series([7, 8]))) == ["7", "8"]
    assert distinct_ids(id_list(np.arange(2))) == ["0", "1"]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("None", "Did the upstream task return nothing"),
        ("", "Did the upstream task return nothing"),
        ("{'ids': ['a']}", "keys are not taken for ids"),
        ("{'a', 'b'}", "no order"),
        ("b'a'", "decode"),
        ("customer-1", "map over batches"),
        ("   source_id\n0  customer-1", "holds no list"),
    ],
)
def test_a_rendered_text_that_is_no_list_is_told_by_what_it_says(written: str, words: str) -> None:
    with pytest.raises(InvalidCustomers, match=words):
        ids_from_text(written)
    with pytest.raises(InvalidSegments, match=words):
        segment_names(written, is_rendered=True)


@pytest.mark.parametrize("names", [[], [""], ["VIP", None], ["None"], [7], [["VIP"]]], ids=str)
def test_names_of_segments_are_texts_that_say_something(names: list[object]) -> None:
    with pytest.raises(InvalidSegments, match=r'write a list of ids or names such as \["VIP"'):
        segment_names(names)


def test_names_of_segments_are_taken_once() -> None:
    assert segment_names("['VIP', \"VIP\", 'New']", is_rendered=True) == ["VIP", "New"]


@pytest.mark.parametrize(
    "given",
    [
        None,
        [("tier", "gold")],
        "tier",
        7,
        pd.DataFrame({"tier": ["gold"]}),
        pd.Series({"tier": "gold"}),
        b"{}",
        {"tier"},
        iter({"tier": "gold"}),
    ],
    ids=lambda given: type(given).__name__,
)
def test_metadata_is_a_dict(given: object) -> None:
    with pytest.raises(InvalidMetadata, match=r"metadata is .*write a dict such as"):
        metadata(given)


def nested(depth: int) -> object:
    return {"in": nested(depth - 1)} if depth else "end"


class Tier(str, Enum):  # noqa: UP042 - a StrEnum says its value by itself
    GOLD = "gold"


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 1, 1, tzinfo=UTC),
        Decimal(1),
        b"a",
        {"a"},
        float("nan"),
        float("inf"),
        np.int64(1),
        object(),
        UUID(int=1),
        {7: "seven"},
        {None: "nothing"},
        [{"a": {"b": object()}}],
        nested(100),
        nested(5_000) if sys.getrecursionlimit() > 5_500 else nested(500),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_has_no_words_for_is_refused(value: object) -> None:
    with pytest.raises(InvalidMetadata, match="metadata cannot be sent as JSON"):
        metadata({"odd": value})


def test_metadata_that_holds_itself_is_refused() -> None:
    circle: dict[str, object] = {}
    circle["again"] = [circle]
    with pytest.raises(InvalidMetadata, match="metadata cannot be sent as JSON"):
        metadata(circle)


def test_what_json_has_words_for_is_metadata() -> None:
    given = {"tier": Tier.GOLD, "n": 1, "share": np.float64(0.5), "is": True, "none": None, "in": [("a",), {"b": 1}]}
    taken = metadata(given)
    assert taken == {"tier": "gold", "n": 1, "share": 0.5, "is": True, "none": None, "in": [["a"], {"b": 1}]}
    assert metadata("{'tier': 'gold'}", is_rendered=True) == metadata('{"tier": "gold"}', is_rendered=True)


def test_what_a_template_gives_may_stand_on_an_indented_line_of_its_own() -> None:
    assert ids_from_text("\n  ['a', 'b']\n") == ["a", "b"]
    assert segment_names("\n    ['VIP',\n    'New']\n  ", is_rendered=True) == ["VIP", "New"]
    assert metadata("\n\t{'tier': 'gold'}\n", is_rendered=True) == {"tier": "gold"}


@pytest.mark.parametrize(
    "value", [None, "", " ", "None", [], ["a"], {"a": 1}, 1.5, True, b"a", object()], ids=_without_address
)
def test_a_text_says_something(value: object) -> None:
    with pytest.raises(InvalidArgument, match=r"^campaign is .*; write its name|^campaign is .*\? write its name"):
        text(value, "campaign", "write its name")


def test_a_number_or_a_moment_of_a_native_template_is_a_text() -> None:
    assert text(20260101, "once_per", "") == "20260101"
    assert text(date(2026, 1, 1), "once_per", "") == "2026-01-01"
    assert text(" Win back ", "campaign", "") == " Win back "


def test_nothing_is_imported_to_look() -> None:
    program = (
        "import sys\n"
        "from airflow_provider_voucherify.pull.customers.upstream import id_list\n"
        "id_list(['a'])\n"
        "assert {'pandas', 'numpy', 'pyarrow', 'polars'}.isdisjoint(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


ODD_TEXTS = {"NUL": ("a\0b", "holds a NUL character"), "half": ("a\ud800b", "holds half of a surrogate pair")}


@pytest.mark.parametrize("odd", ODD_TEXTS)
def test_what_can_be_neither_sent_nor_stored_is_refused_by_name(odd: str) -> None:
    value, words = ODD_TEXTS[odd]
    with pytest.raises(InvalidArgument, match=f"^campaign is .*, which {words}.*; write its name"):
        text(value, "campaign", "write its name")
    with pytest.raises(InvalidSegments, match=f"segments holds .*, which {words}"):
        segment_names(["VIP", value])
    for given, place in (({"a": [value]}, r"metadata\['a'\]\[0\]"), ({"a": {value: 1}}, r"metadata\['a'\]\['a.*b'\]")):
        with pytest.raises(InvalidMetadata, match=f"metadata cannot be sent as JSON: {place} {words}"):
            metadata(given)


@pytest.mark.parametrize("missing", ["nan", "NaT", "<NA>", pd.NaT, pd.NA, float("nan")], ids=repr)
def test_a_missing_number_or_time_is_no_name(missing: object) -> None:
    with pytest.raises(InvalidArgument, match="once_per is"):
        text(missing, "once_per", "write a text")
    with pytest.raises(InvalidSegments, match="segments holds"):
        segment_names([missing])


def test_members_of_an_enum_are_sent_as_their_values() -> None:
    taken = metadata({Tier.GOLD: {Tier.GOLD: 1}})
    assert [(type(key), key) for key in taken] == [(str, "gold")]
    assert taken == {"gold": {"gold": 1}}
    assert f"{text(Tier.GOLD, 'once_per', '')}" == "gold"


@pytest.mark.parametrize("written", ["[+491701234567]", "['a', 12_34]", "(0x10,)", "[00]", "[1, +\n2]"])
def test_ids_that_a_number_would_not_keep_are_refused(written: str) -> None:
    with pytest.raises(InvalidCustomers, match=r"which a number does not keep: let ids be in quotes"):
        ids_from_text(written)


def test_numbers_that_are_written_as_they_are_read_are_ids() -> None:
    assert ids_from_text("[491701234567, -5, 0, 'a+b_1', ]") == [491701234567, -5, 0, "a+b_1"]
    assert metadata("{'n': [+1, 1_000]}", is_rendered=True) == {"n": [1, 1_000]}


def test_numbers_of_thousands_of_digits_are_refused_in_words() -> None:
    huge = 10**5_000
    with pytest.raises(InvalidArgument, match="campaign is int; write its name"):
        text(huge, "campaign", "write its name")
    with pytest.raises(InvalidMetadata, match=r"metadata\['n'\] is int"):
        metadata({"n": huge})
    with pytest.raises(InvalidSegments, match="segments holds int"):
        segment_names([huge])
    with pytest.raises(InvalidCustomerId, match=r"customers\[0\]: .* is int"):
        distinct_ids([huge])


@pytest.mark.parametrize(
    "value", [None, 15, timedelta(0), timedelta(seconds=-1), timedelta.max, timedelta(days=8)], ids=str
)
def test_a_time_to_wait_is_above_zero_and_of_a_week_at_most(value: object) -> None:
    with pytest.raises(InvalidArgument, match=r"poll_interval is .*; write a timedelta such as x, .* at most 7 days"):
        time_above_zero(value, "poll_interval", "x")
    assert time_above_zero(timedelta(days=7), "poll_interval", "x") == timedelta(days=7)
