"""Features on disk: written row by row as they come, resumable after a kill at any moment.

A finished store is a folder of three files: ``features.npy`` (float32, pictures x features),
``ids.txt`` (the content id of each row) and ``meta.json``. While it is written the folder is
called ``<name>.part`` and holds ``done`` besides, a byte a row, set after the row's numbers have
been written; the last step is a rename. Nothing is ever read from a row whose byte is not set,
nor from a finished store whose bytes are not those of the checksum in ``meta.json``.
A part that was begun for other pictures becomes ``<name>.earlier`` until its rows are taken over.
"""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedlens.files import checksum, write_json

FEATURES, IDS, META = "features.npy", "ids.txt", "meta.json"
_DONE = "done"


class FeatureStore:
    """The features of one backbone, in a folder.

    Parameters
    ----------
    folder : Path
        Where the finished store lies or will lie.
    key : str
        Names everything a row depends on but the picture itself. Rows under another key are
        never reused.
    ids : sequence of str
        The content id of each row. Rows of the same id hold the same features.
    """

    def __init__(self, folder: Path, key: str, ids: Sequence[str]) -> None:
        self.folder = folder
        self.key = key
        self.ids = list(ids)
        self._part = folder.with_name(folder.name + ".part")
        self._earlier = folder.with_name(folder.name + ".earlier")

    def load(self) -> tuple[np.ndarray, dict[str, Any]] | None:
        """Return the features, memory-mapped and read-only, and their record; None if absent."""
        self._finish_rename()
        meta = _read_json(self.folder / META)
        if meta is None or meta.get("key") != self.key or _read_ids(self.folder) != self.ids:
            return None
        if not _intact(self.folder, meta):
            return None
        return np.load(self.folder / FEATURES, mmap_mode="r"), meta

    def writer(self, features: int) -> StoreWriter:
        """Open the store for writing, keeping every row that is already there.

        Parameters
        ----------
        features : int
            Columns.

        Raises
        ------
        OSError
            If the disk cannot hold it.
        """
        shape = (len(self.ids), features)
        if not self._is_ours(self._part):
            self._begin(shape)
        elif _read_ids(self._part) != self.ids:
            shutil.rmtree(self._earlier, ignore_errors=True)
            self._part.rename(self._earlier)
            self._begin(shape)
        writer = StoreWriter(self._part, self.ids, features)
        for folder in filter(self._is_ours, (self.folder, self._earlier)):
            finished = folder == self.folder
            if not finished or _intact(folder, _read_json(folder / META) or {}):
                writer.copy_from(folder)
        return writer

    def finish(self, meta: dict[str, Any]) -> tuple[np.ndarray, dict[str, Any]]:
        """Put the written store in its place and return what `load` would."""
        record = {"key": self.key, **meta, "checksum": _checksum(self._part)}
        write_json(self._part / META, record)
        shutil.rmtree(self._earlier, ignore_errors=True)
        (self._part / _DONE).unlink()
        self._finish_rename()
        loaded = self.load()
        if loaded is None:
            raise OSError(f"{self.folder} changed while it was written; run again.")
        return loaded

    def _is_ours(self, folder: Path) -> bool:
        meta = _read_json(folder / META)
        return meta is not None and meta.get("key") == self.key

    def _begin(self, shape: tuple[int, int]) -> None:
        shutil.rmtree(self._part, ignore_errors=True)
        self._part.mkdir(parents=True)
        with (self._part / FEATURES).open("wb") as file:
            size = file.write(header(shape)) + 4 * shape[0] * shape[1]
            file.flush()
            _reserve(file.fileno(), size)
        (self._part / _DONE).write_bytes(bytes(shape[0]))
        (self._part / IDS).write_text("\n".join(self.ids), encoding="utf-8")
        write_json(self._part / META, {"key": self.key})

    def _finish_rename(self) -> None:
        """Complete a rename that a kill may have cut in two."""
        complete = (self._part / META).is_file() and not (self._part / _DONE).exists()
        if complete:
            shutil.rmtree(self.folder, ignore_errors=True)
            self._part.rename(self.folder)


