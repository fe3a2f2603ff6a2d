"""Servers that stand in for warehouses nobody can run at home."""
