"""Exports: what can be exported, which rows a filter lets in, and the queue in which files are made."""
