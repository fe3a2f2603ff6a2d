"""The rows of an export's file: by position, whole, and metadata wherever it stands."""

from __future__ import annotations

import pytest

from airflow_provider_voucherify.api.errors import ExportFailed, InvalidArgument
from airflow_provider_voucherify.api.models import Row
from airflow_provider_voucherify.exporting.rows import exported_rows


def rows(text: str, *fields: str) -> list[Row]:
    return list(exported_rows(iter(text.splitlines(keepends=True)), fields))


def test_a_column_is_known_by_its_place_whatever_its_title() -> None:
    assert rows("Kod,Wartość\nA,1\n,2\r\n", "code", "value") == [["A", "1"], [None, "2"]]
    assert rows('Value,Code\n"a, ""b""\nc",1\n', "code", "value") == [['a, "b"\nc', "1"]]


@pytest.mark.parametrize(
    ("titles", "fields", "expected"),
    [
        ("metadata.a,metadata.b,ID", ("metadata", "id"), [{"a": "1", "b": "2"}, "3"]),
        ("ID,metadata.a,metadata.b", ("id", "metadata"), ["1", {"a": "2", "b": "3"}]),
        ("ID,Metadata.x.y,Name", ("id", "metadata", "name"), ["1", {"x.y": "2"}, "3"]),
        ("a,b,c", ("metadata",), [{"a": "1", "b": "2", "c": "3"}]),
        ("ID,Name,metadata.k", ("id", "name", "metadata.k"), ["1", "2", "3"]),
    ],
)
def test_metadata_is_what_the_other_fields_leave(titles: str, fields: tuple[str, ...], expected: Row) -> None:
    assert rows(f"{titles}\n1,2,3\n", *fields) == [expected]


def test_a_project_without_metadata_keys_has_no_column_of_it() -> None:
    assert rows("ID,Name\n1,Jo\n", "id", "metadata", "name") == [["1", {}, "Jo"]]


def test_an_empty_line_is_a_row_of_one_column_only() -> None:
    assert rows("Name\nJo\n\nAl\n", "name") == [["Jo"], [None], ["Al"]]
    assert rows("ID,Name\n1,Jo\n\n", "id", "name") == [["1", "Jo"]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("\n", "empty"),
        ("ID\n1\n", "has 1 columns where 2 fields"),
        ("ID,Name,Email\n1,Jo,a\n", "has 3 columns where 2 fields"),
        ("ID,Name\n1,Jo\n2\n", "line 3 of the export's file has 1 of 2 cells: was it cut off?"),
        ('ID,Name\n1,"Jo\n', "no CSV: was it cut off?"),
    ],
)
def test_a_file_that_is_not_what_was_asked_for_is_refused(text: str, said: str) -> None:
    with pytest.raises(ExportFailed) as caught:
        rows(text, "id", "name")
    assert said in str(caught.value)


def test_a_cell_that_is_too_long_says_what_to_leave_out() -> None:
    with pytest.raises(
        InvalidArgument, match=r"line 2 .* more than 131,072 characters: leave fields of long texts out"
    ):
        rows("ID,Body\n1," + "x" * 131_073 + "\n", "id", "response_body")


def test_a_metadata_key_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ExportFailed, match="two columns of the same metadata key"):
        rows("metadata.a,Metadata.a\n1,2\n", "metadata")
