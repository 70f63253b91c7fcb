"""The tail of a network of Keras, trained by Keras."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embedlens.backbones import Pooling
from embedlens.backbones.families.keras_family import pool
from embedlens.backbones.families.keras_file import put_transform
from embedlens.backbones.float32 import float32_of_keras
from embedlens.backbones.keras_backend import import_keras
from embedlens.backbones.keras_internals import layers_after
from embedlens.backbones.tail import split, tail_layer
from embedlens.files import replacing
from embedlens.learn.batches import Batches
from embedlens.learn.convolution import with_fast_gradients
from embedlens.learn.lazy_rows import LazyRows
from embedlens.learn.top_classifier import TopClassifier

if TYPE_CHECKING:
    from embedlens.features import Recipe

_BATCH = 64


class KerasTail:
    """What fine-tuning trains of a network of Keras; see ``Tail``."""

    def __init__(self, recipe: Recipe, unfreeze: str) -> None:
        self._recipe = recipe
        self.network = recipe.backbone.load(recipe.transform.size)
        self.layer = tail_layer(self.network, unfreeze)
        self._model = flat_tail(split(self.network, self.layer), recipe.pooling)
        self.features = int(self._model.output_shape[-1])
        weights = self._model.trainable_weights
        self.parameters = sum(int(np.prod(each.shape)) for each in weights)

    def predict(self, frontier: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the features of some pictures."""
        parts = []
        for i in range(0, len(frontier), _BATCH):
            block = frontier[i : i + _BATCH]
            # The last block is filled up: one shape, one compilation.
            rest = np.zeros((_BATCH - len(block), *block.shape[1:]), np.float32)
            with float32_of_keras():
                given = self._model.predict_on_batch(np.concatenate([block, rest]))
            parts.append(np.asarray(given)[: len(block)])
        return np.concatenate(parts)

    def join(
        self,
        top: TopClassifier,
        learning_rate: float,
        batch_size: int,
        silhouette: float,
        random_state: int,
    ) -> KerasJoint:
        """Put a trained top on it; see ``Tail.join``."""
        import_keras().utils.set_random_seed(random_state)
        return KerasJoint(joint_model(self._model, top, learning_rate, silhouette), batch_size)

    def save(self, path: Path) -> str:
        """Write the network, preprocessing inside, as a ``.keras`` file that is a backbone."""
        keras, transform = import_keras(), self._recipe.transform
        pixels = keras.Input(self.network.input_shape[1:], name="pixels")
        # One graph, not a network within a model: so that it can be cut and tuned once more.
        whole = layers_after(self.network, transform.apply(pixels))
        model = keras.Model(pixels, whole, name=f"{self.network.name}_tuned")
        with replacing(path, ".keras") as partial:
            model.save(partial)
            # Scaling is in the network; how pictures are fitted to its size cannot be.
            put_transform(partial, transform.scaled_by("none"))
        return str(path)


class KerasJoint:
    """Tail and top as one compiled model; see ``Joint``."""

    def __init__(self, model: Any, batch_size: int) -> None:
        self._model = model
        self._batch_size = batch_size

    def epoch(self, X: LazyRows, y: NDArray[np.int64]) -> tuple[float, float]:
        """Train on rows in their order; return the mean loss and accuracy."""
        with float32_of_keras():
            history = self._model.fit(Batches(X, y, self._batch_size), verbose=0).history
        return history["loss"][0], history["accuracy"][0]

    def evaluate(self, X: LazyRows, y: NDArray[np.int64]) -> tuple[float, float]:
        """Return the mean loss and the accuracy."""
        with float32_of_keras():
            loss, accuracy = self._model.evaluate(Batches(X, y, self._batch_size), verbose=0)
        return loss, accuracy

    def state(self) -> list[NDArray[Any]]:
        """Return a copy of all numbers."""
        weights: list[NDArray[Any]] = self._model.get_weights()
        return weights

    def restore(self, state: list[NDArray[Any]]) -> None:
        """Put them back."""
        self._model.set_weights(state)


def flat_tail(parts: tuple[Any, Any], pooling: Pooling) -> Any:
    """Return the tail of a network's two parts, from the flattened frontier to features."""
    keras = import_keras()
    trunk, tail = parts
    shapes = [tuple(each.shape[1:]) for each in trunk.outputs]
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
    flat = keras.Input((int(ends[-1]),), name="frontier")
    tensors = [
        keras.layers.Reshape(shape)(flat[:, begin:end])
        for shape, begin, end in zip(shapes, ends[:-1], ends[1:], strict=True)
    ]
    for each in tail.layers:
        if isinstance(each, keras.layers.BatchNormalization):
            each.trainable = False
    features = tail(tensors if len(tensors) > 1 else tensors[0], training=False)
    return with_fast_gradients(keras.Model(flat, pool(features, pooling), name=tail.name))


def joint_model(
    tail: Any, top: TopClassifier, learning_rate: float, silhouette: float = 0.0
) -> Any:
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
