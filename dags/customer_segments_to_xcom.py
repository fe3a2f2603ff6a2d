"""The segments of a few customers through XCom, on demand.

**What.** Takes customer ids from the run's parameters, asks Voucherify for their segments and hands the rows to the
next task, which counts them by segment.

**For whom.** Dag authors who need the segments of a handful of customers inside a Dag; for more than a few thousand
rows write to a table instead.

**Needs.** A connection ``voucherify_default`` (type Voucherify).
"""

from __future__ import annotations

from collections import Counter

from airflow.sdk import DAG, Param, task

from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator

with DAG(
    dag_id="customer_segments_to_xcom",
    description="The segments of a few customers through XCom, on demand",
    schedule=None,
    catchup=False,
    doc_md=__doc__,
    tags=["voucherify"],
    params={
        "customer_ids": Param(
            ["customer-0000001", "customer-0000002", "customer-0000003"],
            type="array",
            items={"type": "string"},
            description="Voucherify's ids (cust_...) or your source_ids",
        )
    },
    render_template_as_native_obj=True,
):
    pull_segments = CustomerSegmentsOperator(task_id="pull_segments", customers="{{ params.customer_ids }}")

    @task
    def count_by_segment(rows: list[dict[str, str]]) -> dict[str, int]:
        """Return the number of customers per segment name."""
        return dict(Counter(row["segment_name"] for row in rows).most_common())

    count_by_segment(pull_segments.output)
