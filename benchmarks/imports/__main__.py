"""Time and memory that importing an operator adds to a Dag file: ``python -m benchmarks.imports``."""

from __future__ import annotations

import compileall
import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import airflow_provider_voucherify
from benchmarks.imports.folder import FILES, PARSES, Kind, Parsed, migrated_home, parse
from benchmarks.reporting import Report, Spread, Table, Target

ROUNDS = 7
MOST_MILLISECONDS = 20
#: Of the CPU that a folder of HttpOperator takes.
MOST_OF_HTTP = 1.0
OURS, SENSOR, HTTP, SQL = "CustomerSegmentsOperator", "SegmentReadySensor", "HttpOperator", "SQLExecuteQueryOperator"
ALL_OF_OURS, EMPTY = "our three operators and the sensor", "EmptyOperator"
HOOK, HTTP_HOOK = "VoucherifyHook", "HttpHook"

_OPERATORS = "airflow_provider_voucherify.operators"
_OUR_IMPORTS = {
    OURS: f"from {_OPERATORS}.customer_segments import AllCustomers, CustomerSegmentsOperator, WarehouseTable",
    "PublishVouchersOperator": f"from {_OPERATORS}.publish_vouchers import PublishVouchersOperator",
    "UpdateCustomersMetadataOperator": (
        f"from {_OPERATORS}.update_customers_metadata import UpdateCustomersMetadataOperator"
    ),
    SENSOR: "from airflow_provider_voucherify.sensors.segment_ready import SegmentReadySensor",
}
#: In the order of the table.
STATEMENTS = {
    EMPTY: "from airflow.providers.standard.operators.empty import EmptyOperator",
    **_OUR_IMPORTS,
    ALL_OF_OURS: "\n".join(_OUR_IMPORTS.values()),
    HTTP: "from airflow.providers.http.operators.http import HttpOperator",
    SQL: "from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator",
    "dlt": "import dlt",
    HOOK: "from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook",
    HTTP_HOOK: "from airflow.providers.http.hooks.http import HttpHook",
}
KINDS = (
    Kind(EMPTY, STATEMENTS[EMPTY], 'EmptyOperator(task_id="{task_id}")', parses=1),
    Kind(
        OURS,
        STATEMENTS[OURS],
        'CustomerSegmentsOperator(task_id="{task_id}", customers=AllCustomers(), '
        'destination=WarehouseTable("customer_segments", conn_id="warehouse"))',
    ),
    Kind(HTTP, STATEMENTS[HTTP], 'HttpOperator(task_id="{task_id}", http_conn_id="shop", endpoint="customers")'),
)

QUESTION = f"""\
What a Dag file pays for its imports, each time it is parsed, on top of `airflow.sdk`, which every Dag file has. Each
import runs in a fork of a process that has loaded `airflow.sdk` only, as the Dag processor forks for each file;
{ROUNDS} rounds, all in turn; the median, least and most. The time is CPU time, which other work on the machine does not
stretch; memory is resident memory. `dlt` is a library, not an operator: it is what a Dag that loads with it imports.
Our modules are compiled first, as pip compiled those of the others when it installed them.

Then a folder of {FILES} Dag files with two tasks each goes through `airflow dag-processor --num-runs 1` (one
parsing process, an empty SQLite metadata database): {PARSES} times with ours and HttpOperator in turn, medians, and
once with EmptyOperator. Before it forks, the Dag processor imports what a file imports
below `airflow.`, so that operators of Airflow's own distributions are paid once, not for each file; providers of others
are paid for each file."""


@dataclass(frozen=True, slots=True)
class Import:
    """What one import adds."""

    milliseconds: Spread
    mebibytes: float


def compile_as_pip_does() -> None:
    """Compile our modules, as an installation from a wheel does; an editable one leaves it to the first import, and
    under PYTHONDONTWRITEBYTECODE to every one."""
    package = Path(airflow_provider_voucherify.__file__).parent
    if not compileall.compile_dir(package, quiet=1):
        raise RuntimeError(f"{package} cannot be compiled: can its __pycache__ directories be written to?")


