"""Fine-tuning the tail of a backbone, on what its trunk gives once and for all."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.backbones import Backbone, Pooling, get_backbone
from embedlens.backbones.keras_backend import import_keras
from embedlens.backbones.tail import split, tail_layer
from embedlens.errors import BackboneError, ImageSetError
from embedlens.features import Precision, Trunk, choose_engine, embed
from embedlens.features.decoding import decoded
from embedlens.features.engine import make_engine
from embedlens.images import ImageSet
from embedlens.learn.augmentation import augmentation, augmented
from embedlens.learn.rows import Rows
from embedlens.learn.top_classifier import TopClassifier

Progress = Callable[[str, int, int], None]

_BATCH = 64


@dataclass(frozen=True)
class FineTuned:
    """A fine-tuned backbone.

    Attributes
    ----------
    features : ndarray of shape (pictures, d), float32
        New features of all pictures.
    history : DataFrame
        A row an epoch, the first of them before any tuning: validation_loss and
        validation_accuracy, and loss and accuracy of training but in the first.
    best_epoch : int
        The row of ``history`` whose weights were kept, by the least validation loss. 0 is the
        network as it was: tuning helped nothing.
    layer : str
        Where the tail begins.
    parameters : int
        Numbers of the tail that were trained; those of the top come on top.
    head : TopClassifier
        The top, trained on the features before and then with the tail.
    network : keras.Model
        The tuned network, from preprocessed pixels to the last feature map.
    backbone : Backbone
        What it was before.
    """

    features: NDArray[np.float32]
    history: pd.DataFrame
    best_epoch: int
    layer: str
    parameters: int
    head: TopClassifier
    network: Any
    backbone: Backbone

    def save(self, path: Path) -> None:
        """Write the network, preprocessing inside, as a ``.keras`` file that is a backbone.

        Parameters
        ----------
        path : Path
            ``*.keras``.

        Raises
        ------
        OSError
            If it cannot be written; what was at ``path`` is still there.
        """
        keras = import_keras()
        pixels = keras.Input(self.network.input_shape[1:], name="pixels")
        # One graph, not a network within a model: so that it can be cut and tuned once more.
        whole = self.network._run_through_graph(
            self.backbone.preprocess(pixels), operation_fn=lambda layer: layer
        )
        model = keras.Model(pixels, whole, name=f"{self.network.name}_tuned")
        partial = path.with_name(f"{path.stem}.part.keras")
        model.save(partial)
        partial.replace(path)


def trunk_of(backbone: Backbone, unfreeze: str, size: int | None, store: Path) -> Trunk:
    """Return the trunk that `finetune` would run, for ``embed`` to keep in its own run.

    Parameters
    ----------
    backbone : Backbone
        A whole one, not cut at a layer.
    unfreeze : str
        As for `finetune`.
    size : int, optional
        Of the pictures, in pixels; by default the backbone's own.
    store : Path
        The folder that `finetune` will be given.

    Raises
    ------
    BackboneError
        If the backbone is cut at a layer, or has no layer of the name.
    """
    layer = tail_layer(_whole(backbone).load(size), unfreeze)
    return Trunk(_trunk(backbone, layer), store / _folder_name(backbone, layer))


@dataclass(frozen=True)
class _TrunkRun:
    """The trunk of a backbone, and how pictures go through it."""

    backbone: Backbone
    size: int | None
    resize: Literal["squash", "crop", "pad"]
    precision: Precision
    engine: Literal["auto", "openvino", "keras"]
    progress: Progress

    def frontier(self, images: ImageSet, store: Path | None) -> NDArray[np.float32]:
        """Return what it gives of all pictures, from the store if it is there."""
        return embed(
            images, self.backbone, pooling="none", size=self.size, resize=self.resize,
            precision=self.precision, engine=self.engine, store=store,
            progress=lambda done, total: self.progress("trunk", done, total),
        ).values  # fmt: skip

    def augmented(self, images: ImageSet, rows: NDArray[np.int64], seed: int) -> Callable[[], Rows]:
        """Return a function that gives the frontier of rows changed at random, anew each time."""
        engine = make_engine(
            choose_engine(self.engine), self.backbone, self.size or self.backbone.size, "none",
            self.precision,
        )  # fmt: skip
        change = augmentation(seed)
        values = np.empty((len(rows), engine.features), np.float32)
        place = {row: i for i, row in enumerate(rows.tolist())}

        def again() -> Rows:
            def write(row: int, numbers: NDArray[np.float32]) -> None:
                values[place[row]] = numbers

            pictures = decoded(images, rows.tolist(), engine.size, self.resize)
            engine.run(augmented(pictures, change), write)
            return Rows(values, np.arange(len(rows)))

        return again


def finetune(
    images: ImageSet,
    backbone: str | Backbone,
    *,
    unfreeze: str = "last-conv",
    pooling: Pooling = "avg",
    size: int | None = None,
    resize: Literal["squash", "crop", "pad"] = "squash",
    precision: Precision = "float32",
    engine: Literal["auto", "openvino", "keras"] = "auto",
    head: TopClassifier | None = None,
    epochs: int = 16,
    batch_size: int = 154,
    learning_rate: float = 1e-4,
    silhouette: float = 0.0,
    augment: bool = False,
    random_state: int = 0,
    store: Path | None = None,
    out: Path | None = None,
    progress: Progress = lambda step, done, total: None,
) -> FineTuned:
    """Train the last layers of a backbone together with a top that has learned first.

    The network is cut where the tail begins. The trunk is run once, by the fast engine, and what
    it gives is stored; every epoch then costs the tail alone, and its gradients are those of the
    whole network with the trunk frozen. Batch normalisation of the backbone stays in inference
    mode throughout, as a few hundred pictures are no basis for new statistics.

    Parameters
    ----------
    images : ImageSet
        Training pictures train, validation pictures choose the epoch; test pictures are only
        embedded.
    backbone : str or Backbone
        A whole one, not cut at a layer.
    unfreeze : {"last-conv", "last-block", "all"} or a layer's name, default "last-conv"
        Where the tail begins; the default is the study's.
    pooling, size, resize, precision, engine
        As for ``embed``; precision and engine are those of the trunk.
    head : TopClassifier, optional
        The top, by default the study's. One that is not trained yet is trained first, on the
        features as they are; either way it is changed.
    epochs : int, default 16
        Of tail and top together.
    batch_size : int, default 154
        Pictures a step.
    learning_rate : float, default 0.0001
        Adam's: a tenth of its default, so that a step does not undo what was pretrained.
    silhouette : float, default 0.0
        What `SilhouetteLoss` of the features weighs beside the cross-entropy. 0 leaves it out.
    augment : bool, default False
        Whether the training pictures are changed at random (mirrored, a part cut out, colours) in
        every epoch. What the trunk gives of them is then not stored, and an epoch costs as much
        as embedding them.
    random_state : int, default 0
        Of the order of the pictures, the dropout and the changes.
    store : Path, optional
        Folder to keep the trunk's output in, for other heads, seeds and repeats.
    out : Path, optional
        A file, ``*.npy``, to write the new features to; without it they are held in memory.
    progress : callable, optional
        Called with (step, done, total).

    Returns
    -------
    FineTuned

    Raises
    ------
    BackboneError
        If the backbone is cut at a layer, or has no layer of the name.

    Examples
    --------
    >>> tuned = finetune(images, "EfficientNetLite0", store=Path("trunk"))  # doctest: +SKIP
    >>> tuned.save(Path("tuned.keras"))  # doctest: +SKIP
    >>> embed(other_images, "tuned.keras")  # doctest: +SKIP
    """
    backbone = _whole(backbone)
    network = backbone.load(size)
    layer = tail_layer(network, unfreeze)
    trunk = _TrunkRun(_trunk(backbone, layer), size, resize, precision, engine, progress)
    frontier = trunk.frontier(images, store and store / _folder_name(backbone, layer))
    tail = _flat_tail(network, layer, pooling)
    top = head or TopClassifier(random_state=random_state)
    if not hasattr(top, "model_"):
        _train_top(top, tail, frontier, images, progress)
    data = {name: _known(images, name, top) for name in ("train", "validation")}
    rows = Rows(frontier, data["train"][0])
    again = trunk.augmented(images, rows.indices, random_state) if augment else lambda: rows
    import_keras().utils.set_random_seed(random_state)
    history, best = _train(
        _joint(tail, top, learning_rate, silhouette),
        (again, data["train"][1]),
        (Rows(frontier, data["validation"][0]), data["validation"][1]),
        epochs,
        batch_size,
        random_state,
        progress,
    )
    return FineTuned(
        features=_predict(tail, frontier, out, progress),
        history=history,
        best_epoch=best,
        layer=layer,
        parameters=sum(int(np.prod(each.shape)) for each in tail.trainable_weights),
        head=top,
        network=network,
        backbone=backbone,
    )


def _whole(backbone: str | Backbone) -> Backbone:
    if isinstance(backbone, str):
        backbone = get_backbone(backbone)
    if backbone.layer is not None:
        raise BackboneError(f"{backbone.name} is cut; fine-tune {backbone.network} as a whole.")
    return backbone


def _trunk(backbone: Backbone, layer: str) -> Backbone:
    weights = {"file": backbone.weights.file, "random": "random", "imagenet": None}
    return get_backbone(
        f"{backbone.network}@<{layer}",
        weights=None if backbone.family == "file" else weights[backbone.weights.kind],
        preprocessing=backbone.preprocessing,
    )


def _folder_name(backbone: Backbone, layer: str) -> str:
    name = re.sub(r"[^\w.+-]", "_", f"{Path(backbone.network).name}-{layer}")
    if backbone.family != "file":
        return name
    # Files of one name in two folders are two networks.
    return f"{name}-{hashlib.blake2b(backbone.network.encode(), digest_size=4).hexdigest()}"


def _known(
    images: ImageSet, split_name: str, top: TopClassifier
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of a split whose classes the top knows, and their codes."""
    rows = images.where(split_name)
    rows = rows[np.isin(images.labels[rows], top.classes_)]
    if not len(rows):
        raise ImageSetError(
            f"There are no {split_name} pictures of the classes trained on; fine-tuning needs "
            "some to train on and some to choose the epoch by."
        )
    return rows, np.searchsorted(top.classes_, images.labels[rows])


