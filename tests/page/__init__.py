"""The page in a real Chromium on a real Airflow: run by ``make test-page``."""
