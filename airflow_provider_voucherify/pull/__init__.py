"""Which calls, in which order: no Airflow, no HTTP library."""
