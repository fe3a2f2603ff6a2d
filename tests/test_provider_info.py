"""What Airflow learns about the provider, and that it learns it without importing the hook."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest

from airflow_provider_voucherify import __version__, get_provider_info
from airflow_provider_voucherify.api.http.settings import (
    CLUSTERS,
    DEFAULT_API_VERSION,
    DEFAULT_CLUSTER,
    DEFAULT_QUOTA_SHARE,
    DEFAULT_TIMEOUT,
    ApiSettings,
    Auth,
)
from tests.airflow_version import AIRFLOW, needs_airflow

PACKAGE = "airflow-provider-voucherify"
HOOK = "airflow_provider_voucherify.hooks.voucherify"

_ASK_AIRFLOW = """
import io, json, sys
from contextlib import redirect_stdout
from airflow.__main__ import main
from airflow.providers_manager import ProvidersManager
from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
forms = [form.model_dump(mode="json") for form in HookMetaService.hook_meta_data()]
manager = ProvidersManager()
provider = manager.providers["airflow-provider-voucherify"]
before = "airflow_provider_voucherify.hooks.voucherify" in sys.modules
hook = manager.hooks["voucherify"]
def printed(*arguments):
    sys.argv = ["airflow", *arguments, "--output", "json"]
    with redirect_stdout(io.StringIO()) as text:
        main()
    return json.loads(text.getvalue())
provider_printed = printed("providers", "get", "airflow-provider-voucherify", "--full")
hooks_printed = printed("providers", "hooks")
print("ANSWER", json.dumps({
    "provider_printed": provider_printed,
    "hooks_printed": hooks_printed,
    "form": next(form for form in forms if form["connection_type"] == "voucherify"),
    "version": provider.version,
    "data": provider.data,
    "hook_imported_by_form": before,
    "hook": hook._asdict(),
}))
"""


@pytest.fixture(scope="module")
def airflow_says(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what a fresh Airflow gives to its connection form and prints of its providers."""
    home = str(tmp_path_factory.mktemp("airflow-home"))
    done = subprocess.run(
        [sys.executable, "-c", _ASK_AIRFLOW],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"},
    )
    answers = [line for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    assert answers, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(answers[-1].removeprefix("ANSWER "))
    return found


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files("airflow").joinpath(name).read_text())
    return found


def connection_type() -> dict[str, Any]:
    info: dict[str, Any] = get_provider_info()
    (found,) = info["connection-types"]
    return dict(found)


def test_the_record_is_as_airflow_wants_it() -> None:
    jsonschema.validate(get_provider_info(), schema("provider_info.schema.json"))


def test_the_connection_form_is_as_airflow_wants_it() -> None:
    whole = schema("provider.yaml.schema.json")
    part = {**whole["properties"]["connection-types"], "definitions": whole.get("definitions", {})}
    jsonschema.validate(get_provider_info()["connection-types"], part)
    jsonschema.validate(get_provider_info()["integrations"], {**whole["properties"]["integrations"]})


def test_the_fields_are_json_schemas_whose_defaults_fit() -> None:
    for name, field in connection_type()["conn-fields"].items():
        jsonschema.Draft7Validator.check_schema(field["schema"])
        for value in [*field["schema"].get("examples", []), field["schema"].get("default")]:
            if value is not None:
                jsonschema.validate(value, field["schema"])
        assert field["label"], name
        assert field["description"], name


def test_the_clusters_of_the_form_are_the_ones_the_client_knows() -> None:
    cluster = connection_type()["conn-fields"]["cluster"]["schema"]
    assert cluster["enum"] == list(CLUSTERS)
    assert cluster["default"] == DEFAULT_CLUSTER
    for name, label in cluster["values_display"].items():
        assert CLUSTERS[name].removeprefix("https://") in label


def test_the_defaults_the_form_promises_are_true() -> None:
    fields = connection_type()["conn-fields"]
    assert f"Empty: {DEFAULT_QUOTA_SHARE}," in fields["quota_share"]["description"]
    assert f"Empty: {DEFAULT_TIMEOUT:.0f}." in fields["timeout"]["description"]
    assert f"Empty: {DEFAULT_API_VERSION}." in fields["api_version"]["description"]


def test_what_form_and_code_both_hold_is_the_same() -> None:
    fields = connection_type()["conn-fields"]
    defaults = {field.name: field.default for field in dataclasses.fields(ApiSettings)}
    offered = {name: field["schema"]["default"] for name, field in fields.items() if "default" in field["schema"]}
    assert {name: defaults[name] for name in offered.keys() & defaults.keys()} == {"auth": "keys", "trust_env": True}
    assert offered == {"auth": "keys", "trust_env": True, "cluster": DEFAULT_CLUSTER, "allow_http": False}
    assert fields["auth"]["schema"]["enum"] == list(get_args(Auth))
    assert defaults["exports"] is False
    assert "Empty: no." in fields["exports"]["description"]


