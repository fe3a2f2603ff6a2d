"""One try of publishing or stamping inside a task."""