def _train_top(
    top: TopClassifier,
    tail: Any,
    frontier: NDArray[np.float32],
    images: ImageSet,
    progress: Progress,
) -> None:
    """Train the top on the features that the tail gives before it is tuned."""
    train, validation = images.where("train"), images.where("validation")
    top.fit(
        _predict(tail, Rows(frontier, train)),
        images.labels[train],
        validation=(_predict(tail, Rows(frontier, validation)), images.labels[validation]),
        progress=lambda done, total: progress("top", done, total),
    )


def _flat_tail(network: Any, layer: str, pooling: Pooling) -> Any:
    """Return the tail as a model from the flattened frontier to features."""
    from embedlens.backbones.backbone import pool
    from embedlens.learn.convolution import with_fast_gradients

    keras = import_keras()
    trunk, tail = split(network, layer)
    shapes = [tuple(each.shape[1:]) for each in trunk.outputs]
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
    flat = keras.Input((int(ends[-1]),), name="frontier")
    parts = [
        keras.layers.Reshape(shape)(flat[:, begin:end])
        for shape, begin, end in zip(shapes, ends[:-1], ends[1:], strict=True)
    ]
    for each in tail.layers:
        if isinstance(each, keras.layers.BatchNormalization):
            each.trainable = False
    features = tail(parts if len(parts) > 1 else parts[0], training=False)
    return with_fast_gradients(keras.Model(flat, pool(features, pooling), name=tail.name))


