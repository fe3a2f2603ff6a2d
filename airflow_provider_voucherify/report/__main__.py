"""Makes a report from a running Airflow: ``python -m airflow_provider_voucherify.report --dag win_back --url ...``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from airflow_provider_voucherify.report.html import report_html
from airflow_provider_voucherify.report.rest import PASSWORD, TOKEN, USERNAME, AirflowApi, ReportFailed, read_runs
from airflow_provider_voucherify.report.task_runs import TaskRun

_ENVIRONMENT = f"The login is read from the environment: {TOKEN}, or {USERNAME} and {PASSWORD}."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_voucherify.report",
        description="Write the pictures of a Dag's segments, calls and vouchers as one HTML file.",
        epilog=_ENVIRONMENT,
    )
    parser.add_argument("--dag", action="append", required=True, help="id of a Dag; may be given more than once")
    parser.add_argument("--url", required=True, help="of Airflow's UI, such as https://airflow.example.com")
    parser.add_argument("--runs", type=int, default=90, help="at most so many of the latest runs (default: 90)")
    parser.add_argument("--output", type=Path, default=Path("voucherify_report.html"), help="the file to write")
    return parser


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
    """Write a report.

    :returns: 0, or 1 if it cannot be made: the reason is on standard error.
    """
    options = _parser().parse_args(arguments)
    try:
        runs = _read(options.url, options.dag, max(options.runs, 1), environment)
        options.output.write_text(report_html(runs, datetime.now(UTC), options.url), encoding="utf-8")
    except OSError as error:
        sys.stderr.write(f"{options.output} cannot be written: {error.strerror or error}\n")
        return 1
    except ReportFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    told = sum(run.summary is not None for run in runs)
    sys.stdout.write(f"{options.output}: {told:,} of {len(runs):,} runs of tasks have numbers\n")
    return 0


def _read(url: str, dag_ids: Sequence[str], most: int, environment: Mapping[str, str]) -> list[TaskRun]:
    api = AirflowApi(url, environment)
    api.log_in()
    return [run for dag_id in dict.fromkeys(dag_ids) for run in read_runs(api, dag_id, most)]


if __name__ == "__main__":
    sys.exit(main())
