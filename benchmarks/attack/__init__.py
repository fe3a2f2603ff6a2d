"""Attacks on running tries, one at a time, each judged by what readers see and what is left: ``make attack``."""
