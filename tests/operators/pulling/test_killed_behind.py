"""Kill -9 behind the result, in ``post_execute``: the next try finds it published and asks nobody."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_voucherify.emulator import Emulator
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator
from tests.operators.pulling.killed_behind import ASKED, pull
from tests.operators.warehouse import Warehouse, truth
from tests.run_op import OperatorRunner

pytestmark = pytest.mark.long

REPOSITORY = Path(__file__).parents[3]


def exit_code(try_number: int) -> int:
    """Run a try in a process of its own."""
    command = [sys.executable, "-m", "tests.operators.pulling.killed_behind", str(try_number)]
    return subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True).returncode


def test_a_try_killed_behind_its_result_costs_no_call_again(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    assert [exit_code(number) for number in (1, 2)] == [-signal.SIGKILL] * 2
    assert voucherify.stats().calls == len(ASKED)
    assert run_op(pull(CustomerSegmentsOperator), try_number=3).summary["customers"] == len(ASKED)
    assert voucherify.stats().calls == len(ASKED)
    assert warehouse.memberships() == truth(voucherify, ASKED)
