"""Who may import whom, read off the import statements, those inside functions included."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import airflow_provider_voucherify

PACKAGE = "airflow_provider_voucherify"
ROOT = Path(airflow_provider_voucherify.__file__).parent
STANDARD_LIBRARY = "standard library"
HIGHEST = {PACKAGE, "airflow"}

#: The most specific prefix of a module decides what it may import besides the standard library.
MAY_IMPORT: dict[str, set[str]] = {
    "api.errors": set(),
    "api.ids": set(),
    "api.models": set(),
    "api.id_text": {"api.errors"},
    "api.campaign_models": {"api.models"},
    "api.limit": {"api.limit", "api.errors", "api.models"},
    "api.http": {"api.http", "api.limit", "api.errors", "api.id_text", "api.models"},
    "api.http.settings": {"api.http", "api.errors", "api.id_text", "api.models", "certifi"},
    "api.http.transport": {"api.http", "api.errors", "aiohttp", "yarl"},
    "api.lists": {"api.lists", "api.http.wire", "api.errors", "api.models"},
    "api.calls": {
        *("api.calls", "api.lists", "api.http.wire", "api.limit.window", "api.errors", "api.id_text"),
        *("api.models", "api.campaign_models"),
    },
    "pull": {"api", "pull", "load.base"},
    "exporting": {"api", "exporting", "pull"},
    "giving": {"api", "giving", "pull", "load.base", "load.outcomes"},
    "warehouse": {"api.errors", "api.ids", "api.models", "warehouse", "load.errors", "load.summary", "sqlalchemy"},
    "ledger": {"api.ids", "api.models", "ledger", "load.base", "load.errors", "load.summary"},
    "ledger.steps": {"api.campaign_models", "api.models", "ledger.log", "load.errors", "load.summary"},
    "ledger.logs.directory": {"ledger.log", "load.files.directory", "load.summary"},
    "ledger.logs.state_store": {"api.models", "ledger.log", "load.destinations", "load.summary"},
    "ledger.logs.table": {
        *("ledger.log", "load.base", "load.errors", "load.summary", "warehouse", "sqlalchemy"),
    },
    "load": {"api.errors", "api.id_text", "api.ids", "api.models", "ledger", "load", "warehouse", "sqlalchemy"},
    "load.outcomes": {"api.campaign_models", "load"},
    "load.xcom.outcome_store": {"api.campaign_models", "api.models", "ledger", "load"},
    "load.sql.outcome_table": {"api.campaign_models", "load", "warehouse", "sqlalchemy"},
    "load.exports.files": {"api.models", "ledger.logs.directory", "load", "pyarrow"},
    "warehouse.bigquery.client": {"sqlalchemy", "google"},
    "warehouse.bigquery.tables": {"load.errors", "warehouse", "sqlalchemy", "google"},
    "warehouse.bigquery.turns": {"load.errors", "warehouse", "sqlalchemy", "google"},
    "warehouse.bigquery.files": {"warehouse", "sqlalchemy", "google", "pyarrow"},
    "warehouse.parquet_texts": {"sqlalchemy", "pyarrow"},
    "warehouse.redshift_files": {"warehouse", "load.errors", "load.files.directory", "sqlalchemy"},
    "load.files.formats": {"api.models", "ledger.held", "load", "pyarrow"},
    "assets": {"assets", "airflow", "pydantic"},
    "hooks": {
        *("api", "pull", "exporting", "giving", "load", "hooks", "__version__"),
        *("airflow", "requests", "aiohttp", "urllib3", "uvloop", "pandas"),
    },
    "hooks.connection.form": {"provider_info", "wtforms"},
    "links": {"api.errors", "hooks", "airflow"},
    "operators": {
        *(
            "api",
            "pull",
            "exporting",
            "giving",
            "ledger",
            "load",
            "warehouse",
            "hooks",
            "links",
            "operators",
            "provider_info",
            "airflow",
            "jinja2",
        ),
    },
    "sensors": {
        *(
            "api",
            "pull.progress",
            "pull.plan.question",
            "ledger.logs.state_store",
            "load",
            "hooks",
            "links",
            "sensors",
            "airflow",
            "jinja2",
        ),
    },
    "ui": {"ui", "airflow", "starlette"},
    "report": {"api.models", "report", "ui.files", "requests"},
    "emulator": {"emulator", "aiohttp"},
    "testing": {"emulator", "pytest"},
    "provider_info": {"__version__"},
    "": {"provider_info"},
}


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def name_in_package(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@cache
def imported(path: Path) -> tuple[str, ...]:
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} has a relative import"
            module = node.module or ""
            is_package = (ROOT.parent / Path(*module.split("."))).is_dir()
            yield from (f"{module}.{alias.name}" for alias in node.names) if is_package else [module]


def covers(prefix: str, name: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def rule_of(module: str) -> set[str]:
    fitting = [prefix for prefix in MAY_IMPORT if prefix and covers(prefix, module)]
    return MAY_IMPORT[max(fitting, key=len, default="")]


@pytest.mark.parametrize("path", modules(), ids=name_in_package)
def test_a_room_imports_only_what_it_may(path: Path) -> None:
    allowed = rule_of(name_in_package(path))
    for name in imported(path):
        own = name.removeprefix(PACKAGE + ".") if covers(PACKAGE, name) else None
        if own is None and name.split(".")[0] in {*sys.stdlib_module_names, "_typeshed"}:
            continue
        assert any(covers(prefix, own or name) for prefix in allowed), f"may not import {name}"


def test_no_circle_of_imports_not_even_for_types() -> None:
    homes = {f"{PACKAGE}.{name_in_package(path)}": path for path in modules() if path.stem != "__init__"}
    sorter = graphlib.TopologicalSorter({name: set(imported(path)) & homes.keys() for name, path in homes.items()})
    sorter.prepare()  # raises CycleError, which says who imports whom


@pytest.mark.parametrize("is_emulator", [False, True], ids=["client", "emulator"])
def test_no_two_classes_bear_one_name(is_emulator: bool) -> None:
    homes: dict[str, list[str]] = {}
    for path in modules():
        if (name := name_in_package(path)).startswith("emulator") is is_emulator:
            for node in tree_of(path).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    homes.setdefault(node.name, []).append(name)
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}


def test_every_room_has_a_rule() -> None:
    rooms = {name_in_package(path).split(".")[0] for path in modules()} - {""}
    assert rooms <= {prefix.split(".")[0] for prefix in MAY_IMPORT}


def test_the_architecture_page_says_what_each_folder_is_for_and_holds() -> None:
    page = (ROOT.parent / "docs" / "architecture.md").read_text()
    for init in sorted(ROOT.rglob("__init__.py")):
        if (folder := init.parent) == ROOT:
            continue
        purpose = ast.get_docstring(tree_of(init))
        files = sorted(path.stem for path in folder.glob("*.py") if path.stem not in {"__init__", "__main__"})
        assert f"| `{folder.relative_to(ROOT)}/` | {purpose} | {', '.join(files)} |" in page


def test_rooms_import_from_their_own_line_of_the_picture_and_from_below() -> None:
    page = (ROOT.parent / "docs" / "architecture.md").read_text()
    picture = page.partition("## Rooms")[2].split("```")[1].strip().splitlines()
    lines = {room: number for number, line in enumerate(picture) for room in line[:37].split()}
    assert {*lines, "emulator"} == {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    above = [
        f"{name_in_package(path)} imports {name}"
        for path in modules()
        for name in imported(path)
        if (room := name_in_package(path).split(".")[0]) in lines and covers(PACKAGE, name)
        if lines.get(name.removeprefix(f"{PACKAGE}.").split(".")[0], len(picture)) < lines[room]
    ]
    assert above == []


def test_tests_of_a_room_are_in_a_folder_of_its_name() -> None:
    tests = ROOT.parent / "tests"
    rooms = [path for path in sorted(ROOT.iterdir()) if path.is_dir() and (tests / path.name).is_dir()]
    folders = {path.parent.relative_to(tests) for room in rooms for path in (tests / room.name).rglob("test_*.py")}
    of_no_room = {str(folder) for folder in folders if not (ROOT / folder).is_dir()}
    assert of_no_room == {"pull/ways"}  # a pull as a whole, whichever way it takes


def test_files_the_architecture_page_names_are_there() -> None:
    page = (ROOT.parent / "docs" / "architecture.md").read_text()
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", page))
    assert {name for name in named if not (ROOT / name).exists() and not (ROOT.parent / name).exists()} == set()


def test_files_are_short() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules()}
    assert {name: lines for name, lines in long.items() if lines > 450} == {}


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            begin = node.body[1 if ast.get_docstring(node) and len(node.body) > 1 else 0].lineno
            yield f"{path.name}:{node.name}", (node.end_lineno or begin) - begin + 1


def test_functions_are_short() -> None:
    lengths = [pair for path in modules() for pair in functions(path)]
    assert {name: lines for name, lines in lengths if lines > 40} == {}
    assert sorted(lines for _, lines in lengths)[len(lengths) // 2] <= 10


def test_a_dag_file_that_imports_the_operator_loads_nothing_heavy() -> None:
    program = (
        "import sys, airflow.sdk\n"
        "from airflow.sdk import BaseOperator\n"
        "before = set(sys.modules)\n"
        "from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator\n"
        "from airflow_provider_voucherify.operators.export import ExportTable, VoucherifyExportOperator\n"
        "from airflow_provider_voucherify.operators.publish_vouchers import PublishVouchersOperator\n"
        "from airflow_provider_voucherify.operators.update_customers_metadata import UpdateCustomersMetadataOperator\n"
        "from airflow_provider_voucherify.load.destinations import WarehouseTable\n"
        "from airflow_provider_voucherify.pull.customers.sources import CustomerQuery\n"
        "print(' '.join(set(sys.modules) - before))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules_loaded = set(run.stdout.splitlines()[-1].split())
    assert f"{PACKAGE}.operators" in modules_loaded
    only_for_calls = {f"{PACKAGE}.api.{name}" for name in ("campaign_models", "http.client", "models", "http.wire")}
    assert modules_loaded & only_for_calls == set()
    loaded = {name.split(".")[0] for name in modules_loaded}
    assert loaded & {"aiohttp", "pandas", "pyarrow", "requests", "sqlalchemy", "uvloop", "voucherify"} == set()
