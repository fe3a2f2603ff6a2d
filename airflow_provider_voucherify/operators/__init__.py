"""Thin shells around the rooms below: open, run, defer, report."""
