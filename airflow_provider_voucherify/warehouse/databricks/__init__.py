"""What is Databricks' alone: its transactions, its managed tables, files in volumes, its errors."""
