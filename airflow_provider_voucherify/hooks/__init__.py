"""A connection of type `voucherify`: settings, a session for single calls, a client for many."""
