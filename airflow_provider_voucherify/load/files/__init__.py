"""A run as files: its ledger beside them, parts, and the manifest that makes them count."""
