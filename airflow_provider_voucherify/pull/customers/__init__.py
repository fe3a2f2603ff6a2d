"""Who is asked about, and whether Voucherify knows them."""
