"""The way that takes the fewest calls, with its cost and the reason in words."""
