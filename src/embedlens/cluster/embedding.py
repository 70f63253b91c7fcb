"""The step that embeds: pictures of a shard through the engine that one machine uses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from embedlens.backbones import Transform
from embedlens.cluster.identify import deep_range
from embedlens.cluster.listing import Reader
from embedlens.cluster.pool import Maker
from embedlens.errors import EmbedlensError
from embedlens.features import Recipe
from embedlens.features.decoding import ahead, decoding_threads, fitting
from embedlens.features.embed import facts
from embedlens.features.engines import make_engine
from embedlens.files import content_key
from embedlens.images import ImageError, decode
from embedlens.images.levels import DeepRange
from embedlens.images.record import content_id

FACTS = b"embedlens"  # what an engine says of the network, in the metadata of a table
_FORMAT = 1


@dataclass(frozen=True)
class EmbedStep:
    """A row a picture: its ``id``, the ``reason`` why it has no features, and the ``features``.

    Attributes
    ----------
    root : str
        As in `Listing`; where pictures lie is no part of what they give.
    recipe : Recipe
        What embeds them, and how.
    shared : dict of str to DeepRange
        Of the kinds of deep pictures in the whole set.
    """

    root: str
    recipe: Recipe
    shared: dict[str, DeepRange]
    name = "embedded"

    @property
    def key(self) -> str:
        """What a row depends on besides its picture."""
        levels = {kind: shared.levels for kind, shared in sorted(self.shared.items())}
        return content_key([_FORMAT, self.recipe.key(), levels])

    def start(self) -> Maker:
        """Return the function of a shard of identified pictures."""
        _expect_versions(self.recipe)
        engine = make_engine(self.recipe)
        reader = Reader(self.root)
        transform = self.recipe.transform.of_size(engine.size)
        said = json.dumps(facts(engine, self.recipe))

        def embedded(identified: Any) -> Any:
            pictures = _Pictures(identified.to_pylist(), reader, self.shared, transform)
            values = np.zeros((len(pictures.rows), engine.features), np.float32)

            def keep(row: int, given: np.ndarray) -> None:
                if np.isfinite(given).all():
                    values[row] = given
                else:
                    pictures.reasons[row] = "the network gives features that are not finite"

            engine.run(pictures.decoded(decoding_threads(engine)), keep)
            return _table(pictures, values, said)

        return embedded


@dataclass
class _Pictures:
    """The pictures of a shard: decoded one after the other, and why some cannot be."""

    rows: list[dict[str, Any]]
    reader: Reader
    shared: dict[str, DeepRange]
    transform: Transform
    ids: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ids = [row["id"] for row in self.rows]
        self.reasons = [row["reason"] for row in self.rows]

    def decoded(self, threads: int) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (row, pixels) of those that can be read."""
        good = [row for row, reason in enumerate(self.reasons) if not reason]
        for row, pixels in ahead(self._pixels, good, threads):
            try:
                yield row, pixels.result()
            except ImageError as error:
                self.reasons[row] = str(error)

    def _pixels(self, row: int) -> np.ndarray:
        deep = deep_range(self.rows[row])
        data = self.reader.read(self.rows[row]["path"])
        if content_id(data, deep.levels if deep else None) != self.ids[row]:
            raise ImageError("it has changed since it was listed; run again")
        levels = self.shared[deep.kind].levels if deep else None
        self.ids[row] = content_id(data, levels)
        return decode(data, levels=levels, **fitting(self.transform))


def _table(pictures: _Pictures, values: np.ndarray, said: str) -> Any:
    import pyarrow as pa

    ids = [
        "" if reason else each for each, reason in zip(pictures.ids, pictures.reasons, strict=True)
    ]
    features = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
    columns = [pa.array(ids, pa.string()), pa.array(pictures.reasons, pa.string()), features]
    return pa.table(columns, ["id", "reason", "features"], metadata={FACTS: said})


def _expect_versions(recipe: Recipe) -> None:
    """Refuse a node whose packages would give other numbers.

    Raises
    ------
    EmbedlensError
        If one is absent or another.
    """
    for package, wanted in recipe.versions:
        try:
            here = version(package)
        except PackageNotFoundError:
            here = "none"
        if here != wanted:
            raise EmbedlensError(
                f"A node has {package} {here}, and the machine that the run was started on "
                f"{wanted}: features would differ. Install the same on all."
            )
