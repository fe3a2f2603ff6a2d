"""The link from a task to Voucherify's dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

_API_DOMAIN = "api.voucherify.io"
_DASHBOARD_DOMAIN = "app.voucherify.io"


class VoucherifyDashboardLink(BaseOperatorLink):
    """Leads to the dashboard of the cluster the task's connection names.

    It leads to its first page: the addresses of pages within are documented nowhere.
    """

    name = "Voucherify dashboard"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow's signature
        """Return the dashboard's address, an empty text where there is none.

        :param operator: rendered, with a ``voucherify_conn_id``.
        :param ti_key: of the task instance.
        """
        from airflow.providers.common.compat.sdk import AirflowNotFoundException

        from airflow_provider_voucherify.api.errors import VoucherifyError
        from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook

        try:
            settings = VoucherifyHook(str(getattr(operator, "voucherify_conn_id", ""))).settings
        except (AirflowNotFoundException, VoucherifyError):  # the task itself has failed of it and said so
            return ""
        return dashboard_of(settings.base_url)


def dashboard_of(base_url: str) -> str:
    """Return the address of the dashboard that belongs to an API, an empty text if it is not Voucherify's own.

    :param base_url: of the API, such as ``https://us1.api.voucherify.io``.
    """
    host = (urlsplit(base_url).hostname or "").lower()
    cluster = host.removesuffix(_API_DOMAIN)
    if cluster == host or (cluster and not cluster.endswith(".")):
        return ""
    return f"https://{cluster}{_DASHBOARD_DOMAIN}"
