"""The fan-out Dag on Celery workers, one of which dies."""
