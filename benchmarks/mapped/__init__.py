"""Tasks that know nothing of each other on one quota: in virtual time, and for real."""
