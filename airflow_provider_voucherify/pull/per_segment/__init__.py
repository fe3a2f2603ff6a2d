"""The way that lists each segment."""
