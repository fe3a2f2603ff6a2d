"""A run as an XCom: its ledger in Airflow's task state store, and the size guard."""
