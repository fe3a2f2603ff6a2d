"""How many calls a pull takes by each way, and how many the least would be."""
