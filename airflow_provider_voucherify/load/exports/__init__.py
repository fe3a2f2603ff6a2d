"""The rows of an export into a table, files or an XCom."""