class StoreWriter:
    """Writes rows of a store in any order.

    Rows go through the file system, not a memory map: a full disk is then an error and not a
    crash, and the process does not grow with what it has written.
    """

    def __init__(self, part: Path, ids: list[str], features: int) -> None:
        self._rows: dict[str, list[int]] = {}
        for row, each in enumerate(ids):
            self._rows.setdefault(each, []).append(row)
        self._ids = ids
        self._bytes = 4 * features
        self._features = (part / FEATURES).open("r+b", buffering=0)
        self._start = (part / FEATURES).stat().st_size - self._bytes * len(ids)
        self._flags = (part / _DONE).open("r+b", buffering=0)
        self._done = np.frombuffer(bytearray(self._flags.read()), np.uint8)

    @property
    def missing(self) -> np.ndarray:
        """The rows still to be computed: the first of each content id."""
        incomplete = (rows for rows in self._rows.values() if not self._done[rows].all())
        return np.array([rows[0] for rows in incomplete], dtype=np.int64)

    @property
    def done(self) -> int:
        """How many rows are written."""
        return int(self._done.sum())

    def write(self, row: int, values: np.ndarray) -> None:
        """Write a picture's features to its row and to those of identical pictures."""
        data = np.ascontiguousarray(values, "<f4").tobytes()
        for same in self._rows[self._ids[row]]:
            self._features.seek(self._start + same * self._bytes)
            _write_all(self._features, data)
            self._flags.seek(same)
            self._flags.write(b"\1")
            self._done[same] = 1

    def copy_from(self, folder: Path) -> None:
        """Take over the rows that another store under the same key holds."""
        flags = folder / _DONE
        done = flags.read_bytes() if flags.exists() else None
        earlier = {
            each: row for row, each in enumerate(_read_ids(folder)) if done is None or done[row]
        }
        values = np.load(folder / FEATURES, mmap_mode="r")
        for row in self.missing:
            if self._ids[row] in earlier:
                self.write(row, values[earlier[self._ids[row]]])

    def close(self) -> None:
        """Close the files; rows written so far stay."""
        self._features.close()
        self._flags.close()


def header(shape: tuple[int, int]) -> bytes:
    """Return how a file of features begins; its rows follow, float32."""
    file = io.BytesIO()
    said = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, said)
    return file.getvalue()


def read_features(folder: Path) -> np.ndarray:
    """Return the features of a finished folder, memory-mapped and read-only."""
    values: np.ndarray = np.load(folder / FEATURES, mmap_mode="r")
    return values


def read_meta(folder: Path) -> dict[str, Any]:
    """Return the record of a folder; empty where there is none."""
    return _read_json(folder / META) or {}


def holds_features_of(folder: Path, ids: Sequence[str]) -> bool:
    """Return whether a finished folder is of these pictures, in this order."""
    return _read_ids(folder) == list(ids)


def seal(folder: Path, key: str, ids: Sequence[str]) -> None:
    """Finish a folder whose ``features.npy`` was written whole: add its ids and its record."""
    (folder / IDS).write_text("\n".join(map(str, ids)), encoding="utf-8")
    write_json(folder / META, {"key": key, "checksum": _checksum(folder)})


def is_sealed(folder: Path, key: str) -> bool:
    """Return whether a folder was finished under this key, and has not been damaged since."""
    meta = read_meta(folder)
    return meta.get("key") == key and _intact(folder, meta)


def _write_all(file: Any, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _reserve(descriptor: int, size: int) -> None:
    """Take the disk space now: better no room at the start than none at the end."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.truncate(descriptor, size)


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return read


def _checksum(folder: Path) -> str:
    """Hash what the rows are read from: a disk or a copy can go wrong without an error."""
    return checksum(folder / IDS, folder / FEATURES)


def _intact(folder: Path, meta: dict[str, Any]) -> bool:
    try:
        return bool(meta.get("checksum") == _checksum(folder))
    except OSError:
        return False


def _read_ids(folder: Path) -> list[str]:
    try:
        return (folder / IDS).read_text(encoding="utf-8").split("\n")
    except OSError:
        return []
