"""Shards: tables of some thousand rows, named by what they depend on and by their content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from embedlens.cluster.storage import Storage
from embedlens.errors import EmbedlensError

Result = TypeVar("Result")

_DAMAGED = 10  # shards that a run makes again before it blames the storage
_NAME = re.compile(r"([0-9a-f]{32})-(\d+)-([0-9a-f]{32})\.arrow")


@dataclass(frozen=True, order=True)
class Shard:
    """A table that a step has made.

    Two that were made of the same with the same result have one name: writing one twice changes
    nothing.

    Attributes
    ----------
    step : str
        Which step; its folder.
    key : str
        All that the table depends on, 32 hexadecimal digits.
    rows : int
    checksum : str
        BLAKE2b-128 of the file.
    """

    step: str
    key: str
    rows: int
    checksum: str

    @property
    def name(self) -> str:
        """Its file in the storage."""
        return f"{folder_of(self.step)}/{self.key}-{self.rows}-{self.checksum}.arrow"


class DamagedShard(Exception):
    """A shard is gone, or its bytes are not those that were written."""

    def __init__(self, shard: Shard) -> None:
        super().__init__(shard)
        self.shard = shard


def folder_of(step: str) -> str:
    """Return the folder of a step's shards."""
    return f"shards/{step}"


def write_shard(storage: Storage, step: str, key: str, table: Any) -> Shard:
    """Write a ``pyarrow.Table`` and return where it is."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    data = sink.getvalue()
    shard = Shard(step, key, table.num_rows, _checksum(data))
    storage.write(shard.name, data)
    return shard


def read_shard(storage: Storage, shard: Shard) -> Any:
    """Return the table of a shard, after its bytes were compared with its checksum.

    Raises
    ------
    DamagedShard
        If they are others, or are gone.
    """
    import pyarrow as pa

    try:
        data = storage.read(shard.name)
    except FileNotFoundError as error:
        raise DamagedShard(shard) from error
    if _checksum(data) != shard.checksum:
        raise DamagedShard(shard)
    return pa.ipc.open_file(data).read_all()


def written(storage: Storage, step: str) -> dict[str, Shard]:
    """Return the shards of a step that are there, by key.

    Of two of one key, as processors of two kinds make them, the first by its checksum counts.
    """
    found: dict[str, Shard] = {}
    for name in storage.names(folder_of(step)):
        if matched := _NAME.fullmatch(name):
            key, rows, checksum = matched.groups()
            shard = Shard(step, key, int(rows), checksum)
            found[key] = min(shard, found.get(key, shard))
    return found


def undamaged(storage: Storage, run: Callable[[], Result]) -> Result:
    """Return what a run returns; where it meets a damaged shard, it is run again without it.

    Raises
    ------
    EmbedlensError
        If there is no end to them.
    """
    for _ in range(_DAMAGED):
        try:
            return run()
        except DamagedShard as damaged:
            storage.delete(damaged.shard.name)
    raise EmbedlensError(f"Files in {storage} do not keep what is written to them; see to it.")


def _checksum(data: Any) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
