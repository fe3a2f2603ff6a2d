"""One try of an export inside a task."""
