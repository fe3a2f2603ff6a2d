"""Where files go: Airflow's object storage."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from airflow_provider_voucherify.load.errors import InvalidDestination
from airflow_provider_voucherify.load.files.directory import Directory

if TYPE_CHECKING:
    from airflow_provider_voucherify.load.destinations import ObjectFiles


def directory_of(destination: ObjectFiles) -> Directory:
    """Return the directory of a rendered destination.

    :raises InvalidDestination: if the URL cannot be used, or nothing is installed that serves its scheme.
    """
    from airflow.sdk import ObjectStoragePath

    destination.validate()
    try:
        path = ObjectStoragePath(destination.url, conn_id=destination.conn_id)
        files = path.fs
    except (ImportError, ValueError) as error:
        scheme = destination.url.partition("://")[0]
        raise InvalidDestination(
            f"url={destination.url!r} cannot be opened: {error}. Install the Airflow provider that serves "
            f"{scheme}://, such as apache-airflow-providers-amazon[s3fs] for s3"
        ) from error
    return Directory(files, path.path, url=destination.url, protocol=path.protocol, new_token=_new_token)


def _new_token() -> str:
    return uuid.uuid4().hex[:12]
