"""dlt's ``rest_api`` source into its ``sqlalchemy`` destination, on SQLite, in parallel."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"

import dlt
from dlt.sources.rest_api import rest_api_source

from benchmarks.peers.job import Job


def pull(job: Job) -> None:
    """Run a pipeline; dlt tries again five times, and waits as the server says after a 429."""
    os.environ["EXTRACT__WORKERS"] = str(job.in_flight)
    os.environ["EXTRACT__MAX_PARALLEL_ITEMS"] = str(2 * job.in_flight)
    folder = Path(job.database).parent / f"{Path(job.database).stem}_dlt"
    pipeline = dlt.pipeline(
        "peers",
        destination=dlt.destinations.sqlalchemy(f"sqlite:///{job.database}"),
        dataset_name="main",
        pipelines_dir=str(folder),
    )
    pipeline.run(_source(job))
    shutil.rmtree(folder)


def _source(job: Job) -> object:
    def customers() -> Iterator[list[dict[str, str]]]:
        for customer_id in job.ids:
            yield [{"id": customer_id}]  # one a page: dlt asks for the customers of a page one after the other

    return rest_api_source(
        {
            "client": {"base_url": job.url, "headers": job.keys, "paginator": "single_page"},
            "resources": [
                dlt.resource(customers, name="customers", selected=False),
                {
                    "name": "memberships",
                    "endpoint": {"path": "/v1/customers/{resources.customers.id}/segments", "data_selector": "data"},
                    "include_from_parent": ["id"],
                    "parallelized": True,
                    "write_disposition": "replace",
                },
            ],
        }
    )
