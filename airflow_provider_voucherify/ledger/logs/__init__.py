"""Where logs are: one file for each kind of store."""
