"""A local Voucherify over real HTTP: ``with Emulator() as emulator`` or ``python -m ...emulator``."""

from __future__ import annotations

from airflow_provider_voucherify.emulator.control import AdminError, EmulatorControl
from airflow_provider_voucherify.emulator.emulator import Emulator
from airflow_provider_voucherify.emulator.giving.campaigns import CampaignSettings
from airflow_provider_voucherify.emulator.http.faults import Fault
from airflow_provider_voucherify.emulator.http.limits import Limits
from airflow_provider_voucherify.emulator.process import EmulatorProcess
from airflow_provider_voucherify.emulator.shop.movement import Move, Moved
from airflow_provider_voucherify.emulator.state import ProjectSettings
from airflow_provider_voucherify.emulator.stats import Stats, WindowStats
from airflow_provider_voucherify.emulator.switches import Switches
from airflow_provider_voucherify.emulator.truth import CustomerRecord, EventRecord, Membership, PublicationRecord

__all__ = [
    "AdminError",
    "CampaignSettings",
    "CustomerRecord",
    "Emulator",
    "EmulatorControl",
    "EmulatorProcess",
    "EventRecord",
    "Fault",
    "Limits",
    "Membership",
    "Move",
    "Moved",
    "ProjectSettings",
    "PublicationRecord",
    "Stats",
    "Switches",
    "WindowStats",
]
