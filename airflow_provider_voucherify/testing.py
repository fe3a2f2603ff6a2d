"""pytest plugin: the Voucherify emulator as a fixture for Dag authors."""
