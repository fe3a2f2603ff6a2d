"""Voucherify's projects and segments as Airflow assets."""
