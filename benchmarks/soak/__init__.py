"""Pipelines under kills and faults for minutes on end, then everything against the truth: ``make soak``."""
