"""What becomes of XComs that are pushed."""

from __future__ import annotations


def keeps_each_push() -> bool:
    """Return whether the XCom backend stores values in a way of its own, as ``XComObjectStorageBackend`` does.

    Airflow pushes what a task returns. To push it before as well leaves the first object where it is, and nothing names
    it any more: neither a clear nor a purge of XComs finds it.
    """
    from airflow.sdk.bases.xcom import BaseXCom
    from airflow.sdk.execution_time.xcom import XCom

    return XCom.serialize_value is not BaseXCom.serialize_value
