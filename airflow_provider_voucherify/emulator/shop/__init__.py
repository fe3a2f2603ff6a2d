"""Who there is: customers, segments, and who is in what as both change."""
