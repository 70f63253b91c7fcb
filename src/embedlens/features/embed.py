"""Pictures in, features out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedlens.backbones import Backbone, Resize, Transform, get_backbone, weights_for
from embedlens.errors import BackboneError, EmbedlensError, WeightsError
from embedlens.features.decoding import Decoding
from embedlens.features.engines import Precision, Runner, make_engine, sees_a_gpu
from embedlens.features.engines.engine import InsteadRunner
from embedlens.features.recipe import Recipe
from embedlens.features.store import FeatureStore
from embedlens.given_path import given_path

if TYPE_CHECKING:
    from embedlens.images import ImageSet

RowProgress = Callable[[int, int], None]
"""Takes how many rows are done, and how many there are."""


@dataclass(frozen=True)
class Features:
    """Features of an image set.

    Attributes
    ----------
    values : ndarray of shape (pictures, d), float32
        A row a picture; memory-mapped and read-only when it comes from a store.
    images : ImageSet
        The pictures, in the order of the rows.
    recipe : Recipe
        What embedded them, and how.
    record : dict
        The recipe as plain JSON: ``backbone``, ``size``, ``resize``, ``transform``, ``pooling``,
        ``precision``, ``engine`` and its versions; ``vector``, what the features are in words;
        ``feature_map`` and ``parameters_to_cut``; ``gpu``, the name of the one it ran on, if any;
        and what it took: ``embedded`` pictures in ``seconds``.
    """

    values: np.ndarray
    images: ImageSet
    recipe: Recipe
    record: dict[str, Any]

    @property
    def backbone(self) -> Backbone:
        """What embedded them."""
        return self.recipe.backbone

    @property
    def pictures_per_second(self) -> float:
        """Speed of the run that computed the last rows; NaN if all of them were there already."""
        embedded, seconds = self.record["embedded"], self.record["seconds"]
        return embedded / seconds if embedded and seconds else float("nan")


@dataclass(frozen=True)
class Trunk:
    """The trunk of a backbone that fine-tuning begins after, whose output is kept as well.

    Attributes
    ----------
    layer : str
        Where the tail begins.
    store : Path
        Folder to keep its output in, as ``embed`` of ``Recipe.trunk(layer)`` would.
    """

    layer: str
    store: Path


def embed(
    images: ImageSet,
    backbone: str | Backbone | Recipe,
    *,
    weights: str | Path | Mapping[str, str | Path] | None = None,
    transform: str | Path | Transform | None = None,
    pooling: str | None = None,
    size: int | tuple[int, int] | None = None,
    resize: Resize | None = None,
    precision: Precision | None = None,
    engine: str | None = None,
    store: Path | str | None = None,
    trunk: Trunk | None = None,
    progress: RowProgress | None = None,
) -> Features:
    """Embed an image set with a backbone.

    Parameters
    ----------
    images : ImageSet
        The pictures.
    backbone : str, Backbone or Recipe
        A name as for `get_backbone`, or what it returned; or a recipe, which has settings of its
        own that those given here change.
    weights : str, path or mapping of str to str or path, optional
        As for `get_backbone`; or by the network's name, as for ``Study``. For a backbone by name:
        one that `get_backbone` returned has its weights.
    transform : str, path or Transform, optional
        What pictures are made into, as for `get_backbone`; for a backbone by name.
    pooling : {"own", "cls", "mean", "cls+mean", "max", "none"}, default "own"
        What becomes of the network's output. "own" is the vector that its authors compare pictures
        by: of a convolutional network the average of the last feature map; of others, as their
        family says, the class token, an attention pool, a projected vector. "mean" and "max" are
        over the picture; "none" is all of the output, flattened in the order height, width,
        channels (the study's), 49 times as large for a map of 7 x 7; "cls" and "cls+mean" need a
        class token. "avg" is "mean".
    size : int or (int, int), optional
        Height and width the pictures are brought to; by default the backbone's own.
    resize : {"squash", "crop", "pad"}, optional
        How, and nothing cut off beyond that: aspect not kept (the study's), the largest centre cut
        out, or grey added around. By default as the backbone's published evaluation does.
    precision : {"float32", "bf16"}, default "float32"
        bfloat16 doubles the speed on CPUs that have it and changes features: Xception's by 1%,
        InceptionV3's by 2, EfficientNet-Lite0's by 3, MobileNetV2's by 15 (relative in norm).
    engine : {"auto", "openvino", "keras"}, default "auto"
        Keras where there is a GPU, OpenVINO on a CPU. Recorded in the result.
    store : path, optional
        Folder to keep the features in. A rerun computes only what is missing there, by the
        content of the pictures and all settings. Without it they are held in memory.
    trunk : Trunk, optional
        With a store: what the trunk gives is kept too where features are computed, in the same
        run of the network. Features that are there already are no reason to run it.
    progress : callable, optional
        Called with (rows done, rows in all) after each picture.

    Returns
    -------
    Features

    Raises
    ------
    BackboneError, WeightsError
        As `get_backbone` and ``Family.build``.
    ImageSetError
        If a picture cannot be read any more.
    EmbedlensError
        If the disk is full, the engine is unknown, or a picture gets features that are not finite.

    Examples
    --------
    >>> images = ImageSet.read("photos/")  # doctest: +SKIP
    >>> embed(images, "EfficientNetLite0").values.shape  # doctest: +SKIP
    (1420, 1280)
    """
    recipe = Recipe.of(
        _named(backbone, weights, transform), pooling=pooling, size=size, resize=resize,
        precision=precision, engine=engine,
    )  # fmt: skip
    recipe.backbone.weights.fetch(recipe.backbone.network)
    if store is None:
        return _in_memory(images, recipe, progress)
    return _in_store(images, recipe, given_path(store), trunk, progress)


def _named(
    chosen: str | Backbone | Recipe,
    weights: str | Path | Mapping[str, str | Path] | None,
    transform: str | Path | Transform | None,
) -> str | Backbone | Recipe:
    if weights is None and transform is None:
        return chosen
    if not isinstance(chosen, str):
        backbone = chosen.backbone if isinstance(chosen, Recipe) else chosen
        if weights is None:
            raise BackboneError(
                f"{backbone.name} has its transform already; give one to get_backbone, or the "
                "backbone by its name."
            )
        raise WeightsError(
            f"{backbone.name} has its weights already; give weights to get_backbone, or the "
            "backbone by its name."
        )
    if isinstance(weights, Mapping):
        weights = weights_for([chosen], weights).get(chosen)
    return get_backbone(chosen, weights=weights, transform=transform)


def _in_memory(images: ImageSet, recipe: Recipe, progress: RowProgress | None) -> Features:
    rows = np.arange(len(images))
    with Decoding() as decoding:
        engine = _made(recipe, None, decoding, len(images))
        values = np.empty((len(images), engine.features), np.float32)
        run = _run(engine, decoding, images, rows, recipe, values.__setitem__, progress)
    return Features(values, images, recipe, {**recipe.record(), **run})


def _in_store(
    images: ImageSet,
    recipe: Recipe,
    folder: Path,
    trunk: Trunk | None,
    progress: RowProgress | None,
) -> Features:
    ids = [str(each) for each in images.ids]
    store = FeatureStore(folder, recipe.key(), ids)
    found = store.load()
    if found is None:
        try:
            also = _TrunkStore.missing(trunk, recipe, ids)
            found = _compute(images, recipe, store, also, progress)
        except OSError as error:
            raise EmbedlensError(
                f"The features cannot be written to {folder}: {error.strerror or error}. Make "
                "room or choose another folder, and run again: what is written is kept."
            ) from error
    values, record = found
    return Features(values, images, recipe, record)


@dataclass(frozen=True)
class _TrunkStore:
    """Where the output of a trunk goes, and by which recipe."""

    layer: str
    recipe: Recipe
    store: FeatureStore

    @classmethod
    def missing(cls, trunk: Trunk | None, recipe: Recipe, ids: list[str]) -> _TrunkStore | None:
        """Return it if there is a trunk and its output is not there yet."""
        if trunk is None:
            return None
        own = recipe.trunk(trunk.layer)
        store = FeatureStore(trunk.store, own.key(), ids)
        return cls(trunk.layer, own, store) if store.load() is None else None


def _compute(
    images: ImageSet,
    recipe: Recipe,
    store: FeatureStore,
    trunk: _TrunkStore | None,
    progress: RowProgress | None,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Run the network once over the pictures that miss anything; return the finished features."""
    with ExitStack() as files, Decoding() as decoding:
        engine = _made(recipe, trunk.layer if trunk else None, decoding, len(images))
        writer = files.enter_context(closing(store.writer(engine.features)))
        missing, write = writer.missing, writer.write
        if trunk is not None:
            other = files.enter_context(closing(trunk.store.writer(engine.frontier)))
            missing = np.union1d(missing, other.missing)

            def write(row: int, values: np.ndarray) -> None:
                writer.write(row, values[: engine.features])
                other.write(row, values[engine.features :])

        run = _run(engine, decoding, images, missing, recipe, write, progress)
    if trunk is not None:
        took = {name: run[name] for name in ("seconds", "embedded", "size")}
        trunk.store.finish({**trunk.recipe.record(), **took})
    return store.finish({**recipe.record(), **run})


def _made(recipe: Recipe, tail: str | None, decoding: Decoding, count: int) -> Runner:
    """Make the engine; where it looks for a GPU, decoding starts meanwhile."""
    if sees_a_gpu(recipe):
        decoding.start(count)
    return make_engine(recipe, tail)


def _run(
    engine: Runner,
    decoding: Decoding,
    images: ImageSet,
    missing: np.ndarray,
    recipe: Recipe,
    write: Callable[[int, np.ndarray], None],
    progress: RowProgress | None,
) -> dict[str, Any]:
    """Embed the missing rows and return what is worth recording about it."""
    done = len(images) - len(missing)

    def keep(row: int, values: np.ndarray) -> None:
        nonlocal done
        if not np.isfinite(values).all():
            raise EmbedlensError(
                f"{recipe.backbone.name} gives {images.paths[row]} features that are not "
                "finite. Its weights or its preprocessing do not fit; give other --weights."
            )
        write(row, values)
        done += 1
        if progress is not None:
            progress(done, len(images))

    start = time.perf_counter()
    transform = recipe.transform.of_size(engine.size)
    engine.run(decoding.pictures(engine, images, missing.tolist(), transform), keep)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "embedded": len(missing), **facts(engine, recipe)}


def facts(engine: Runner, recipe: Recipe) -> dict[str, Any]:
    """Return what is worth recording of a backbone that was made ready to run, as plain JSON."""
    return {
        "size": list(engine.size),
        "transform": recipe.transform.of_size(engine.size).record(),
        "feature_map": list(engine.feature_map),
        "parameters_to_cut": engine.parameters,
        "vector": engine.vector,
        **({"gpu": gpu} if (gpu := getattr(engine, "gpu", None)) else {}),
        **(engine.record if isinstance(engine, InsteadRunner) else {}),
    }
