"""What importing an operator adds to a Dag file, and to a folder of them in the Dag processor."""
