"""The same pull in eight ways: each module has a ``pull`` that leaves the memberships in a SQLite table."""
