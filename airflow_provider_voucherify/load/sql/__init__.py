"""A run as a SQL table: its ledger beside it, and how it becomes visible."""
