"""Pictures in, features out."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from embedlens.backbones import Backbone, Pooling, get_backbone, weights_for
from embedlens.errors import EmbedlensError, WeightsError
from embedlens.features.decoding import decoded
from embedlens.features.engine import Engine, EngineName, Precision, choose_engine, make_engine
from embedlens.features.store import FeatureStore
from embedlens.given_path import given_path

if TYPE_CHECKING:
    from embedlens.images import ImageSet

Resize = Literal["squash", "crop", "pad"]
Progress = Callable[[int, int], None]

_FORMAT = 1  # raise it when the same settings begin to give other numbers


@dataclass(frozen=True)
class Features:
    """Features of an image set.

    Attributes
    ----------
    values : ndarray of shape (pictures, d), float32
        A row a picture; memory-mapped and read-only when it comes from a store.
    images : ImageSet
        The pictures, in the order of the rows.
    backbone : Backbone
        What embedded them.
    record : dict
        How: ``size``, ``resize``, ``pooling``, ``precision``, ``engine`` and its versions,
        ``weights``, ``feature_map``, ``parameters``; and what it took: ``embedded`` pictures in
        ``seconds``.
    """

    values: np.ndarray
    images: ImageSet
    backbone: Backbone
    record: dict[str, Any]

    @property
    def pictures_per_second(self) -> float:
        """Speed of the run that computed the last rows; NaN if all of them were there already."""
        embedded, seconds = self.record["embedded"], self.record["seconds"]
        return embedded / seconds if embedded and seconds else float("nan")


@dataclass(frozen=True)
class Trunk:
    """A backbone cut where fine-tuning begins, whose output is kept as well.

    Attributes
    ----------
    backbone : Backbone
        Cut before a layer: ``get_backbone("NAME@<LAYER")``, of the same network and weights.
    store : Path
        Folder to keep its output in, as ``embed`` of this backbone with ``pooling="none"`` would.
    """

    backbone: Backbone
    store: Path


def embed(
    images: ImageSet,
    backbone: str | Backbone,
    *,
    weights: str | Path | Mapping[str, str | Path] | None = None,
    pooling: Pooling = "avg",
    size: int | tuple[int, int] | None = None,
    resize: Resize = "squash",
    precision: Precision = "float32",
    engine: Literal["auto", "openvino", "keras"] = "auto",
    store: Path | str | None = None,
    trunk: Trunk | None = None,
    progress: Progress | None = None,
) -> Features:
    """Embed an image set with a backbone.

    Parameters
    ----------
    images : ImageSet
        The pictures.
    backbone : str or Backbone
        A name as for `get_backbone`, or what it returned.
    weights : str, path or mapping of str to str or path, optional
        As for `get_backbone`; or by the network's name, as for ``Study``. For a backbone by name:
        one that `get_backbone` returned has its weights.
    pooling : {"avg", "max", "none"}, default "avg"
        The average of the last feature map over the picture, its maximum, or all of it flattened
        in the order height, width, channels (the study's). The average is what most uses of
        pretrained features take, and 49 times smaller for a map of 7 x 7.
    size : int or (int, int), optional
        Height and width the pictures are brought to; by default the backbone's own.
    resize : {"squash", "crop", "pad"}, default "squash"
        How: aspect not kept (the study's), centre cut out, or grey added around.
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
        As `get_backbone` and ``Backbone.build``.
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
    backbone = _backbone(backbone, weights)
    if precision not in ("float32", "bf16"):
        raise EmbedlensError(f"There is no precision {precision!r}; choose float32 or bf16.")
    backbone.weights.fetch(backbone.network)
    chosen = choose_engine(engine)
    settings: dict[str, Any] = {
        "backbone": backbone.describe(),
        "pooling": pooling,
        "size": _pair(size or backbone.size),
        "resize": resize,
        "precision": precision,
        "engine": chosen,
        "versions": _versions(chosen),
    }
    if store is None:
        return _in_memory(images, backbone, settings, chosen, progress)
    return _in_store(images, backbone, settings, chosen, given_path(store), trunk, progress)


def _backbone(
    chosen: str | Backbone, weights: str | Path | Mapping[str, str | Path] | None
) -> Backbone:
    if isinstance(chosen, Backbone):
        if weights is not None:
            raise WeightsError(
                f"{chosen.name} has its weights already; give weights to get_backbone, or the "
                "backbone by its name."
            )
        return chosen
    if isinstance(weights, Mapping):
        weights = weights_for([chosen], weights).get(chosen)
    return get_backbone(chosen, weights=weights)


def _in_memory(
    images: ImageSet,
    backbone: Backbone,
    settings: dict[str, Any],
    chosen: EngineName,
    progress: Progress | None,
) -> Features:
    engine = _engine(backbone, settings, chosen)
    values = np.empty((len(images), engine.features), np.float32)

    def write(row: int, row_values: np.ndarray) -> None:
        values[row] = row_values

    run = _run(engine, images, np.arange(len(images)), settings, write, progress)
    return Features(values, images, backbone, {**settings, **run})


def _in_store(
    images: ImageSet,
    backbone: Backbone,
    settings: dict[str, Any],
    chosen: EngineName,
    folder: Path,
    trunk: Trunk | None,
    progress: Progress | None,
) -> Features:
    ids = [str(each) for each in images.ids]
    store = FeatureStore(folder, _key(settings), ids)
    found = store.load()
    if found is None:
        try:
            also = _TrunkStore.missing(trunk, settings, ids)
            found = _compute(images, backbone, settings, chosen, store, also, progress)
        except OSError as error:
            raise EmbedlensError(
                f"The features cannot be written to {folder}: {error.strerror or error}. Make "
                "room or choose another folder, and run again: what is written is kept."
            ) from error
    values, record = found
    return Features(values, images, backbone, record)


@dataclass(frozen=True)
class _TrunkStore:
    """Where the output of a trunk goes, and under which settings."""

    layer: str
    settings: dict[str, Any]
    store: FeatureStore

    @classmethod
    def missing(
        cls, trunk: Trunk | None, settings: dict[str, Any], ids: list[str]
    ) -> _TrunkStore | None:
        """Return it if there is a trunk and its output is not there yet."""
        if trunk is None or trunk.backbone.layer is None:
            return None
        own = {**settings, "backbone": trunk.backbone.describe(), "pooling": "none"}
        store = FeatureStore(trunk.store, _key(own), ids)
        layer = trunk.backbone.layer.removeprefix("<")
        return cls(layer, own, store) if store.load() is None else None


def _compute(
    images: ImageSet,
    backbone: Backbone,
    settings: dict[str, Any],
    chosen: EngineName,
    store: FeatureStore,
    trunk: _TrunkStore | None,
    progress: Progress | None,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Run the network once over the pictures that miss anything; return the finished features."""
    engine = _engine(backbone, settings, chosen, trunk.layer if trunk else None)
    with ExitStack() as files:
        writer = files.enter_context(closing(store.writer(engine.features)))
        missing, write = writer.missing, writer.write
        if trunk is not None:
            other = files.enter_context(closing(trunk.store.writer(engine.frontier)))
            missing = np.union1d(missing, other.missing)

            def write(row: int, values: np.ndarray) -> None:
                writer.write(row, values[: engine.features])
                other.write(row, values[engine.features :])

        run = _run(engine, images, missing, settings, write, progress)
    if trunk is not None:
        took = {name: run[name] for name in ("seconds", "embedded", "size")}
        trunk.store.finish({**trunk.settings, **took})
    return store.finish({**settings, **run})


def _engine(
    backbone: Backbone, settings: dict[str, Any], chosen: EngineName, tail: str | None = None
) -> Engine:
    return make_engine(
        chosen, backbone, settings["size"], settings["pooling"], settings["precision"], tail
    )


def _run(
    engine: Engine,
    images: ImageSet,
    missing: np.ndarray,
    settings: dict[str, Any],
    write: Callable[[int, np.ndarray], None],
    progress: Progress | None,
) -> dict[str, Any]:
    """Embed the missing rows and return what is worth recording about it."""
    done = len(images) - len(missing)

    def keep(row: int, values: np.ndarray) -> None:
        nonlocal done
        if not np.isfinite(values).all():
            raise EmbedlensError(
                f"{settings['backbone']['name']} gives {images.paths[row]} features that are not "
                "finite. Its weights or its preprocessing do not fit; give other --weights."
            )
        write(row, values)
        done += 1
        if progress is not None:
            progress(done, len(images))

    start = time.perf_counter()
    engine.run(decoded(images, missing, engine.size, settings["resize"]), keep)
    return {
        "seconds": time.perf_counter() - start,
        "embedded": len(missing),
        "size": list(engine.size),
        "feature_map": list(engine.feature_map),
        "parameters_to_cut": engine.parameters,
    }


def _pair(size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    """Give one key to 200 and (200, 200)."""
    return (size, size) if isinstance(size, int) else size


def _versions(engine: EngineName) -> dict[str, str]:
    packages = ["keras", "pillow", *(["openvino"] if engine == "openvino" else [])]
    return {package: version(package) for package in packages}


def _key(settings: dict[str, Any]) -> str:
    text = json.dumps([_FORMAT, settings], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
