"""Shards become the folder of features that one machine writes, byte for byte."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import numpy as np

from embedlens.cluster.embedding import FACTS
from embedlens.cluster.shards import DamagedShard, Shard, read_shard
from embedlens.cluster.storage import Storage
from embedlens.errors import EmbedlensError, ImageSetError
from embedlens.features.store import FEATURES, IDS, META, header
from embedlens.files import content_key

IMAGES = "images.parquet"
_READERS = 8


def is_assembled(storage: Storage, key: str, shards: Sequence[Shard]) -> bool:
    """Return whether the folder is there, of these shards, and its bytes are those written."""
    meta = storage.read_json(META)
    if (meta.get("key"), meta.get("shards")) != (key, _name_of(shards)):
        return False
    digest = hashlib.blake2b(digest_size=16)
    try:
        for name in (IDS, FEATURES):
            for piece in storage.pieces(name):
                digest.update(piece)
    except OSError:
        return False
    return bool(meta["checksum"] == digest.hexdigest())


def assemble(
    storage: Storage, key: str, shards: Sequence[Shard], record: dict[str, Any]
) -> dict[str, Any]:
    """Write ``ids.txt``, ``features.npy`` and, when they are complete, ``meta.json``.

    Memory stays flat: a shard is held at a time.

    Parameters
    ----------
    storage : Storage
        Where shards are, and where the files go.
    key : str
        Of the recipe.
    shards : sequence of Shard
        Embedded pictures, in the order of the rows.
    record : dict
        What else is worth recording.

    Returns
    -------
    dict
        What ``meta.json`` says.

    Raises
    ------
    DamagedShard
        If a shard is not what was written.
    ImageSetError
        If no picture can be read.
    EmbedlensError
        If shards were made by engines that differ.
    """
    storage.delete(META)
    digest = hashlib.blake2b(digest_size=16)
    rows = _write_ids(storage, shards, digest)
    said = _facts(storage, shards[0])
    with storage.writing(FEATURES) as file:
        for number, table in enumerate(_tables(storage, shards)):
            if json.loads(table.schema.metadata[FACTS]) != said:
                raise EmbedlensError(
                    f"Nodes ran engines that differ: {shards[number].name} and {shards[0].name} "
                    "say other things of the network. Make the nodes alike, delete the folder "
                    f"shards in {storage}, and run again."
                )
            values = features_of(table)[good_rows(table)]
            pieces = [values.tobytes()]
            if number == 0:
                pieces.insert(0, header((rows, values.shape[1])))
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
    made = {"features": values.shape[1], "embedded": rows, "shards": _name_of(shards)}
    meta = {"key": key, **record, **said, **made, "checksum": digest.hexdigest()}
    storage.write(META, json.dumps(meta, indent=1).encode())
    return meta


def features_of(table: Any) -> np.ndarray:
    """Return the features of a shard, float32 (rows, d); zeros where a row has none."""
    column = table["features"].combine_chunks()
    values: np.ndarray = column.flatten().to_numpy().reshape(len(table), -1)
    return values


def good_rows(table: Any) -> np.ndarray:
    """Return which rows of a shard have features, bool of shape (rows,)."""
    return np.array([not reason for reason in table["reason"].to_pylist()], bool)


def _write_ids(storage: Storage, shards: Sequence[Shard], digest: Any) -> int:
    """Write the ids of all rows that have features; return how many there are."""
    rows = 0
    with storage.writing(IDS) as file:
        for ids in _ahead(storage, _ids, shards):
            text = "\n".join(([""] if rows and ids else []) + ids).encode()
            digest.update(text)
            file.write(text)
            rows += len(ids)
    if not rows:
        first = next(filter(None, read_shard(storage, shards[0])["reason"].to_pylist()))
        raise ImageSetError(f"no picture can be read (the first: {first}); mend or replace them")
    return rows


def _ids(storage: Storage, shard: Shard) -> list[str]:
    """Read the ids alone; the whole file is compared with its checksum when its rows are read."""
    import pyarrow as pa

    try:
        with storage.open(shard.name) as file:
            options = pa.ipc.IpcReadOptions(included_fields=[0])
            ids = pa.ipc.open_file(file, options=options).read_all()["id"].to_pylist()
    except (OSError, pa.ArrowInvalid) as error:
        raise DamagedShard(shard) from error
    return [each for each in ids if each]


def _facts(storage: Storage, shard: Shard) -> Any:
    return json.loads(read_shard(storage, shard).schema.metadata[FACTS])


def _tables(storage: Storage, shards: Sequence[Shard]) -> Iterator[Any]:
    return _ahead(storage, read_shard, shards)


def _ahead(storage: Storage, read: Any, shards: Sequence[Shard]) -> Iterator[Any]:
    """Yield what is read of each shard in order, some of them ahead in other threads."""
    with ThreadPoolExecutor(_READERS) as pool:
        for start in range(0, len(shards), _READERS):
            some = shards[start : start + _READERS]
            yield from pool.map(lambda shard: read(storage, shard), some)


def _name_of(shards: Sequence[Shard]) -> str:
    return content_key([shard.name for shard in shards])


def write_images(
    storage: Storage, listed: Sequence[Shard], identified: Sequence[Shard],
    embedded: Sequence[Shard], shared: dict[str, Any],
) -> int:  # fmt: skip
    """Write ``images.parquet``: a row a listed picture, whether it is kept, and the problem if not.

    Rows that are kept are those of the features, in their order. Returns how many are not.
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    aside = 0
    tables = (
        _images(read_shard(storage, a), read_shard(storage, b), read_shard(storage, c), shared)
        for a, b, c in zip(listed, identified, embedded, strict=True)
    )
    first = next(tables)
    with (
        storage.writing(IMAGES) as file,
        pq.ParquetWriter(file, first.schema, write_page_checksum=True) as writer,
    ):
        for table in chain([first], tables):
            writer.write_table(table)
            aside += len(table) - pc.sum(table["kept"]).as_py()
    return aside


def _images(places: Any, headers: Any, rows: Any, shared: dict[str, Any]) -> Any:
    import pyarrow as pa

    reasons = rows["reason"].to_pylist()
    kinds = headers["kind"].fill_null("").to_pylist()
    levels = [shared[kind].levels if kind else (np.nan, np.nan) for kind in kinds]
    hashes = headers["hash"].fill_null(0).to_numpy().view(np.int64)
    columns = {
        "path": places["path"], "id": rows["id"], "label": places["label"],
        "split": places["split"], "width": headers["width"].fill_null(0),
        "height": headers["height"].fill_null(0), "format": headers["format"].fill_null(""),
        "bytes": places["bytes"], "stamp": places["stamp"], "hash": hashes,
        "kind": kinds, "black": [black for black, _ in levels],
        "white": [white for _, white in levels],
        "kept": [not reason for reason in reasons],
        "problem": [f"unreadable: {reason}" if reason else "" for reason in reasons],
    }  # fmt: skip
    return pa.table(columns)
