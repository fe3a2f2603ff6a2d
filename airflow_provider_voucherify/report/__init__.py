"""The page's pictures as one HTML file: ``python -m airflow_provider_voucherify.report --dag ...``."""
