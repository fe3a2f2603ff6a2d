"""A client we did not write agrees with the emulator about exports: the official SDK."""

from __future__ import annotations

import pytest
from voucherify.api.exports_api import ExportsApi
from voucherify.api_client import ApiClient
from voucherify.configuration import Configuration
from voucherify.exceptions import NotFoundException
from voucherify.models.exports_create_request_body import ExportsCreateRequestBody

from airflow_provider_voucherify.emulator import Emulator


def test_an_export_from_first_to_last(emulator: Emulator) -> None:
    keys = {"X-App-Id": emulator.app_id, "X-App-Token": emulator.app_token}
    with ApiClient(Configuration(host=emulator.url, api_key=keys, retries=False)) as client:
        exports = ExportsApi(client)
        wanted = {"exported_object": "customer", "parameters": {"fields": ["id", "source_id"], "order": "created_at"}}
        made = exports.create_export(exports_create_request_body=ExportsCreateRequestBody.from_dict(wanted))
        assert made.status == "SCHEDULED"
        export_id = str(made.id)
        done = exports.get_export(export_id)
        assert done.status == "DONE"
        assert done.result is not None
        assert f"/download/exports/{export_id}?token=" in str(done.result.url)
        assert [one.id for one in exports.list_exports(limit=5).exports or []] == [export_id]
        exports.delete_export(export_id)
        with pytest.raises(NotFoundException):
            exports.get_export(export_id)
