"""What is to be embedded: places of pictures in an order, cut into shards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path, PurePath
from typing import Any

from embedlens.cluster.shards import Shard, write_shard, written
from embedlens.cluster.storage import Storage
from embedlens.errors import ImageSetError
from embedlens.files import content_key
from embedlens.images import Problem
from embedlens.images.listing import read_classes
from embedlens.images.location import holds_images, open_source
from embedlens.images.partly_labelled import locate_partly_labelled
from embedlens.images.source import UNKNOWN, FileSource, Source
from embedlens.images.table import TABLE_SUFFIXES
from embedlens.images.url import is_url, read_url

STEP = "listed"
SHARD_ROWS = 1024
_WRITERS = 16  # a bucket answers many at once


@dataclass(frozen=True)
class Listing:
    """Pictures by name, in the order of their rows.

    Attributes
    ----------
    root : str
        Where names start: a folder, an archive or a URL.
    names, labels, splits : list of str
        Names may also be absolute paths and URLs. "" where there is no label or split.
    stamps : list of (int, int)
        As ``Source.stamp``.
    problems : tuple of Problem
        What was set aside, and what the whole was taken for.
    """

    root: str
    names: list[str]
    labels: list[str]
    splits: list[str]
    stamps: list[tuple[int, int]]
    problems: tuple[Problem, ...]


class Reader:
    """Reads pictures by name, wherever a worker runs, without listing a folder or a bucket.

    Parameters
    ----------
    root : str
        As in `Listing`.
    """

    problems: tuple[Problem, ...] = ()

    def __init__(self, root: str) -> None:
        self._root = root
        self._plain = is_url(root) and "::" not in root
        self._source: Source | None = None if self._plain else open_source(root)

    def names(self) -> list[str]:
        """No names: nothing is listed."""
        return []

    def read(self, name: str) -> bytes:
        """Bytes of a picture; `ImageError` where it cannot be read."""
        if is_url(name):
            return read_url(name)
        if self._source is None:
            return read_url(f"{self._root.rstrip('/')}/{name}")
        return self._source.read(name)

    def stamp(self, name: str) -> tuple[int, int]:
        """Nothing: what was listed has it."""
        return -1, UNKNOWN

    def file(self, name: str) -> Path | None:
        """None: a worker points at no file."""
        return None


def list_pictures(where: str) -> Listing:
    """List a folder, an archive, a URL or a table, without reading a picture.

    Pictures of a folder come in the order in which ``ImageSet.read`` has them, the rows of a table
    in that of the table. A table's paths may be URLs; whether they are there is seen when they are
    read.

    Raises
    ------
    ImageSetError
        Nothing is there, or it names no picture.
    """
    if where.lower().endswith(TABLE_SUFFIXES) and not holds_images(Path(where)):
        return _table(where)
    found = locate_partly_labelled(where)
    entries = sorted(found.entries, key=lambda entry: (not entry.label, entry))
    return Listing(
        where,
        [entry.name for entry in entries],
        [entry.label for entry in entries],
        [entry.split for entry in entries],
        [found.source.stamp(entry.name) for entry in entries],
        tuple(found.problems),
    )


def _table(where: str) -> Listing:
    if is_url(where):
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / PurePath(where).name
            copy.write_bytes(read_url(where))
            columns, labels = read_classes(copy)
        root = where.rpartition("/")[0]
        stamps = [(-1, UNKNOWN)] * len(columns.paths)
    else:
        columns, labels = read_classes(Path(where))
        root = str(Path(where).parent)
        local = FileSource(Path(root), ())
        stamps = [(-1, UNKNOWN) if is_url(name) else local.stamp(name) for name in columns.paths]
    if not columns.paths:
        raise ImageSetError(f"{where}: has no row; give a table with the column path")
    names = [name if is_url(name) else PurePath(name).as_posix() for name in columns.paths]
    return Listing(root, names, labels, columns.splits, stamps, tuple(columns.problems))


def write_listing(listing: Listing, storage: Storage, rows: int) -> list[Shard]:
    """Write a listing as shards of about so many rows, those that are not there."""
    found = written(storage, STEP)

    def put(part: slice) -> Shard:
        columns: dict[str, list[Any]] = {
            "path": listing.names[part], "label": listing.labels[part],
            "split": listing.splits[part], "bytes": [size for size, _ in listing.stamps[part]],
            "stamp": [stamp for _, stamp in listing.stamps[part]],
        }  # fmt: skip
        key = content_key(list(columns.values()))
        return found.get(key) or write_shard(storage, STEP, key, _table_of(columns))

    with ThreadPoolExecutor(_WRITERS) as pool:
        return list(pool.map(put, cuts(listing.names, rows)))


def cuts(names: list[str], rows: int) -> Iterator[slice]:
    """Yield slices of about so many names, half of it at least and twice at most.

    A slice ends after a name that its hash chooses: so where names are added or go, the slices
    before and after stay as they are, and what was made of them.
    """
    least = max(1, rows // 2)
    start = 0
    for row, name in enumerate(names):
        size = row + 1 - start
        chosen = int.from_bytes(blake2b(name.encode(), digest_size=8).digest()) % least == 0
        if (size >= least and chosen) or size == 2 * rows:
            yield slice(start, row + 1)
            start = row + 1
    if start < len(names):
        yield slice(start, len(names))


def _table_of(columns: dict[str, list[Any]]) -> Any:
    import pyarrow as pa

    types = {name: pa.string() for name in ("path", "label", "split")}
    types |= {name: pa.int64() for name in ("bytes", "stamp")}
    return pa.table({name: pa.array(values, types[name]) for name, values in columns.items()})
