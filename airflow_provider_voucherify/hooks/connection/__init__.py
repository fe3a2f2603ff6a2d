"""An Airflow connection read as settings, strictly, and tested."""
