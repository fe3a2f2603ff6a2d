"""One export of any object: asked for, waited for, read; no Airflow, no HTTP library."""
