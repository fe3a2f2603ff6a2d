"""A directory of files, local or in an object store: whole files are put, read, listed and removed."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Protocol

from airflow_provider_voucherify.load.errors import StorageFailed
from airflow_provider_voucherify.load.summary import as_utc

#: Where a file shows only once it is written to its end, under whatever name.
OBJECT_STORES = frozenset(
    {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "wasb", "wasbs", "oci", "oss", "r2", "memory"}
)
_UNFINISHED = ".unfinished-"
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class FileSystem(Protocol):
    """What is asked of an ``fsspec`` file system, such as ``ObjectStoragePath(...).fs``."""

    def pipe_file(self, path: str, value: bytes) -> None:
        """Write a file."""

    def cat_file(self, path: str) -> bytes:
        """Return what a file holds."""

    def find(self, path: str) -> list[str]:
        """Return the paths of all files below a directory."""

    def rm_file(self, path: str) -> None:
        """Remove a file."""

    def mv(self, path1: str, path2: str) -> None:
        """Rename a file."""

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make a directory."""

    def modified(self, path: str) -> datetime:
        """Return when a file was written last; of no use for object stores."""

    def invalidate_cache(self) -> None:
        """Forget earlier listings."""


class Directory:
    """Files by their names relative to a directory; a file is there as a whole or not at all.

    :param files: the file system.
    :param path: the directory's path in it, without scheme.
    :param url: the directory as people write it.
    :param protocol: the scheme of the URL: object stores are written to directly, other file systems under a
        passing name, since a killed process leaves half a file there.
    """

    def __init__(self, files: FileSystem, path: str, *, url: str, protocol: str) -> None:
        self._files = files
        self._path = path.rstrip("/")
        self._is_object_store = protocol in OBJECT_STORES
        self._has_folders = protocol in ("file", "local")
        self.url = url.rstrip("/")

    def new_token(self) -> str:
        """Return a short random text."""
        return uuid.uuid4().hex[:12]

    def url_of(self, name: str) -> str:
        """Return a file's URL."""
        return f"{self.url}/{name}"

    def put(self, name: str, data: bytes) -> None:
        """Write a file, in place of one of the same name.

        :raises StorageFailed: if the file system refused; nothing of the file is left.
        """
        with self._explained("write", name):
            path = self._path_of(name)
            if self._is_object_store:
                self._files.pipe_file(path, data)
                return
            try:
                self._put_whole(path, data)
            except FileNotFoundError:  # another run's end took the empty folder away before there was a file in it
                self._put_whole(path, data)

    def read(self, name: str) -> bytes | None:
        """Return what a file holds, ``None`` if it is not there.

        :raises StorageFailed: if the file system refused.
        """
        with self._explained("read", name):
            try:
                return self._files.cat_file(self._path_of(name))
            except FileNotFoundError:
                return None

    def names(self, below: str = "", *, unfinished: bool = False) -> list[str]:
        """Return the names of all files in the directory and below it, sorted; unfinished ones left out.

        :param below: only those in this directory of the directory, such as ``_ledger``.
        :param unfinished: only what killed writers left behind, and writers at work have not finished.
        :raises StorageFailed: if the file system refused.
        """
        if unfinished and self._is_object_store:
            return []
        with self._explained("list", below or "the directory"):
            self._files.invalidate_cache()
            try:
                paths = self._files.find(self._path_of(below) if below else self._path)
            except FileNotFoundError:
                return []
            names = (path.removeprefix(self._path + "/") for path in paths)
            return sorted(name for name in names if (_UNFINISHED in name) is unfinished)

    def remove(self, name: str) -> None:
        """Remove a file; it may be gone already.

        :raises StorageFailed: if the file system refused.
        """
        with self._explained("remove", name):
            try:
                self._files.rm_file(self._path_of(name))
            except FileNotFoundError:
                return

    def remove_if_older(self, name: str, written_before: datetime) -> None:
        """Remove a file last written before a moment (UTC), where the file system tells.

        :raises StorageFailed: if the file system refused.
        """
        with self._explained("look at", name):
            try:
                written_at = as_utc(self._files.modified(self._path_of(name)))
            except (FileNotFoundError, NotImplementedError):
                return
        if written_at < written_before:
            self.remove(name)

    def remove_empty_folders(self, below: str) -> None:
        """Remove a folder of the directory, with those in it and those above it up to the directory, but for folders
        that hold files; object stores have none."""
        if not (below and self._has_folders):
            return
        folders = [folder for folder, _, _ in os.walk(self._path_of(below), topdown=False)]
        while below := below.rpartition("/")[0]:
            folders.append(self._path_of(below))
        for folder in folders:
            with suppress(OSError):  # it holds a file, or is gone
                os.rmdir(folder)

    def _put_whole(self, path: str, data: bytes) -> None:
        """Write a file that shows under its name once it is whole."""
        parent, _, last = path.rpartition("/")
        self._files.makedirs(parent, exist_ok=True)
        unfinished = f"{parent}/{_UNFINISHED}{self.new_token()}-{last}"
        try:
            self._files.pipe_file(unfinished, data)
            self._files.mv(unfinished, path)
        except BaseException:  # a signal that ends the task as well: there are ids in it
            with suppress(OSError):
                self._files.rm_file(unfinished)
            raise

    def _path_of(self, name: str) -> str:
        return f"{self._path}/{name}"

    @contextmanager
    def _explained(self, doing: str, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not isinstance(error, OSError) and type(error).__module__ == "builtins":
                raise  # a mistake of ours
            # A store's SDK has errors of its own where it got no answer, such as botocore's EndpointConnectionError.
            said = getattr(error, "strerror", None) or str(error).partition("\n")[0][:200]
            advice = "see that the connection may list, read, write and delete there"
            if isinstance(error, OSError) and error.errno in _NO_SPACE:
                advice = f"{self.url} is full, or a quota is: make room there; a retry goes on with what is held"
            raise StorageFailed(
                f"could not {doing} {name} in {self.url}: {type(error).__name__}: {said}; {advice}"
            ) from error


def finished_name(name: str) -> str:
    """Return the name an unfinished file would have got; a finished one has it."""
    folder, unfinished, last = name.rpartition(_UNFINISHED)
    return folder + last.partition("-")[2] if unfinished else name
