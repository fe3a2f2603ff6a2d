"""The plugin by which Airflow's UI gets the page: in the menu, and as a tab of each Dag and task.

Airflow loads plugins into each of its processes: nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, TypeAlias

from airflow import __version__ as airflow_version
from airflow.providers.common.compat.sdk import AirflowPlugin

from airflow_provider_voucherify.ui.files import FOLDER, version_of_page

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

#: Below the address of Airflow's API server; relative, as Airflow itself may stand below a path of a proxy.
ADDRESS = "voucherify-page"
#: Under one name the UI finds the component, whichever of the places below was opened first.
NAME = "Voucherify"
#: Where the UI looks from: up to Airflow 3.2 from its own script, ``static/assets/index.js``, and then from its root.
_UP = "../../" if airflow_version.startswith(("3.1.", "3.2.")) else ""
_ROUTES = {"nav": "voucherify", "dag": "voucherify-dag", "task": "voucherify-task"}


async def serve(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with one of the files in ``static/``: the page asks Airflow's API for all that it shows."""
    from starlette.staticfiles import StaticFiles

    await StaticFiles(directory=FOLDER)(scope, receive, send)


def _place(destination: str, route: str) -> dict[str, str]:
    bundle = f"{_UP}{ADDRESS}/page.js?v={version_of_page()}"
    return {"name": NAME, "bundle_url": bundle, "destination": destination, "url_route": route, "category": "browse"}


class VoucherifyPlugin(AirflowPlugin):
    """Pictures of segments, calls and vouchers; an Airflow that takes no React apps from plugins goes without."""

    name = "voucherify"
    fastapi_apps = (
        [{"app": serve, "url_prefix": f"/{ADDRESS}", "name": NAME}] if hasattr(AirflowPlugin, "react_apps") else []
    )
    react_apps = [_place(destination, route) for destination, route in _ROUTES.items()] if fastapi_apps else []


if TYPE_CHECKING:
    from starlette.types import ASGIApp

    _: ASGIApp = serve
