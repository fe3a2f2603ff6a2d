"""One segment of a million members, and two million ids of a query: what they take."""
