"""Measurements a stranger can run: each prints its tables, writes JSON beside them, and compares in one run."""
