"""Pictures in, a folder of features out: listed here, read and embedded by a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from embedlens.backbones import Backbone, Resize
from embedlens.cluster.assembly import assemble, is_assembled, write_images
from embedlens.cluster.connection import call
from embedlens.cluster.embedding import EmbedStep
from embedlens.cluster.identify import Identify, ranges_of
from embedlens.cluster.listing import SHARD_ROWS, Listing, list_pictures, write_listing
from embedlens.cluster.pool import run_step
from embedlens.cluster.shards import read_shard, undamaged
from embedlens.cluster.storage import Storage
from embedlens.errors import EmbedlensError
from embedlens.features import Precision, Recipe
from embedlens.features.store import META
from embedlens.images import Problem, resolved

StepProgress = Callable[[str, int, int], None]
"""Takes what is being done, how many rows are done, and how many there are."""


@dataclass(frozen=True)
class Embedded:
    """A folder of features that a cluster has made.

    Attributes
    ----------
    place : str
        Where ``features.npy``, ``ids.txt``, ``meta.json`` and ``images.parquet`` are.
    pictures, features : int
        Rows and columns of the features.
    set_aside : int
        Pictures that have none; ``images.parquet`` says why.
    problems : tuple of Problem
        What was found wrong while listing.
    record : dict
        What ``meta.json`` says.
    """

    place: str
    pictures: int
    features: int
    set_aside: int
    problems: tuple[Problem, ...]
    record: dict[str, Any]


def embed(
    place: str | Path,
    backbone: str | Backbone | Recipe,
    out: str | Path,
    *,
    address: str = "auto",
    cpus: int = 1,
    pooling: str | None = None,
    size: int | tuple[int, int] | None = None,
    resize: Resize | None = None,
    precision: Precision | None = None,
    engine: str | None = None,
    shard_rows: int = SHARD_ROWS,
    progress: StepProgress | None = None,
) -> Embedded:
    """Embed pictures on a cluster into a folder of features.

    The same engine runs as on one machine, and the files are those of ``embed(..., store=out)``:
    the same bytes, where the nodes' processors are of one kind. Whatever is lost (an actor, a node,
    this process), the same call goes on; a shard that is there is not made again.

    Parameters
    ----------
    place : str or path
        A folder, an archive, a URL (``s3://bucket/prefix``) or a table with the column path. Every
        node must reach it.
    backbone : str, Backbone or Recipe
        As for ``embedlens.embed``. Its weights must be on every node.
    out : str or path
        A folder or a URL (``s3://bucket/prefix``) that every node reaches.
    address : str, default "auto"
        As for `connected`.
    cpus : int, default 1
        Processors of an actor. One thread an actor wastes the least; more of them an actor need
        less memory, as each holds the network.
    pooling, size, resize, precision, engine
        As for ``embedlens.embed``.
    shard_rows : int, default 1024
        About how many pictures make a shard, which is what a loss costs. A worker holds their
        features in memory: take fewer where features are a hundred thousand.
    progress : callable, optional
        Called with (step, rows done, rows in all) after each shard.

    Returns
    -------
    Embedded

    Raises
    ------
    EmbedlensError
        If Ray is not installed, no cluster answers, or nodes have other packages; and as
        ``embedlens.embed``.
    ImageSetError
        If nothing is there, or no picture can be read.

    Examples
    --------
    >>> embed("photos/", "EfficientNetLite0", "features/", address="local")  # doctest: +SKIP
    """
    recipe = Recipe.of(
        backbone, pooling=pooling, size=size, resize=resize, precision=precision, engine=engine
    )
    recipe.backbone.weights.fetch(recipe.backbone.network)
    run = _Run(recipe, resolved(place), Storage(out), shard_rows, cpus, progress or _silent)
    through_client = address.startswith("ray://")  # a bar here cannot be drawn from there
    return call(address, replace(run, progress=_silent) if through_client else run)


def _silent(step: str, done: int, total: int) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class _Run:
    """Everything that a run is made of: what drives the cluster is it alone."""

    recipe: Recipe
    place: str
    storage: Storage
    shard_rows: int
    cpus: int
    progress: StepProgress

    def __call__(self) -> Embedded:
        listing = list_pictures(self.place)
        return undamaged(self.storage, lambda: self._embedded(listing))

    def _embedded(self, listing: Listing) -> Embedded:
        start = time.perf_counter()
        listed = write_listing(listing, self.storage, self.shard_rows)
        identified = run_step(
            Identify(listing.root), listed, self.storage, self.cpus,
            partial(self.progress, "reading pictures"),
        )  # fmt: skip
        shared = ranges_of(read_shard(self.storage, shard) for shard in identified)
        step = EmbedStep(listing.root, self.recipe, shared)
        embedded = run_step(
            step, identified, self.storage, self.cpus,
            partial(self.progress, f"{self.recipe.backbone.name}: embedding"),
        )  # fmt: skip
        key = self.recipe.key()
        aside = write_images(self.storage, listed, identified, embedded, shared)
        if not is_assembled(self.storage, key, embedded):
            record = {**self.recipe.record(), "seconds": time.perf_counter() - start}
            assemble(self.storage, key, embedded, record)
            if not is_assembled(self.storage, key, embedded):
                raise EmbedlensError(
                    f"The features in {self.storage} are not what was written; run again."
                )
        meta = self.storage.read_json(META)
        shape = (meta["embedded"], meta["features"])
        return Embedded(str(self.storage), *shape, aside, listing.problems, meta)
