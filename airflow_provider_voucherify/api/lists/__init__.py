"""Lists of any length, page by page: none lost, none doubled; pure."""
