"""Fine-tuning the tail of a backbone, on what its trunk gives once and for all."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.backbones import Backbone, Pooling, get_backbone
from embedlens.backbones.keras_backend import import_keras
from embedlens.backbones.tail import split, tail_layer
from embedlens.errors import BackboneError
from embedlens.features import Features, embed
from embedlens.images import ImageSet
from embedlens.learn.batches import batches
from embedlens.learn.rows import Rows
from embedlens.learn.top_classifier import TopClassifier

_BATCH = 64


@dataclass(frozen=True)
class FineTuned:
    """A fine-tuned backbone.

    Attributes
    ----------
    features : ndarray of shape (pictures, d), float32
        New features of all pictures.
    before : ndarray of shape (pictures, d), float32
        What the same network gave before.
    history : DataFrame
        A row an epoch, the first of them before any tuning: validation_loss and
        validation_accuracy, and loss and accuracy of training but in the first.
    best_epoch : int
        The row of ``history`` whose weights were kept, by the least validation loss. 0 is the
        network as it was: tuning helped nothing.
    layer : str
        Where the tail begins.
    head : TopClassifier
        The top, trained on ``before`` and then with the tail.
    network : keras.Model
        The tuned network, from preprocessed pixels to the last feature map.
    backbone : Backbone
        What it was before.
    """

    features: NDArray[np.float32]
    before: NDArray[np.float32]
    history: pd.DataFrame
    best_epoch: int
    layer: str
    head: TopClassifier
    network: Any
    backbone: Backbone

    def save(self, path: Path) -> None:
        """Write the network, preprocessing inside, as a ``.keras`` file that is a backbone.

        Parameters
        ----------
        path : Path
            ``*.keras``.
        """
        keras = import_keras()
        pixels = keras.Input(self.network.input_shape[1:], name="pixels")
        whole = self.network(self.backbone.preprocess(pixels), training=False)
        keras.Model(pixels, whole, name=f"{self.network.name}_tuned").save(path)


def finetune(
    images: ImageSet,
    backbone: str | Backbone,
    *,
    unfreeze: str = "last-conv",
    pooling: Pooling = "avg",
    size: int | None = None,
    resize: str = "squash",
    head: TopClassifier | None = None,
    epochs: int = 16,
    batch_size: int = 154,
    learning_rate: float = 1e-4,
    random_state: int = 0,
    store: Path | None = None,
    progress: Callable[[str, int, int], None] = lambda step, done, total: None,
) -> FineTuned:
    """Train the last layers of a backbone together with a top that has learned first.

    The network is cut where the tail begins. The trunk is run once, by the fast engine, and what
    it gives is stored; every epoch then costs the tail alone, and its gradients are those of the
    whole network with the trunk frozen. Batch normalisation stays in inference mode throughout, as
    a few hundred pictures are no basis for new statistics.

    Parameters
    ----------
    images : ImageSet
        Training pictures train, validation pictures choose the epoch; test pictures are only
        embedded.
    backbone : str or Backbone
        A whole one, not cut at a layer.
    unfreeze : {"last-conv", "last-block", "all"} or a layer's name, default "last-conv"
        Where the tail begins; the default is the study's.
    pooling, size, resize
        As for ``embed``.
    head : TopClassifier, optional
        The top, not yet trained; by default the study's.
    epochs : int, default 16
        Of tail and top together.
    batch_size : int, default 154
        Pictures a step.
    learning_rate : float, default 0.0001
        Adam's: a tenth of its default, so that a step does not undo what was pretrained.
    random_state : int, default 0
        Of the order of the pictures and the dropout.
    store : Path, optional
        Folder to keep the trunk's output in, for other heads, seeds and repeats.
    progress : callable, optional
        Called with (step, done, total).

    Returns
    -------
    FineTuned

    Raises
    ------
    BackboneError
        If the backbone is cut at a layer, or has no layer of the name.
    """
    if isinstance(backbone, str):
        backbone = get_backbone(backbone)
    if backbone.layer is not None:
        raise BackboneError(f"{backbone.name} is cut; fine-tune {backbone.network} as a whole.")
    network = backbone.load(size)
    layer = tail_layer(network, unfreeze)
    frontier = _frontier(images, backbone, layer, size, resize, store, progress)
    tail = _flat_tail(network, layer, pooling)
    before = _predict(tail, frontier.values)
    train, validation = images.where("train"), images.where("validation")
    labels = images.labels
    top = head or TopClassifier(random_state=random_state)
    top.fit(
        before[train],
        labels[train],
        validation=(before[validation], labels[validation]),
        progress=lambda done, total: progress("top", done, total),
    )
    rows = {"train": train, "validation": validation}
    data = {
        name: (Rows(frontier.values, which), np.searchsorted(top.classes_, labels[which]))
        for name, which in rows.items()
    }
    keras = import_keras()
    keras.utils.set_random_seed(random_state)
    joint = _joint(tail, top, learning_rate)
    history, best = _train(joint, data, epochs, batch_size, random_state, progress)
    return FineTuned(
        _predict(tail, frontier.values), before, history, best, layer, top, network, backbone
    )


def _frontier(
    images: ImageSet,
    backbone: Backbone,
    layer: str,
    size: int | None,
    resize: Any,
    store: Path | None,
    progress: Callable[[str, int, int], None],
) -> Features:
    weights = {"file": backbone.weights.file, "random": "random", "imagenet": None}
    trunk = get_backbone(
        f"{backbone.network}@<{layer}",
        weights=None if backbone.family == "file" else weights[backbone.weights.kind],
        preprocessing=backbone.preprocessing,
    )
    name = re.sub(r"[^\w.+-]", "_", f"{Path(backbone.network).name}-{layer}")
    return embed(
        images,
        trunk,
        pooling="none",
        size=size,
        resize=resize,
        store=None if store is None else store / name,
        progress=lambda done, total: progress("trunk", done, total),
    )


def _flat_tail(network: Any, layer: str, pooling: Pooling) -> Any:
    """Return the tail as a model from the flattened frontier to features."""
    from embedlens.backbones.backbone import pool

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
    return keras.Model(flat, pool(features, pooling), name=tail.name)


def _joint(tail: Any, top: TopClassifier, learning_rate: float) -> Any:
    """Return tail and top as one compiled model; the top keeps its dropout."""
    keras = import_keras()
    for each in top.model_.layers:
        if isinstance(each, keras.layers.BatchNormalization):
            each.trainable = False
    flat = keras.Input(tail.input_shape[1:])
    joint = keras.Model(flat, top.model_(tail(flat)))
    joint.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return joint


def _train(
    joint: Any,
    data: dict[str, tuple[Rows, NDArray[np.int64]]],
    epochs: int,
    batch_size: int,
    random_state: int,
    progress: Callable[[str, int, int], None],
) -> tuple[pd.DataFrame, int]:
    """Train and put back the weights of the best epoch; return the history and that epoch."""
    keras = import_keras()
    watched = batches(*data["validation"], batch_size)
    loss, accuracy = joint.evaluate(watched, verbose=0)
    rows = [{"validation_loss": loss, "validation_accuracy": accuracy}]
    best = {"epoch": 0, "weights": joint.get_weights()}

    def keep(epoch: int, logs: dict[str, float]) -> None:
        rows.append({key.replace("val_", "validation_"): value for key, value in logs.items()})
        if rows[-1]["validation_loss"] < rows[best["epoch"]]["validation_loss"]:
            best.update(epoch=epoch + 1, weights=joint.get_weights())
        progress("tail and top", epoch + 1, epochs)

    joint.fit(
        batches(*data["train"], batch_size, shuffle=random_state),
        validation_data=watched,
        epochs=epochs,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=keep)],
        verbose=0,
    )
    joint.set_weights(best["weights"])
    return pd.DataFrame(rows).rename_axis("epoch"), best["epoch"]


def _predict(tail: Any, frontier: NDArray[np.float32]) -> NDArray[np.float32]:
    parts = [
        np.asarray(tail.predict_on_batch(np.asarray(frontier[i : i + _BATCH])), np.float32)
        for i in range(0, len(frontier), _BATCH)
    ]
    return np.concatenate(parts)
