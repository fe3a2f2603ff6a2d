"""What Airflow reads about this provider without importing its hook or operators."""

from __future__ import annotations


def get_provider_info() -> dict[str, object]:
    """Return the provider's registration record."""
    return {
        "package-name": "airflow-provider-voucherify",
        "name": "Voucherify",
        "description": "Customer segments from Voucherify, the promotion and loyalty API.",
    }
