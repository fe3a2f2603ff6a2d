"""What was aimed at is told with the reason why it is missed, and with none where it is met."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import reporting, write_docs
from benchmarks.reporting import Report, Table, Target

MISSED = Target("time", "at most 1", "2", is_met=False, reason="the server is slow")


@pytest.mark.parametrize(
    ("target", "verdict"),
    [
        pytest.param(Target("time", "at most 1", "1", is_met=True, reason="the server is slow"), "yes", id="met"),
        pytest.param(MISSED, "**no**: the server is slow", id="missed"),
        pytest.param(Target("time", "at most 1", "2", is_met=False), "**no**", id="missed-for-no-known-reason"),
    ],
)
def test_a_verdict_has_a_reason_where_it_needs_one(target: Target, verdict: str) -> None:
    assert target.verdict == verdict


def test_a_report_is_read_back_into_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in (reporting, write_docs):
        monkeypatch.setattr(module, "RESULTS", tmp_path)
    Report(
        "peers", "Peers", "How fast?", [Table("Speed", ["who", "calls/s"], [["ours", 5]])], targets=[MISSED]
    ).publish()
    assert "MISSED: time: 2 (wanted: at most 1): the server is slow" in capsys.readouterr().out
    lines = write_docs.page().splitlines()
    assert "| time | at most 1 | 2 | **no**: the server is slow |" in lines
    assert "| ours | 5 |" in lines


def test_results_of_before_reasons_are_read(tmp_path: Path) -> None:
    target = {"what": "time", "wanted": "1", "measured": "2", "is_met": False}
    said = {"name": "peers", "title": "Peers", "question": "", "tables": [], "targets": [target], "machine": "here"}
    path = tmp_path / "peers.json"
    path.write_text(json.dumps(said))
    report, machine = write_docs.read(path)
    assert (report.targets[0].verdict, machine) == ("**no**", "here")
