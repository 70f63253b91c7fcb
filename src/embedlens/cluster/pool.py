"""A step: what makes a shard of a shard, run over all of them by a pool of actors."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pickle import dumps, loads
from typing import Any, Protocol
from uuid import uuid4

from embedlens.arrays.processors import GRANT
from embedlens.cluster.connection import import_ray
from embedlens.cluster.shards import DamagedShard, Shard, read_shard, write_shard, written
from embedlens.cluster.storage import Storage
from embedlens.errors import EmbedlensError
from embedlens.files import content_key

RowProgress = Callable[[int, int], None]
Maker = Callable[[Any], Any]


_SHARDS_OF_AN_ACTOR = 2  # at least: an actor takes seconds to start


_ATTEMPTS = 6  # of a shard: one that ends its worker each time would be begun for ever
_LOST_AT_START = 20  # in a row: a node may go while its actors begin


class Step(Protocol):
    """What makes a table of a table. It is pickled, and started once in each actor."""

    @property
    def name(self) -> str:
        """The folder of its shards."""

    @property
    def key(self) -> str:
        """All that its tables depend on, but the table that each is made of."""

    def start(self) -> Maker:
        """Return the function of a ``pyarrow.Table`` that returns one.

        What a user can mend, it tells by an `EmbedlensError`, as the function does: the run ends.
        """


def run_step(
    step: Step,
    inputs: Sequence[Shard],
    storage: Storage,
    cpus: int = 1,
    progress: RowProgress | None = None,
) -> list[Shard]:
    """Have the shards of a step made that are not there, on the cluster that is connected.

    Parameters
    ----------
    step : Step
    inputs : sequence of Shard
        What each is made of.
    storage : Storage
        Where those are, and where the new ones go; every node must reach it.
    cpus : int, default 1
        Processors of an actor, which its threads keep to.
    progress : callable, optional
        Called with (rows done, rows in all) after each shard; rows are those of the inputs.

    Returns
    -------
    list of Shard
        One for each input, in their order.

    Raises
    ------
    EmbedlensError
        If the step says so.
    DamagedShard
        If an input is not what was written.
    """
    keys = [content_key([step.name, step.key, shard.name]) for shard in inputs]
    found = written(storage, step.name)
    missing = [(key, each) for key, each in zip(keys, inputs, strict=True) if key not in found]
    total = sum(shard.rows for shard in inputs)
    done = total - sum(shard.rows for _, shard in missing)
    if progress is not None:
        progress(done, total)
    for made, of in _made(step, missing, storage, cpus):
        found[made.key] = made
        done += of.rows
        if progress is not None:
            progress(done, total)
    return [found[key] for key in keys]


def _made(step: Step, missing: Sequence[tuple[str, Shard]], storage: Storage, cpus: int) -> Any:
    """Yield the missing shards as they are made, each with its input."""
    if not missing:
        return
    ray = import_ray()
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.max_consecutive_actor_init_deaths = _LOST_AT_START
    most = -(-len(missing) // _SHARDS_OF_AN_ACTOR)
    at_once = int(ray.cluster_resources().get("CPU", 0)) // cpus
    pool = ray.data.ActorPoolStrategy(
        min_size=1, max_size=most, initial_size=max(1, min(most, at_once))
    )
    # A block an order: what an actor loses is one shard. The largest first: of the last, which only
    # some actors still have to make, each takes less time.
    largest_first = sorted(missing, key=lambda order: -order[1].rows)
    orders = [{"key": key, "input": dumps(shard)} for key, shard in largest_first]
    attempts = f"attempts/{uuid4().hex}"
    reports = ray.data.from_items(orders, override_num_blocks=len(orders)).map_batches(
        _Actor, batch_size=1, compute=pool, num_cpus=cpus,
        fn_constructor_args=(step, storage, cpus, attempts),
    )  # fmt: skip
    try:
        for report in reports.iter_rows():
            if report["error"]:
                raise loads(report["error"])
            yield loads(report["made"]), loads(report["input"])
    finally:
        storage.delete_folder(attempts)


class _Actor:
    """Makes shards of one step, one at a time."""

    def __init__(self, step: Step, storage: Storage, cpus: int, attempts: str) -> None:
        os.environ[GRANT] = str(cpus)
        self._step = step
        self._storage = storage
        self._attempts = attempts
        self._make: Maker | None = None

    def __call__(self, order: dict[str, Any]) -> dict[str, list[bytes]]:
        """Make a shard, and report where it is, or why there is none."""
        given = order["input"][0]
        made, error = b"", b""
        try:
            made = dumps(self._made(str(order["key"][0]), loads(given)))
        except (EmbedlensError, DamagedShard) as raised:
            error = dumps(raised)
        return {"input": [given], "made": [made], "error": [error]}

    def _made(self, key: str, given: Shard) -> Shard:
        attempt = self._begun(key)
        # Not when the actor begins: an error there would have Ray start it again and again.
        self._make = self._make or self._step.start()
        table = self._make(read_shard(self._storage, given))
        made = write_shard(self._storage, self._step.name, key, table)
        self._storage.delete(attempt)
        return made

    def _begun(self, key: str) -> str:
        """Leave a file that a worker which ends with this shard does not take away.

        Ray's own count of retries is of no use: one is gone each time that a lost node is called.
        """
        folder = f"{self._attempts}/{key}"
        if len(self._storage.names(folder)) >= _ATTEMPTS:
            raise EmbedlensError(
                f"A shard of the step {self._step.name!r} took {_ATTEMPTS} workers down with it, "
                "for want of memory or by a picture that ends what decodes it. Give workers more "
                "memory, or take fewer rows a shard to find the picture."
            )
        attempt = f"{folder}/{uuid4().hex}"
        self._storage.write(attempt, b"")
        return attempt
