"""What a newcomer has after ``pip install`` of the wheel alone: run by ``make package`` in a fresh environment."""

from __future__ import annotations

import sys
from pathlib import Path

from airflow.models import DagBag
from airflow.providers_manager import ProvidersManager

import airflow_provider_voucherify
from airflow_provider_voucherify.ui.files import FOLDER
from airflow_provider_voucherify.ui.plugin import VoucherifyPlugin


def main() -> None:
    """Parse every example Dag, and see what Airflow knows of the provider."""
    installed = Path(airflow_provider_voucherify.__file__).parent
    if "site-packages" not in installed.parts:
        sys.exit(f"this is not the wheel: {installed}")
    examples = sorted((installed / "example_dags").glob("*.py"))
    for path in examples:
        bag = DagBag(path, bundle_name="examples")
        if bag.import_errors or not bag.dags:
            sys.exit(f"{path.name}: {bag.import_errors or 'there is no Dag in it'}")
        if not all(dag.description for dag in bag.dags.values()):
            sys.exit(f"{path.name}: a Dag without a description")
    if not VoucherifyPlugin.react_apps or {path.name for path in FOLDER.iterdir()} != {"page.js", "uPlot-LICENSE.txt"}:
        sys.exit(f"the page of Airflow's UI is not there: {sorted(FOLDER.iterdir())}")
    manager = ProvidersManager()  # type: ignore[no-untyped-call]  # Airflow's own signature
    provider = manager.providers["airflow-provider-voucherify"]
    if provider.version != airflow_provider_voucherify.__version__ or not provider.data.get("documentation-url"):
        sys.exit(f"Airflow knows another provider: {provider}")
    sys.stdout.write(f"{len(examples)} example Dags parsed, provider {provider.version} known to Airflow\n")


if __name__ == "__main__":
    main()
