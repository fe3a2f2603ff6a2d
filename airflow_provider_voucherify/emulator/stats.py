"""What was asked of the emulator, as people and tests read it."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_provider_voucherify.emulator.http.limits import ChannelCount
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject, as_list, as_object
from airflow_provider_voucherify.emulator.state import EndpointCount


@dataclass(frozen=True, slots=True)
class WindowStats:
    """One rate-limit window of one key pair.

    :param start: seconds since 1970 (UTC); ``end`` likewise.
    :param limit: permitted calls, None without a limit.
    :param used: calls that were counted.
    :param rejected: calls that were refused, which count nothing.
    :param channels: the same by value of ``X-Voucherify-Channel``.
    """

    app_id: str
    start: float
    end: float
    limit: int | None
    used: int
    rejected: int
    channels: dict[str, ChannelCount]


@dataclass(frozen=True, slots=True)
class KeyStats:
    """What one key pair asked."""

    calls: int
    rejected: int
    repeated: int
    endpoints: dict[str, EndpointCount]


@dataclass(frozen=True, slots=True)
class Stats:
    """What was asked since the start or the last reset.

    :param calls: calls that were acted upon and counted, whatever their answer.
    :param rejected: calls refused with 429.
    :param repeated: answered GET calls whose very same request had been answered before.
    :param unauthorized: requests without valid keys.
    :param requests: all API requests that arrived, those lost to faults included.
    :param cpu_seconds: CPU time of the server's thread since it started.
    :param endpoints: counts by ``METHOD /path/{id}``.
    :param channels: counts by value of ``X-Voucherify-Channel``.
    :param faults: faults made, by kind.
    :param answers: answers by status.
    :param keys: counts by app id.
    :param windows: rate-limit windows in the order of their start.
    """

    calls: int = 0
    rejected: int = 0
    repeated: int = 0
    unauthorized: int = 0
    requests: int = 0
    cpu_seconds: float = 0.0
    endpoints: dict[str, EndpointCount] = field(default_factory=dict)
    channels: dict[str, ChannelCount] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    answers: dict[int, int] = field(default_factory=dict)
    keys: dict[str, KeyStats] = field(default_factory=dict)
    windows: list[WindowStats] = field(default_factory=list)

    @classmethod
    def from_json(cls, document: JsonObject) -> Stats:
        """Read the answer of ``GET /_emulator/stats``."""
        return cls(
            calls=_int(document["calls"]),
            rejected=_int(document["rejected"]),
            repeated=_int(document["repeated"]),
            unauthorized=_int(document["unauthorized"]),
            requests=_int(document["requests"]),
            cpu_seconds=_float(document["cpu_seconds"]),
            endpoints=_endpoints(document["endpoints"]),
            channels=_channels(document["channels"]),
            faults={kind: _int(number) for kind, number in as_object(document["faults"]).items()},
            answers={int(status): _int(number) for status, number in as_object(document["answers"]).items()},
            keys={key: _key(as_object(value)) for key, value in as_object(document["keys"]).items()},
            windows=[_window(as_object(one)) for one in as_list(document["windows"])],
        )


def _key(document: JsonObject) -> KeyStats:
    return KeyStats(
        calls=_int(document["calls"]),
        rejected=_int(document["rejected"]),
        repeated=_int(document["repeated"]),
        endpoints=_endpoints(document["endpoints"]),
    )


def _window(document: JsonObject) -> WindowStats:
    limit = document["limit"]
    return WindowStats(
        app_id=str(document["app_id"]),
        start=_float(document["start"]),
        end=_float(document["end"]),
        limit=None if limit is None else _int(limit),
        used=_int(document["used"]),
        rejected=_int(document["rejected"]),
        channels=_channels(document["channels"]),
    )


def _endpoints(document: Json) -> dict[str, EndpointCount]:
    counts = {name: as_object(value) for name, value in as_object(document).items()}
    return {name: EndpointCount(_int(one["calls"]), _int(one["rejected"])) for name, one in counts.items()}


def _channels(document: Json) -> dict[str, ChannelCount]:
    counts = {name: as_object(value) for name, value in as_object(document).items()}
    return {name: ChannelCount(_int(one["calls"]), _int(one["rejected"])) for name, one in counts.items()}


def _int(value: Json) -> int:
    if not isinstance(value, int):
        raise TypeError(f"not a whole number: {value!r}")
    return value


def _float(value: Json) -> float:
    if not isinstance(value, int | float):
        raise TypeError(f"not a number: {value!r}")
    return float(value)
