"""Pulls in virtual time: the real planner, window, gate and client against a server that is simulated."""
