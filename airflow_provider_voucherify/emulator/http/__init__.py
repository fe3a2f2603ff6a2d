"""From bytes to an answer: the socket, keys, rate limits, faults, and the admin surface."""
