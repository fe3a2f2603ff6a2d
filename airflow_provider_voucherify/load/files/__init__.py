"""A run as files: parts, and the manifest that makes them count."""
