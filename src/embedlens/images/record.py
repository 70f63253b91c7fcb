"""Identifying files: content id and header of each, read in parallel or known from before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from embedlens.arrays.threads import in_threads
from embedlens.images.decode import ImageError, probe
from embedlens.images.levels import DeepRange, Levels
from embedlens.images.source import UNKNOWN, Source

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Record:
    """A file that is a picture.

    Attributes
    ----------
    id : str
        BLAKE2b-128 of its bytes, in hex.
    width, height : int
        Pixels, after the EXIF orientation.
    format : str
        As in `Probe`.
    bytes : int
        Size of the file.
    stamp : int
        As `Source.stamp` gave it.
    hash : int
        As in `Probe`.
    deep : DeepRange, optional
        As in `Probe`.
    """

    id: str
    width: int
    height: int
    format: str
    bytes: int
    stamp: int
    hash: int
    deep: DeepRange | None = None


def read_records(
    source: Source,
    names: Sequence[str],
    known: Mapping[str, Record],
    progress: Progress | None = None,
) -> list[Record | ImageError]:
    """Identify files, on all cores where that pays, one file a thread in memory.

    Parameters
    ----------
    source : Source
        Where the files are.
    names : sequence of str
        Which to identify.
    known : mapping of name to Record
        Earlier records; a file of the same size and stamp is not read again.
    progress : callable, optional
        Called as ``progress(done, total)`` after each file, from this thread.

    Returns
    -------
    list of Record or ImageError
        In the order of `names`; an error where the file cannot be used.
    """
    results: list[Record | ImageError] = []
    for result in in_threads(partial(_read_record, source, known), names):
        results.append(result)
        if progress:
            progress(len(results), len(names))
    return results


def content_id(data: bytes, levels: Levels | None = None) -> str:
    """Return the id of a picture with these bytes: their BLAKE2b-128, in hex.

    Black and white, where the set of the picture gives them, are part of what it shows.
    """
    digest = hashlib.blake2b(data, digest_size=16)
    if levels:
        digest.update(repr(tuple(map(float, levels))).encode())
    return digest.hexdigest()


def _read_record(source: Source, known: Mapping[str, Record], name: str) -> Record | ImageError:
    # Taken before the bytes: a file that changes in between is read again next time.
    size, stamp = source.stamp(name)
    old = known.get(name)
    if old and stamp != UNKNOWN and (old.bytes, old.stamp) == (size, stamp):
        return old
    try:
        data = source.read(name)
        seen = probe(data)
    except ImageError as error:
        return error
    content = content_id(data, seen.deep.levels if seen.deep else None)
    return Record(content, seen.width, seen.height, seen.format, size, stamp, seen.hash, seen.deep)


def share_levels(
    source: Source,
    names: Sequence[str],
    records: Sequence[Record],
    shared: Mapping[str, Levels],
) -> list[Record]:
    """Give all deep pictures of a kind one black and white, which their ids then tell.

    Parameters
    ----------
    source : Source
        Where the files are.
    names : sequence of str
        Theirs.
    records : sequence of Record
        Of all pictures of a set, in the order of the names.
    shared : mapping of str to (float, float)
        The levels, by kind.

    Returns
    -------
    list of Record
        The same, with the levels that are shared; a picture of another kind keeps its own. One that
        has gone in between keeps its id, and is told when it is read.
    """
    changed = list(records)
    for row, record in enumerate(records):
        if record.deep is None or record.deep.kind not in shared:
            continue
        levels, content = shared[record.deep.kind], record.id
        if record.deep.levels != levels:
            with suppress(ImageError):
                content = content_id(source.read(names[row]), levels)
        changed[row] = replace(record, id=content, deep=DeepRange(record.deep.kind, *levels))
    return changed


def known_records(path: Path | None) -> dict[str, Record]:
    """Records in a table that `ImageSet.write` left, by name.

    Parameters
    ----------
    path : Path or None
        The table.

    Returns
    -------
    dict of str to Record
        Empty where the table is absent or is none of ours: that costs time and nothing else.
    """
    if path is None or not path.is_file():
        return {}
    import pyarrow.parquet as pq

    columns = ["path", "id", "width", "height", "format", "bytes", "stamp", "hash"]
    try:
        table = pq.read_table(
            path, columns=[*columns, "kept", "kind"], page_checksum_verification=True
        )
        rows = table.to_pylist()
    except (OSError, ValueError, KeyError):
        return {}
    # A table has signed numbers.
    unsigned = 2**64 - 1
    return {
        row["path"]: Record(
            **{name: row[name] for name in columns[1:-1]}, hash=row["hash"] & unsigned
        )
        for row in rows
        # The range of a deep picture is not kept: it is measured again with that of the others.
        if row["kept"] and not row["kind"]
    }
