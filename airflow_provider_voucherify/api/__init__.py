"""Voucherify's API and nothing else: no Airflow, no SQL."""
