"""What can be asked of Voucherify and given by it."""
