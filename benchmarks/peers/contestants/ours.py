"""Our operator, run by the Task SDK's task runner."""

from __future__ import annotations

import json
import os

from airflow_provider_voucherify.load.destinations import WarehouseTable
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator, Pace
from benchmarks.peers.death import Statements, die
from benchmarks.peers.job import Job
from tests.run_op import OperatorRunner


def pull(job: Job) -> None:
    """Run the operator with the whole of the limit for itself, as everybody else takes it."""
    voucherify = {"conn_type": "voucherify", "host": job.url, "login": job.app_id, "password": job.app_token}
    os.environ["AIRFLOW_CONN_VOUCHERIFY_DEFAULT"] = json.dumps(voucherify)
    os.environ["AIRFLOW_CONN_PEERS_WAREHOUSE"] = json.dumps({"conn_type": "sqlite", "host": job.database})
    operator = CustomerSegmentsOperator(
        task_id="pull",
        customers=job.ids,
        destination=WarehouseTable("memberships", conn_id="peers_warehouse", write="replace"),
        strategy="per_customer",
        quota_share=1.0,
        pace=Pace(concurrency=job.in_flight),
        post_execute=(lambda *_: die()) if job.death == "published, before the task ends" else None,
    )
    if job.death is not None:
        Statements(job.death).watch()
    run = OperatorRunner()(operator, try_number=job.try_number)
    if run.error is not None:
        raise run.error
