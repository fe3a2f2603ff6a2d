"""A local Voucherify over real HTTP: ``with Emulator() as emulator`` or ``python -m ...emulator``."""

from __future__ import annotations

from airflow_provider_voucherify.emulator.control import AdminError, EmulatorControl, Membership
from airflow_provider_voucherify.emulator.emulator import Emulator
from airflow_provider_voucherify.emulator.faults import Fault
from airflow_provider_voucherify.emulator.limits import Limits
from airflow_provider_voucherify.emulator.movement import Move, Moved
from airflow_provider_voucherify.emulator.process import EmulatorProcess
from airflow_provider_voucherify.emulator.state import ProjectSettings
from airflow_provider_voucherify.emulator.stats import Stats, WindowStats
from airflow_provider_voucherify.emulator.switches import Switches

__all__ = [
    "AdminError",
    "Emulator",
    "EmulatorControl",
    "EmulatorProcess",
    "Fault",
    "Limits",
    "Membership",
    "Move",
    "Moved",
    "ProjectSettings",
    "Stats",
    "Switches",
    "WindowStats",
]
