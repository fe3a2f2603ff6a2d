"""The way that exports each segment, and everyone by one export."""
