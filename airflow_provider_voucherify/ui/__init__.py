"""A page of pictures in Airflow's own UI, as a plugin."""