def _joint(tail: Any, top: TopClassifier, learning_rate: float, silhouette: float = 0.0) -> Any:
    """Return tail and top as one compiled model; the top keeps its dropout."""
    keras = import_keras()
    for each in top.model_.layers:
        if isinstance(each, keras.layers.BatchNormalization):
            each.trainable = False
    flat = keras.Input(tail.input_shape[1:])
    features = tail(flat)
    shares = top.model_(features)
    optimizer = keras.optimizers.Adam(learning_rate)
    if not silhouette:
        joint = keras.Model(flat, shares)
        joint.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        return joint
    from embedlens.learn.silhouette_loss import SilhouetteLoss

    tightness, entropy = SilhouetteLoss(), keras.losses.sparse_categorical_crossentropy
    classes = len(top.classes_)

    def loss(y: Any, out: Any) -> Any:
        return entropy(y, out[:, :classes]) + silhouette * tightness.call(y, out[:, classes:])

    def accuracy(y: Any, out: Any) -> Any:
        return keras.metrics.sparse_categorical_accuracy(y, out[:, :classes])

    # One output, as a loss sees one: the shares of the classes, and beside them the features.
    joint = keras.Model(flat, keras.layers.Concatenate()([shares, features]))
    joint.compile(optimizer, loss, metrics=[accuracy])
    return joint


