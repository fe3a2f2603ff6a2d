"""Any SQL database: connections, catalog, column types, rights."""
