"""Waiting for Voucherify."""
