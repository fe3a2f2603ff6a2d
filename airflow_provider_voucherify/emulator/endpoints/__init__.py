"""The endpoints of Voucherify that the emulator has, and how their lists are paged."""
