"""Apache Airflow provider for Voucherify."""

from __future__ import annotations

from airflow_provider_voucherify.provider_info import get_provider_info

__all__ = ["__version__", "get_provider_info"]

__version__ = "0.2.0"
