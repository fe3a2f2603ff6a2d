"""The rate limit as arithmetic: how much of a window is ours, and the gate in front of it."""
