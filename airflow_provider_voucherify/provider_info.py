"""What Airflow reads about this provider without importing its hook or operators."""

from __future__ import annotations

_INTEGRATION = "Voucherify"

_CLUSTER: dict[str, object] = {
    "label": "Cluster",
    "description": "Where the project lives. Keys are valid on their own cluster only. "
    "For a dedicated cluster leave this as it is and fill in the base URL above: it wins.",
    "schema": {
        "type": "string",
        "default": "api",
        "enum": ["api", "us1.api", "as1.api"],
        "values_display": {
            "api": "Europe (api.voucherify.io)",
            "us1.api": "United States (us1.api.voucherify.io)",
            "as1.api": "Asia (as1.api.voucherify.io)",
        },
    },
}

_SIGN_IN: dict[str, object] = {
    "auth": {
        "label": "Sign in with",
        "description": "What calls carry: the keys themselves, or a token that is given for them and ends after 15 "
        "minutes (OAuth).",
        "schema": {
            "type": "string",
            "default": "keys",
            "enum": ["keys", "oauth", "oauth2"],
            "values_display": {
                "keys": "API keys",
                "oauth": "OAuth v1 (token for API keys)",
                "oauth2": "OAuth v2 (token for an OAuth Service)",
            },
        },
    },
    "scope": {
        "label": "OAuth scope",
        "description": "What tokens are for, with blanks in between. Empty with OAuth v1: all the keys may do (api).",
        "schema": {"type": ["string", "null"], "examples": ["api", "customers segments"]},
    },
    "project_id": {
        "label": "OAuth project ID",
        "description": "Of the project tokens are for, with OAuth v2: see Project settings.",
        "schema": {"type": ["string", "null"], "examples": ["proj_..."]},
    },
}

_LIMITS: dict[str, object] = {
    "quota_share": {
        "label": "Share of the rate limit",
        "description": "Part of each rate-limit window that tasks may use up, all together, above 0 and up to 1. "
        "Empty: 0.7, which leaves 30 % to your shop and other integrations.",
        "schema": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 1, "examples": [0.7, 0.25]},
    },
    "requests_per_minute": {
        "label": "Calls per minute",
        "description": "A ceiling of your own in calls per minute. Empty: learned from Voucherify's answers.",
        "schema": {"type": ["integer", "null"], "minimum": 1},
    },
    "timeout": {
        "label": "Timeout",
        "description": "Seconds to wait for an answer. Empty: 30.",
        "schema": {"type": ["number", "null"], "exclusiveMinimum": 0, "examples": [30]},
    },
    "exports": {
        "label": "Exports",
        "description": "Whether files of customers may be exported where that takes fewer calls. Empty: no.",
        "schema": {"type": ["boolean", "null"]},
    },
    "api_version": {
        "label": "API version",
        "description": "Version of the Voucherify API to pin. Empty: v2018-08-01.",
        "schema": {"type": ["string", "null"], "examples": ["v2018-08-01"]},
    },
}

_NETWORK: dict[str, object] = {
    "verify": {
        "label": "Verify TLS",
        "description": "Empty or true: check certificates. Path of a CA bundle: check them with it. false: do not.",
        "schema": {"type": ["string", "null"], "examples": ["/etc/ssl/certs/company-ca.pem"]},
    },
    "proxy": {
        "label": "Proxy",
        "description": "URL of an HTTP proxy, such as http://proxy.example.com:3128. Empty: as the environment says.",
        "schema": {"type": ["string", "null"], "format": "password"},
    },
    "trust_env": {
        "label": "Use the environment's proxy and CA bundle",
        "description": "Whether HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE and their like are followed.",
        "schema": {"type": ["boolean", "null"], "default": True},
    },
    "allow_http": {
        "label": "Allow unencrypted HTTP",
        "description": "Whether the keys may travel unencrypted to a host other than this machine.",
        "schema": {"type": ["boolean", "null"], "default": False},
    },
}

_STANDARD_FIELDS: dict[str, object] = {
    # Not the port: the form of Airflow 3.3.1 and later sends 0 for one that is hidden, and the server refuses the test.
    "hidden-fields": ["schema"],
    "relabeling": {
        "port": "Port (usually empty)",
        "login": "Application ID",
        "password": "Secret key",
        "host": "Base URL (dedicated cluster only)",
    },
    "placeholders": {
        "login": "X-App-Id, from Project settings > API keys",
        "password": "X-App-Token, shown once when the keys are made",
        "host": "https://mycompany.api.voucherify.io",
    },
}


#: A wait for the rate limit longer than this is worth giving the worker back, in seconds, unless
#: ``[voucherify] defer_after`` says otherwise.
DEFER_AFTER = 60.0

_DEFER_AFTER: dict[str, object] = {
    "description": "Seconds of waiting for the rate limit from which on a deferrable task gives its worker back.",
    "version_added": "0.2.0",
    "type": "float",
    "example": None,
    "default": f"{DEFER_AFTER:g}",
}


_ASSET_URIS: dict[str, object] = {
    "schemes": ["voucherify"],
    "handler": "airflow_provider_voucherify.assets.voucherify.sanitize_uri",
    "factory": "airflow_provider_voucherify.assets.voucherify.create_asset",
    "to_openlineage_converter": "airflow_provider_voucherify.assets.voucherify.convert_asset_to_openlineage",
}


def get_provider_info() -> dict[str, object]:
    """Return the provider's registration record."""
    from airflow_provider_voucherify import __version__

    return {
        "package-name": "airflow-provider-voucherify",
        "name": _INTEGRATION,
        "description": "Customer segments from Voucherify, the promotion and loyalty API.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://docs.voucherify.io",
                "tags": ["service"],
            }
        ],
        "operators": [
            _modules(
                "airflow_provider_voucherify.operators.customer_segments",
                "airflow_provider_voucherify.operators.export",
                "airflow_provider_voucherify.operators.publish_vouchers",
                "airflow_provider_voucherify.operators.update_customers_metadata",
            )
        ],
        "sensors": [_modules("airflow_provider_voucherify.sensors.segment_ready")],
        "hooks": [_modules("airflow_provider_voucherify.hooks.voucherify")],
        "asset-uris": [_ASSET_URIS],
        "config": {"voucherify": {"description": "The Voucherify provider.", "options": {"defer_after": _DEFER_AFTER}}},
        "connection-types": [connection_type()],
    }


def connection_type() -> dict[str, object]:
    """Return the record of the connection type, its form included."""
    return {
        "connection-type": "voucherify",
        "hook-class-name": "airflow_provider_voucherify.hooks.voucherify.VoucherifyHook",
        "hook-name": _INTEGRATION,
        "ui-field-behaviour": _STANDARD_FIELDS,
        "conn-fields": {"cluster": _CLUSTER, **_SIGN_IN, **_LIMITS, **_NETWORK},
    }


def _modules(*names: str) -> dict[str, object]:
    return {"integration-name": _INTEGRATION, "python-modules": list(names)}
