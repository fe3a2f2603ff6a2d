"""A run as an XCom: the size guard, and what is kept for a retry."""
