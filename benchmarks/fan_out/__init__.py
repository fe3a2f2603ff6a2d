"""A running Airflow, a Voucherify, a warehouse, and a Dag that gives each batch of customers a mapped task."""

#: So many tasks share this part of the quota.
AT_ONCE = 8
QUOTA_SHARE = 0.7

#: Calls per checkpoint.
CHUNK_SIZE = 50
