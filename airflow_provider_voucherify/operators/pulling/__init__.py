"""One try of a pull inside a task."""
