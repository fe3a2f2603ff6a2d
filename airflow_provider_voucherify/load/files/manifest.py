"""The manifest of a directory: which files are the result; pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from airflow_provider_voucherify.api.models import Json, JsonObject
from airflow_provider_voucherify.load.base import LoadSummary
from airflow_provider_voucherify.load.errors import InvalidDestination
from airflow_provider_voucherify.load.mark import Mark
from airflow_provider_voucherify.load.summary import as_utc, summary_from_json, summary_to_json

MANIFEST = "manifest.json"
_VERSION = 1
#: Tells our manifests from files of others that have the name, such as dbt's.
_MARK = "airflow-provider-voucherify"


@dataclass(frozen=True, slots=True)
class Part:
    """A file of the result.

    :param name: relative to the directory.
    """

    name: str
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a directory holds: the files named here, and no others.

    :param schema: name and type of each column.
    :param run_key: ``dag/run/task/map_index`` of the run that wrote it.
    :param ledger: token of the log it was made from.
    :param failures: the file of the failed customers, if there is one.
    :param replaced: names of the parts of manifests before, which are to be removed.
    :param mark: tells a retry of the try that wrote it that nobody is to be asked; ``None`` in manifests of before.
    """

    format: str
    schema: list[dict[str, str]]
    run_key: str
    fingerprint: str
    ledger: str
    published_at: datetime
    parts: tuple[Part, ...]
    failures: str | None
    summary: LoadSummary
    replaced: tuple[str, ...] = ()
    mark: Mark | None = None

    def to_bytes(self) -> bytes:
        """Return the manifest as a file people can read."""
        said: JsonObject = {
            "written_by": _MARK,
            "version": _VERSION,
            "format": self.format,
            "schema": [dict(column) for column in self.schema],
            "rows": self.summary.memberships,
            "files": [{"name": part.name, "rows": part.rows, "bytes": part.size} for part in self.parts],
            "failures": self.failures,
            "run_key": self.run_key,
            "fingerprint": self.fingerprint,
            "ledger": self.ledger,
            "published_at": as_utc(self.published_at).isoformat(),
            "summary": summary_to_json(self.summary),
            "replaced": [*self.replaced],
            "mark": None if self.mark is None else self.mark.to_json(),
        }
        return json.dumps(said, indent=2, ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest | None:
        """Read a manifest; ``None`` if it is none of ours, or of another version."""
        try:
            said = _object(json.loads(data))
            # Those of the first releases have no mark, and all the rest.
            is_ours = said.get("written_by", _MARK) == _MARK and said["version"] == _VERSION
            return cls._from_json(said) if is_ours else None
        except (AssertionError, KeyError, RecursionError, TypeError, ValueError):
            return None

    @classmethod
    def _from_json(cls, said: JsonObject) -> Manifest:
        schema, files, summary, failures = said["schema"], said["files"], said["summary"], said["failures"]
        replaced = said.get("replaced", [])
        assert isinstance(replaced, list)
        assert isinstance(schema, list)
        assert isinstance(files, list)
        assert isinstance(summary, dict)
        return cls(
            format=str(said["format"]),
            schema=[{str(key): str(value) for key, value in _object(column).items()} for column in schema],
            run_key=str(said["run_key"]),
            fingerprint=str(said["fingerprint"]),
            ledger=str(said["ledger"]),
            published_at=datetime.fromisoformat(str(said["published_at"])),
            parts=tuple(_part(_object(file)) for file in files),
            failures=None if failures is None else str(failures),
            summary=summary_from_json(summary),
            replaced=tuple(str(name) for name in replaced),
            mark=Mark.from_json(said.get("mark")),
        )


def refuse_sibling(theirs: str, ours: str, url: str) -> None:
    """Let a manifest pass that is not of another mapped task of the same run.

    :param theirs: the manifest's key of its run, ``dag/run/task/map_index``.
    :param ours: the key of this run.
    :param url: of the directory.
    :raises InvalidDestination: if it is: one task's files would take the place of the other's.
    """
    (their_run, _, other), (our_run, _, own) = theirs.rpartition("/"), ours.rpartition("/")
    if their_run == our_run and other != own and "-1" not in {other, own}:
        raise InvalidDestination(
            f"{url} holds the files of mapped task {other} of this run: give each a directory of its own, such as "
            'url=".../part={{ ti.map_index }}/"'
        )


def _object(value: Json) -> JsonObject:
    if not isinstance(value, dict):
        raise TypeError("a manifest's columns and files are objects")
    return value


def _part(file: JsonObject) -> Part:
    return Part(str(file["name"]), int(str(file["rows"])), int(str(file["bytes"])))
