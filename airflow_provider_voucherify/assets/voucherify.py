"""Assets whose URI begins with ``voucherify://``: a project, or one of its segments.

``voucherify://<host>/<application id>`` and ``voucherify://<host>/<application id>/segments/<segment id>``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, unquote, urlsplit

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset
    from airflow.sdk import Asset
    from pydantic.types import JsonValue

SCHEME = "voucherify"
_EXAMPLE = (
    "write voucherify://api.voucherify.io/<application id> for a project, or "
    "voucherify://api.voucherify.io/<application id>/segments/<segment id>"
)


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Return the URI in the one way to write it: the host in small letters, no slash at the end.

    :param uri: as Airflow cut it.
    :raises ValueError: if it names neither a project nor a segment.
    """
    if "@" in uri.netloc:
        raise ValueError(f"an asset of Voucherify names no user and no key, they belong into a connection; {_EXAMPLE}")
    if not uri.netloc or uri.netloc.startswith(":"):
        raise ValueError(f"the host is missing in {uri.geturl()!r}; {_EXAMPLE}")
    if uri.query or uri.fragment:
        raise ValueError(f"{uri.geturl()!r} has a query or a fragment; {_EXAMPLE}")
    path = uri.path.rstrip("/")
    match path.split("/"):
        case ["", app_id] if app_id:
            pass
        case ["", app_id, "segments", segment_id] if app_id and segment_id:
            pass
        case _:
            raise ValueError(f"{uri.geturl()!r} names neither a project nor a segment; {_EXAMPLE}")
    return uri._replace(scheme=SCHEME, netloc=uri.netloc.lower(), path=path)


def create_asset(
    *, host: str, app_id: str, segment_id: str | None = None, extra: Mapping[str, JsonValue] | None = None
) -> Asset:
    """Return the asset of a project, or of one of its segments.

    :param host: of the cluster, such as ``api.voucherify.io``.
    :param app_id: the application id, as in the connection's login; it is no secret.
    :param segment_id: ``seg_...``; ``None`` for the project.
    :param extra: what the asset carries.
    :raises ValueError: if a part is empty or cannot be in a URI.
    """
    from airflow.sdk import Asset

    if not host or not app_id or segment_id == "":
        raise ValueError(f"host={host!r}, app_id={app_id!r}, segment_id={segment_id!r}: none may be empty; {_EXAMPLE}")
    path = quote(app_id, safe="")
    if segment_id is not None:
        path += f"/segments/{quote(segment_id, safe='')}"
    return Asset(uri=f"{SCHEME}://{host}/{path}", extra=None if extra is None else dict(extra))


def convert_asset_to_openlineage(asset: Asset, lineage_context: object) -> Dataset:  # noqa: ARG001 - Airflow's signature
    """Return the asset as an OpenLineage data set: namespace ``voucherify://<host>``, the rest is its name."""
    from airflow.providers.common.compat.openlineage.facet import Dataset

    uri = urlsplit(asset.uri)
    return Dataset(namespace=f"{SCHEME}://{uri.netloc}", name=unquote(uri.path.strip("/")))