def test_the_modules_exist() -> None:
    info: dict[str, Any] = get_provider_info()
    modules = [name for kind in ("operators", "hooks") for entry in info[kind] for name in entry["python-modules"]]
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []


def test_airflow_finds_the_provider_by_its_entry_point(airflow_says: dict[str, Any]) -> None:
    assert airflow_says["version"] == importlib.metadata.version(PACKAGE) == __version__
    assert airflow_says["data"]["name"] == "Voucherify"
    assert airflow_says["data"]["versions"] == [__version__]


def test_airflow_finds_the_hook_by_its_connection_type(airflow_says: dict[str, Any]) -> None:
    found = {"dialects": [], **airflow_says["hook"]}  # Airflow 3.1 knows of no dialects
    assert found == {
        "hook_class_name": f"{HOOK}.VoucherifyHook",
        "connection_id_attribute_name": "voucherify_conn_id",
        "package_name": PACKAGE,
        "hook_name": "Voucherify",
        "connection_type": "voucherify",
        "connection_testable": True,
        "dialects": [],
    }


def test_airflow_prints_the_provider_with_hook_operator_and_connection_type(airflow_says: dict[str, Any]) -> None:
    (provider,) = airflow_says["provider_printed"]
    assert HOOK in str(provider["hooks"])
    assert "airflow_provider_voucherify.operators.customer_segments" in str(provider["operators"])
    assert f"{HOOK}.VoucherifyHook" in str(provider["connection-types"])


def test_airflow_prints_the_hook_of_the_connection_type(airflow_says: dict[str, Any]) -> None:
    (ours,) = [hook for hook in airflow_says["hooks_printed"] if hook["connection_type"] == "voucherify"]
    assert (ours["class"], ours["hook_name"]) == (f"{HOOK}.VoucherifyHook", "Voucherify")


@needs_airflow(3, 3, "forms that do not import hooks")
def test_the_form_does_not_import_the_hook(airflow_says: dict[str, Any]) -> None:
    assert airflow_says["hook_imported_by_form"] is False


def test_the_form_labels_the_standard_fields(airflow_says: dict[str, Any]) -> None:
    fields = airflow_says["form"]["standard_fields"]
    assert (fields["login"]["title"], fields["password"]["title"]) == ("Application ID", "Secret key")
    assert fields["host"]["placeholder"] == "https://mycompany.api.voucherify.io"
    assert fields["login"]["placeholder"]
    assert fields["url_schema"]["hidden"]


def test_the_form_shows_the_port_for_those_whose_test_is_refused_without_a_stored_0(
    airflow_says: dict[str, Any],
) -> None:
    assert not airflow_says["form"]["standard_fields"]["port"]["hidden"]


def test_the_form_offers_ways_to_sign_in(airflow_says: dict[str, Any]) -> None:
    auth = airflow_says["form"]["extra_fields"]["auth"]
    assert (auth["value"], auth["schema"]["enum"]) == ("keys", ["keys", "oauth", "oauth2"])
    for meaning in ("API keys", "OAuth v1 (token for API keys)", "OAuth v2 (token for an OAuth Service)"):
        assert meaning in shown_with(auth)


def test_the_form_offers_the_clusters_as_a_dropdown(airflow_says: dict[str, Any]) -> None:
    cluster = airflow_says["form"]["extra_fields"]["cluster"]
    assert cluster["value"] == "api"
    assert cluster["schema"]["title"] == "Cluster"
    assert "United States (us1.api.voucherify.io)" in shown_with(cluster)
    assert cluster["description"].startswith("Where the project lives.")


def shown_with(field: dict[str, Any]) -> str:
    """Return what stands with a field's choices: from Airflow 3.2 on in the dropdown, before in the description."""
    return str(field["schema"].get("values_display") if AIRFLOW >= (3, 2) else field["description"])


def test_the_form_has_every_optional_field(airflow_says: dict[str, Any]) -> None:
    from airflow_provider_voucherify.hooks.connection.parse import KNOWN_EXTRAS

    assert set(airflow_says["form"]["extra_fields"]) == set(KNOWN_EXTRAS) - {"proxies"}


def test_importing_the_package_imports_next_to_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules); import airflow_provider_voucherify as p; p.get_provider_info();"
        "print(sorted(name for name in set(sys.modules) - before if name.split('.')[0] not in sys.stdlib_module_names))"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "['airflow_provider_voucherify', 'airflow_provider_voucherify.provider_info']"
