"""Giving codes: one to one customer, however often answers are lost."""
