"""The same pull by whatever a user might pick instead: ``python -m benchmarks.peers``."""
