"""Answers packed into values of limited size."""

from __future__ import annotations

import json

import pytest

from airflow_provider_voucherify.load.errors import XComTooLarge
from airflow_provider_voucherify.load.xcom.state_store import MAX_VALUE_BYTES, decode, encode
from tests.load.runs import failed, found, no_segment, unknown


def test_every_outcome_survives() -> None:
    answers = [found("żółw", "gold", "new"), failed("bert", "ServerFault 502"), no_segment("carl"), unknown("dora")]

    [piece] = encode(answers)

    assert decode(piece) == answers


def test_a_chunk_too_large_for_a_value_takes_several() -> None:
    answers = [found(f"{number**7}", f"{number**9}", f"{number**11}") for number in range(2, 3_000)]

    pieces = list(encode(answers))

    assert len(pieces) > 1
    assert all(len(json.dumps(piece)) <= MAX_VALUE_BYTES for piece in pieces)
    assert [answer for piece in pieces for answer in decode(piece)] == answers


def test_a_customer_too_large_for_a_value_is_refused() -> None:
    names = [str(number**50) for number in range(1_000, 3_000)]

    with pytest.raises(XComTooLarge, match=r"single customer.*WarehouseTable"):
        list(encode([found("anna", *names)]))