def imports() -> dict[str, Import]:
    """Measure all statements in forks of one fresh process."""
    command = [sys.executable, "-m", "benchmarks.imports.forks", str(ROUNDS), *STATEMENTS.values()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    found = json.loads(done.stdout.splitlines()[-1])
    return {
        name: Import(Spread([one[0] for one in rounds]), statistics.median(one[1] for one in rounds) / 1024)
        for name, rounds in zip(STATEMENTS, found, strict=True)
    }


def folders() -> dict[str, list[Parsed]]:
    """Parse a folder of each kind, as often as is said there, in turn."""
    found: dict[str, list[Parsed]] = {kind.name: [] for kind in KINDS}
    with migrated_home() as template:
        for number in range(PARSES):
            for kind in KINDS:
                if number < kind.parses:
                    found[kind.name].append(parse(kind, template))
    return found


def imports_table(found: Mapping[str, Import]) -> Table:
    """Return the imports as a table."""
    rows = [(name, str(one.milliseconds), one.mebibytes) for name, one in found.items()]
    return Table("Added by an import, over airflow.sdk", ("import", "CPU ms", "MiB"), rows)


def folders_table(found: Mapping[str, Sequence[Parsed]]) -> Table:
    """Return the folders as a table."""
    heads = ("operator", "s", "CPU s", "CPU ms a file over EmptyOperator", "ms a file")
    rows = [
        (
            name,
            str(Spread([one.seconds for one in parses])),
            str(cpu_of(parses)),
            over_empty(name, found),
            statistics.median(time for one in parses for time in one.file_milliseconds),
        )
        for name, parses in found.items()
    ]
    return Table(f"{FILES} Dag files through the Dag processor, its start included", heads, rows)


def cpu_of(parses: Sequence[Parsed]) -> Spread:
    """Return the CPU seconds of a folder."""
    return Spread([one.cpu_seconds for one in parses])


def over_empty(name: str, found: Mapping[str, Sequence[Parsed]]) -> float:
    """Return the CPU milliseconds that each file of a folder takes more than one with EmptyOperator."""
    return (cpu_of(found[name]).median - cpu_of(found[EMPTY]).median) * 1000 / FILES


def targets(added: Mapping[str, Import], parsed: Mapping[str, Sequence[Parsed]]) -> list[Target]:
    """Return what was aimed at, and what came of it."""
    ours = added[OURS].milliseconds.median
    pairs = zip(cpu_of(parsed[OURS]).values, cpu_of(parsed[HTTP]).values, strict=True)
    ratio = Spread([one / other for one, other in pairs])
    return [
        Target(
            "import added to a Dag file over `airflow.sdk`",
            f"at most {MOST_MILLISECONDS} ms",
            f"{ours:.1f} ms",
            ours <= MOST_MILLISECONDS,
            "its modules are small and read one by one; what they import beside them is the standard library's",
        ),
        Target(
            f"{FILES} Dag files through the Dag processor: CPU against {FILES} of HttpOperator",
            f"at most {MOST_OF_HTTP}",
            str(ratio),
            ratio.median <= MOST_OF_HTTP,
            "the Dag processor imports HttpOperator once, before it forks for each file, as all that is named "
            "`airflow.`; ours it imports in each fork",
        ),
    ]


def reading(added: Mapping[str, Import], parsed: Mapping[str, Sequence[Parsed]]) -> list[str]:
    """Say what the figures mean."""
    cost = {name: one.milliseconds.median for name, one in added.items()}
    times = ", ".join(f"{name} {cost[name] / cost[OURS]:.1f} times" for name in (HTTP, SQL, "dlt"))
    imports_said = (
        f"Our operator adds {cost[OURS]:.0f} ms and {added[OURS].mebibytes:.1f} MiB to a Dag file. Others take more "
        f"or less: {times} as much time."
    )
    hooks_said = (
        f"All of ours together add {cost[ALL_OF_OURS]:.0f} ms. The hook is imported when a task runs, not when a file "
        f"is parsed; it would add {cost[HOOK]:.0f} ms, as the HTTP provider's adds {cost[HTTP_HOOK]:.0f} ms."
    )
    folder_said = (
        f"In the Dag processor a file with our operator takes {over_empty(OURS, parsed):.0f} ms of CPU more than one "
        f"with EmptyOperator, one with HttpOperator {over_empty(HTTP, parsed):.0f} ms more: its import is paid once, "
        "before the forks."
    )
    return [imports_said, hooks_said, folder_said]


def main() -> None:
    """Measure and publish."""
    compile_as_pip_does()
    added, parsed = imports(), folders()
    Report(
        name="imports",
        title="Parse and import",
        question=QUESTION,
        tables=(imports_table(added), folders_table(parsed)),
        reading=reading(added, parsed),
        targets=targets(added, parsed),
        packages=(
            "apache-airflow",
            "apache-airflow-providers-http",
            "apache-airflow-providers-common-sql",
            "apache-airflow-providers-standard",
            "dlt",
        ),
    ).publish()


if __name__ == "__main__":
    main()
