"""The same embedding on many machines, by Ray Data: ``pip install "embedlens[cluster]"``.

All that a run makes is a chain of shards: files of a thousand rows, named by what they depend on
and by their content, in a folder or bucket that every node reaches. A shard is there whole or not
at all, and one that is there is not made again: so whatever is lost costs the shards in flight.
"""

from __future__ import annotations

from embedlens.cluster.connection import connected
from embedlens.cluster.embed import Embedded, embed
from embedlens.cluster.pool import Step, run_step
from embedlens.cluster.shards import DamagedShard, Shard, read_shard, write_shard, written
from embedlens.cluster.storage import Storage

__all__ = [
    "DamagedShard",
    "Embedded",
    "Shard",
    "Step",
    "Storage",
    "connected",
    "embed",
    "read_shard",
    "run_step",
    "write_shard",
    "written",
]
