"""The members of a segment as a file for an ad platform or a mailing tool.

**What.** Pulls who is in the segment *At risk* of those who agreed to advertising, into JSON Lines with a manifest,
and writes ``audience.csv`` beside them: one column with the SHA-256 of each e-mail address in small letters, the form
in which ad platforms match customers. The addresses come from the warehouse. A folder a day; a run done again
replaces its own files.

**For whom.** The performance marketing team. A mailing tool that knows the shop's customer ids takes the JSON Lines.

**Needs.** A connection ``voucherify_default`` (type Voucherify); a connection ``warehouse`` (any SQL database with an
Airflow hook) with a table ``customers(customer_id, email, ads_allowed)``; the Airflow variable ``audiences``, a
folder such as ``s3://marketing/audiences``. For a store whose keys are in an Airflow connection, name that in
``conn_id`` of ``ObjectFiles`` and of ``ObjectStoragePath``.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta

from airflow.sdk import DAG, BaseHook, ObjectStoragePath, task

from airflow_provider_voucherify.operators.customer_segments import (
    CustomerQuery,
    CustomerSegmentsOperator,
    ObjectFiles,
)

SEGMENT = "At risk"
AGREED = "FROM customers WHERE ads_allowed = 1 AND email IS NOT NULL"

with DAG(
    dag_id="audience_files",
    description="The members of a segment as a file for an ad platform or a mailing tool",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow reads it as UTC
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    tags=["voucherify"],
):
    pull_audience = CustomerSegmentsOperator(
        task_id="pull_audience",
        customers=CustomerQuery(f"SELECT customer_id {AGREED}", conn_id="warehouse"),
        segments=[SEGMENT],
        destination=ObjectFiles(
            "{{ var.value.audiences }}/day={{ (dag_run.logical_date or dag_run.run_after) | ds }}/", format="jsonl"
        ),
        deferrable=True,
        retries=3,
        retry_delay=timedelta(minutes=2),
    )

    @task(retries=3)
    def write_audience(summary: dict[str, str]) -> int:
        """Write ``audience.csv`` beside the files the manifest names; return how many customers are in it."""
        manifest = ObjectStoragePath(summary["manifest"])
        members: set[str] = set()
        for file in json.loads(manifest.read_text())["files"]:
            lines = (manifest.parent / file["name"]).read_bytes().splitlines()  # of a text it would cut at U+2028 too
            members.update(json.loads(line)["customer_id"] for line in lines)
        emails = BaseHook.get_hook("warehouse").get_records(f"SELECT customer_id, email {AGREED}")
        agreed = [email.strip().lower() for id_, email in emails if str(id_) in members]
        hashes = {hashlib.sha256(email.encode()).hexdigest() for email in agreed}
        (manifest.parent / "audience.csv").write_text("\n".join(["email_sha256", *sorted(hashes)]) + "\n")
        return len(hashes)

    write_audience(pull_audience.output)
