"""Where the microseconds of a call go, and what else could carry it: ``python -m benchmarks.clients``."""