def _train(
    joint: Any,
    train: tuple[Callable[[], Rows], NDArray[np.int64]],
    validation: tuple[Rows, NDArray[np.int64]],
    epochs: int,
    batch_size: int,
    random_state: int,
    progress: Progress,
) -> tuple[pd.DataFrame, int]:
    """Train and put back the weights of the best epoch; return the history and that epoch."""
    from embedlens.learn.batches import Batches

    watched = Batches(*validation, batch_size)
    loss, accuracy = joint.evaluate(watched, verbose=0)
    rows = [{"validation_loss": loss, "validation_accuracy": accuracy}]
    best, weights = 0, joint.get_weights()
    again, codes = train
    progress("tail and top", 0, epochs)
    for epoch in range(1, epochs + 1):
        order = np.random.default_rng([random_state, epoch]).permutation(len(codes))
        given = again()
        shuffled = Rows(given.values, given.indices[order])
        logs = joint.fit(
            Batches(shuffled, codes[order], batch_size), validation_data=watched, verbose=0
        ).history
        rows.append({name.replace("val_", "validation_"): each[0] for name, each in logs.items()})
        if rows[-1]["validation_loss"] < rows[best]["validation_loss"]:
            best, weights = epoch, joint.get_weights()
        progress("tail and top", epoch, epochs)
    joint.set_weights(weights)
    return pd.DataFrame(rows).rename_axis("epoch"), best


def _predict(
    tail: Any,
    frontier: NDArray[np.float32] | Rows,
    out: Path | None = None,
    progress: Progress = lambda step, done, total: None,
) -> NDArray[np.float32]:
    """Return what the tail gives of a frontier; memory-mapped where there is a file for it."""
    shape = (len(frontier), int(tail.output_shape[-1]))
    partial = out and out.with_name(out.name + ".part")
    values: NDArray[np.float32] = (
        np.lib.format.open_memmap(partial, "w+", np.float32, shape)
        if partial
        else np.empty(shape, np.float32)
    )
    for i in range(0, len(frontier), _BATCH):
        block = np.asarray(frontier[i : i + _BATCH])
        # The last block is filled up: one shape, one compilation.
        full = np.concatenate(
            [block, np.zeros((_BATCH - len(block), *block.shape[1:]), np.float32)]
        )
        values[i : i + _BATCH] = np.asarray(tail.predict_on_batch(full))[: len(block)]
        progress("tuned features", min(i + _BATCH, len(frontier)), len(frontier))
    if not (out and partial):
        return values
    del values  # which writes what is still in memory
    partial.replace(out)
    return np.load(out, mmap_mode="r")  # type: ignore[no-any-return]
