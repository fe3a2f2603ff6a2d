"""Links from tasks in the Airflow UI."""
