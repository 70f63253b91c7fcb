"""Parts of a set: some shards of embedded pictures, each with the places it was made of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.cluster.assembly import features_of
from embedlens.cluster.shards import Shard, read_shard, write_shard, written
from embedlens.cluster.storage import Storage
from embedlens.files import content_key

STEP = "parts"
SHARDS = 64  # of a part: what is added up of a part takes megabytes, whatever its rows


@dataclass(frozen=True)
class Rows:
    """Pictures of one shard that have a class and features, and where they are in it.

    Attributes
    ----------
    ids, paths, labels, splits : list of str
    features : ndarray of shape (rows, d), float32
    """

    ids: list[str]
    paths: list[str]
    labels: list[str]
    splits: list[str]
    features: NDArray[np.float32]


def write_parts(
    storage: Storage, listed: Sequence[Shard], embedded: Sequence[Shard], shards: int = SHARDS
) -> list[Shard]:
    """Write which shards make each part, those parts that are not there.

    Parameters
    ----------
    storage : Storage
        Where the shards are, and where the parts go.
    listed, embedded : sequence of Shard
        In the order of the rows.
    shards : int, default 64
        Of a part, at most.
    """
    found = written(storage, STEP)
    parts = []
    for start in range(0, len(embedded), shards):
        chosen = slice(start, start + shards)
        columns = {
            "listed": [json.dumps(asdict(shard)) for shard in listed[chosen]],
            "embedded": [json.dumps(asdict(shard)) for shard in embedded[chosen]],
        }
        key = content_key(list(columns.values()))
        parts.append(found.get(key) or write_shard(storage, STEP, key, _table(columns)))
    return parts


def rows_of(storage: Storage, part: Any) -> Iterator[Rows]:
    """Yield the labelled pictures of a part that have features, a shard at a time.

    Parameters
    ----------
    storage : Storage
        Where the shards are.
    part : pyarrow.Table
        As `write_parts` wrote it.

    Raises
    ------
    DamagedShard
        If a shard is not what was written.
    """
    for names in part.to_pylist():
        places, table = (
            read_shard(storage, Shard(**json.loads(names[each]))) for each in ("listed", "embedded")
        )
        ids, labels = table["id"].to_pylist(), places["label"].to_pylist()
        paths, splits = places["path"].to_pylist(), places["split"].to_pylist()
        kept = [row for row, each in enumerate(ids) if each and labels[row]]
        yield Rows(
            [ids[row] for row in kept],
            [paths[row] for row in kept],
            [labels[row] for row in kept],
            [splits[row] for row in kept],
            features_of(table)[kept],
        )


def _table(columns: dict[str, list[str]]) -> Any:
    import pyarrow as pa

    return pa.table(columns)
