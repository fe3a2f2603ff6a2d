"""What is BigQuery's alone: its client, transactions, files, the resources of its tables, its errors."""
