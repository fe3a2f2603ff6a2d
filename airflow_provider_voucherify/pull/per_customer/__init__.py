"""The way that asks for each customer."""
