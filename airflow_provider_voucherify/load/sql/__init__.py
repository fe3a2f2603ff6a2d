"""A run as a SQL table: how its rows pass into it, and become visible at once."""
