"""Control of a running emulator over its admin surface, the same for a thread and for another process."""

from __future__ import annotations

import http.client
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urlsplit

from airflow_provider_voucherify.emulator import settings
from airflow_provider_voucherify.emulator.giving.campaigns import CampaignSettings, CreationStatus
from airflow_provider_voucherify.emulator.http.faults import Fault
from airflow_provider_voucherify.emulator.http.limits import Limits
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject, as_list, as_object, dump, load
from airflow_provider_voucherify.emulator.shop.movement import Move, Moved
from airflow_provider_voucherify.emulator.state import APP_ID, APP_TOKEN, ProjectSettings
from airflow_provider_voucherify.emulator.stats import Stats
from airflow_provider_voucherify.emulator.switches import Switches
from airflow_provider_voucherify.emulator.truth import CustomerRecord, EventRecord, Membership, PublicationRecord

_TIMEOUT_SECONDS = 120.0


class AdminError(Exception):
    """The emulator refused an admin request; the message says why."""


class EmulatorControl:
    """Looks at and changes an emulator that listens at ``url``.

    Where a method takes ``app_id``, None means the project the emulator was started with.
    """

    def __init__(self, url: str, app_id: str = APP_ID, app_token: str = APP_TOKEN) -> None:
        """Point at an emulator; nothing is sent yet.

        :param url: ``http://host:port``.
        :param app_id: id of its first project.
        :param app_token: token of its first project.
        """
        self.url = url
        self.app_id = app_id
        self.app_token = app_token

    def stats(self) -> Stats:
        """Tell what was asked since the start or the last reset.

        :returns: the statistics.
        """
        return Stats.from_json(as_object(self._call("GET", "stats")))

    def memberships(self, segment_id: str | None = None, app_id: str | None = None) -> list[Membership]:
        """Tell the truth: every membership that shows now.

        :param segment_id: only of this segment.
        :param app_id: of this project.
        :returns: one entry per customer and segment.
        """
        return [Membership.from_json(line) for line in self._lines("memberships", app_id, segment_id)]

    def customers(self, app_id: str | None = None) -> list[CustomerRecord]:
        """Tell who is known now, with which metadata.

        :param app_id: in this project.
        :returns: the customers, in the order in which they came.
        """
        return [CustomerRecord.from_json(line) for line in self._lines("customers", app_id)]

    def publications(self, app_id: str | None = None) -> list[PublicationRecord]:
        """Tell who got which codes; refused publications are not among them.

        :param app_id: in this project.
        :returns: the publications, the oldest first.
        """
        return [PublicationRecord.from_json(line) for line in self._lines("publications", app_id)]

    def events(self, app_id: str | None = None) -> list[EventRecord]:
        """Tell which custom events arrived.

        :param app_id: in this project.
        :returns: the events, the oldest first.
        """
        return [EventRecord.from_json(line) for line in self._lines("events", app_id)]

    def set_limits(self, limits: Limits, app_id: str | None = None) -> None:
        """Put other rate limits in force at once; the calls of the current window stay counted.

        :param limits: all of them.
        :param app_id: for this project.
        """
        self._call("POST", "limits", _with_app_id(settings.to_json(limits), app_id))

    def set_switches(self, switches: Switches) -> None:
        """Behave differently from now on.

        :param switches: all of them.
        """
        self._call("POST", "switches", settings.to_json(switches))

    def set_faults(self, faults: Iterable[Fault] = (), seed: int | None = None) -> None:
        """Make these faults from now on, instead of any others.

        :param faults: in the order in which they are tried; nothing ends all faults.
        :param seed: which calls are hit; None takes the emulator's seed.
        """
        given: list[Json] = [settings.to_json(fault) for fault in faults]
        self._call("POST", "faults", {"faults": given} | ({} if seed is None else {"seed": seed}))

    def reset(self, *, population: bool = False, settings: bool = False) -> None:
        """Start over: counters at zero, windows restarted, faults chosen anew.

        :param population: bring customers and segments back to what the seed gives, and forget campaigns,
            publications, events, bulk updates and who is refused.
        :param settings: also forget limits, switches and faults set since the start, and added projects.
        """
        self._call("POST", "reset", {"population": population, "settings": settings})

    def advance(self, seconds: float) -> None:
        """Put the emulator's clock ahead: what hangs on the date alone changes, and a new window begins.

        :param seconds: how far from real time; an emulator's clock only goes forward.
        :raises AdminError: when that would turn it back.
        """
        self._call("POST", "clock", {"ahead_seconds": seconds})

    def move(self, wanted: Move, app_id: str | None = None) -> Moved:
        """Let customers change, join and leave.

        :param wanted: how much.
        :param app_id: in this project.
        :returns: what moved.
        """
        answer = as_object(self._call("POST", "move", _with_app_id(settings.to_json(wanted), app_id)))
        return settings.changed(Moved(0, 0, 0, 0, 0), answer)

    def add_customers(self, customers: Sequence[JsonObject], app_id: str | None = None) -> list[str]:
        """Add customers as given, with any source id and time of creation.

        :param customers: JSON objects with any of ``id``, ``source_id``, ``created_at``, ``updated_at``,
            profile properties, ``metadata``, ``points``, ``total_amount``, ``total_count``, ``events``.
        :param app_id: to this project.
        :returns: their ids.
        :raises AdminError: when an id is taken or a property is wrong.
        """
        answer = as_object(self._call("POST", "customers", _with_app_id({"customers": list(customers)}, app_id)))
        return [str(one) for one in as_list(answer["ids"])]

    def add_segment(
        self,
        name: str,
        *,
        customers: Sequence[str] | None = None,
        filter: JsonObject | None = None,  # noqa: A002 - the API's own word
        type: str = "static",  # noqa: A002 - the API's own word
        app_id: str | None = None,
    ) -> str:
        """Add a segment.

        :param name: its name.
        :param customers: ids or source ids of the members of a static segment.
        :param filter: filter of a ``passive`` or ``auto-update`` segment.
        :param type: ``static``, ``passive`` or ``auto-update``.
        :param app_id: to this project.
        :returns: its id.
        :raises AdminError: when the definition is wrong.
        """
        members: list[Json] = list(customers or [])
        body: JsonObject = {"name": name, "type": type, "customers": members, "filter": filter}
        return str(as_object(self._call("POST", "segments", _with_app_id(body, app_id)))["id"])

    def add_project(self, project: ProjectSettings, limits: Limits | None = None) -> None:
        """Add a key pair with a population of its own.

        :param project: keys and population; 0 customers and 0 segments make it empty.
        :param limits: its rate limits.
        :raises AdminError: when the app id is that of the first project.
        """
        body = settings.to_json(project) | {"limits": settings.to_json(limits or Limits())}
        self._call("POST", "projects", body)

    def add_campaign(self, campaign: CampaignSettings, app_id: str | None = None) -> str:
        """Add a campaign.

        :param campaign: what it is like.
        :param app_id: to this project.
        :returns: its id.
        :raises AdminError: when the name is empty or taken, or a setting has a value of no use.
        """
        answer = as_object(self._call("POST", "campaigns", _with_app_id(settings.to_json(campaign), app_id)))
        return str(answer["id"])

    def change_campaign(
        self,
        campaign: str,
        *,
        creation_status: CreationStatus | None = None,
        vouchers: int | None = None,
        active: bool | None = None,
        app_id: str | None = None,
    ) -> None:
        """Change a campaign; what is None stays.

        :param campaign: its id or name.
        :param creation_status: only ``DONE`` publishes.
        :param vouchers: how many vouchers are left to publish.
        :param active: whether it is switched on.
        :param app_id: of this project.
        :raises AdminError: when there is no such campaign.
        """
        given: JsonObject = {"creation_status": creation_status, "vouchers": vouchers, "active": active}
        changes: JsonObject = {name: value for name, value in given.items() if value is not None}
        self._call("POST", "campaigns/change", _with_app_id(changes | {"campaign": campaign}, app_id))

    def delete_campaign(self, campaign: str, app_id: str | None = None) -> None:
        """Delete a campaign; what it published stays, and its name is free again.

        :param campaign: its id or name.
        :param app_id: of this project.
        :raises AdminError: when there is no such campaign.
        """
        self._call("POST", "campaigns/delete", _with_app_id({"campaign": campaign}, app_id))

    def refuse(
        self,
        *,
        publications: Mapping[str, str] | None = None,
        bulk_rows: Mapping[str, str] | None = None,
        app_id: str | None = None,
    ) -> None:
        """Refuse some customers from now on, instead of any others.

        :param publications: key of the error, such as ``metadata_validation_failed``, by id or source id.
        :param bulk_rows: key of the error in the result of a bulk update, by source id.
        :param app_id: in this project.
        :raises AdminError: when a publication cannot be refused with such a key.
        """
        body: JsonObject = {"publications": {**(publications or {})}, "rows": {**(bulk_rows or {})}}
        self._call("POST", "refusals", _with_app_id(body, app_id))

    def airflow_connection(self, app_id: str | None = None, app_token: str | None = None) -> dict[str, str]:
        """Write an Airflow connection to this emulator.

        :param app_id: of another project than the first.
        :param app_token: of another project than the first.
        :returns: the JSON form of a connection, as an ``AIRFLOW_CONN_...`` variable may hold it.
        """
        return {
            "conn_type": "voucherify",
            "login": app_id or self.app_id,
            "password": app_token or self.app_token,
            "host": self.url,
        }

    def _call(self, method: str, path: str, body: JsonObject | None = None) -> Json:
        return load(self._send(method, path, body))

    def _lines(self, what: str, app_id: str | None, segment_id: str | None = None) -> list[JsonObject]:
        narrowed = {"app_id": app_id, "segment_id": segment_id}
        query = urlencode({name: value for name, value in narrowed.items() if value is not None})
        lines = self._send("GET", f"{what}?{query}", None).splitlines()
        # As one document: a thousand of one line each take three times as long to read.
        return [as_object(line) for line in as_list(load(b"[%b]" % b",".join(lines)))]

    def _send(self, method: str, path: str, body: JsonObject | None) -> bytes:
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.netloc, timeout=_TIMEOUT_SECONDS)
        try:
            content = None if body is None else dump(body)
            connection.request(method, f"/_emulator/{path}", content, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise AdminError(answer.decode())
        return answer


class OwnEmulator(EmulatorControl, ABC):
    """An emulator that is begun here, and ended with the ``with`` block."""

    @abstractmethod
    def start(self) -> None:
        """Begin; returns when the first request can be made."""

    @abstractmethod
    def stop(self) -> int | None:
        """End; does nothing when it is not running."""

    def __enter__(self) -> Self:
        """Start.

        :returns: the running emulator.
        """
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop.

        :param kind: ignored.
        :param error: ignored.
        :param trace: ignored.
        """
        self.stop()


def _with_app_id(body: JsonObject, app_id: str | None) -> JsonObject:
    return body if app_id is None else body | {"app_id": app_id}
