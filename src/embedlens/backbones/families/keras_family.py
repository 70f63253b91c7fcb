"""What the families of Keras networks share: building, cutting and their ImageNet top."""

from __future__ import annotations

import math
import tempfile
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedlens.backbones.backbone import Backbone
from embedlens.backbones.cut import cut
from embedlens.backbones.families.family import Built, Family, Form
from embedlens.backbones.keras_backend import import_keras
from embedlens.backbones.pooling import Output, Pooling, poolings_of, vector_of
from embedlens.backbones.tail import split
from embedlens.backbones.transform import Transform
from embedlens.backbones.transpose_sinking import sink_transposes

if TYPE_CHECKING:
    import keras
    import numpy as np
    import openvino
    from numpy.typing import NDArray

IMAGENET_TOP_LAYER = "predictions"
"""As Keras calls the layer of its networks that gives ImageNet's classes."""


class KerasFamily(Family):
    """A family whose networks are Keras models."""

    forms = ("keras", "openvino")
    packages = ("keras",)
    tunable: Form | None = "keras"
    tuned_suffix = ".keras"

    @abstractmethod
    def load(self, backbone: Backbone, size: tuple[int, int] | None) -> keras.Model:
        """Return the network alone, to its cut, with its weights."""

    def build(
        self,
        backbone: Backbone,
        form: Form,
        transform: Transform,
        pooling: Pooling,
        tail: str | None,
    ) -> Built:
        """Build a network with its weights, preprocessing and pooling inside."""
        network = self.load(backbone, transform.size)
        if backbone.layer is not None and backbone.layer.startswith("<"):
            pooling = "none"  # a trunk gives all that the tail takes
        vector = _vector(backbone.name, network.outputs, pooling)
        model = _from_pixels(network, transform, pooling, tail)
        height, width = model.input_shape[1:3]
        outputs = model.get_layer(model.name).outputs
        frontier = sum(math.prod(each.shape[1:]) for each in outputs[1:]) if tail else 0
        return Built(
            _graph(model) if form == "openvino" else model,
            (int(height), int(width)),
            int(model.output_shape[1]) - frontier,
            frontier,
            tuple(int(n) for n in outputs[0].shape[1:]),
            int(model.count_params()),
            vector,
        )

    def poolings(self, backbone: Backbone) -> Sequence[Pooling]:
        """Name those that suit any output of a network of Keras: it has no class token."""
        return poolings_of("map")

    def imagenet_layer(self, network: str) -> str | None:
        """Name the layer that gives ImageNet's 1,000 classes."""
        return IMAGENET_TOP_LAYER

    def imagenet_top(
        self, backbone: Backbone
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]] | None:
        """Return kernel and bias of a whole backbone's ImageNet top, if it is no more than that."""
        whole = self.backbone(backbone.network, self.imagenet_layer(backbone.network))
        if not whole.weights.here:
            return None
        network = whole.load()
        before = backbone.load().output_shape[-1]
        kinds = [type(layer).__name__ for layer in network.layers[-3:]]
        dense = network.layers[-1]
        plain = kinds[-2:] == ["GlobalAveragePooling2D", "Dense"] or kinds == [
            "GlobalAveragePooling2D",
            "Dropout",
            "Dense",
        ]
        if not plain or dense.kernel.shape[0] != before:
            return None
        kernel, bias = dense.get_weights()
        return kernel, bias


def cut_at(network: keras.Model, layer: str | None) -> keras.Model:
    """Cut a network as `Backbone.layer` says."""
    if layer is None:
        return network
    if layer.startswith("<"):
        return split(network, layer[1:])[0]
    return cut(network, layer)


def pool(features: Any, pooling: Pooling) -> Any:
    """Turn a feature map, or the several of a frontier, into a row of features a picture."""
    layers = import_keras().layers
    if isinstance(features, list):
        flat = [layers.Flatten()(each) for each in features]
        return layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    if len(features.shape) == 2:
        return features
    pooling = _chosen([features], pooling)
    if pooling not in ("mean", "max"):
        return layers.Flatten()(features)
    ways = {
        ("mean", 3): layers.GlobalAveragePooling1D,
        ("mean", 4): layers.GlobalAveragePooling2D,
        ("max", 3): layers.GlobalMaxPooling1D,
        ("max", 4): layers.GlobalMaxPooling2D,
    }
    return ways[pooling, len(features.shape)]()(features)


def _chosen(outputs: Sequence[Any], pooling: Pooling) -> Pooling:
    """Return what is done: of a feature map "own" is its average, of all else all of it."""
    if pooling != "own":
        return pooling
    return "mean" if _kind(outputs) == "map" else "none"


def _kind(outputs: Sequence[Any]) -> Output:
    kinds: dict[int, Output] = {2: "vector", 3: "tokens", 4: "map"}
    return kinds.get(len(outputs[0].shape), "other") if len(outputs) == 1 else "other"


def _vector(name: str, outputs: Sequence[Any], pooling: Pooling) -> str:
    return vector_of(name, _kind(outputs), _chosen(outputs, pooling))


def _from_pixels(
    network: keras.Model, transform: Transform, pooling: Pooling, tail: str | None
) -> keras.Model:
    """Return preprocessing, network and pooling as a model with the network as a layer."""
    keras = import_keras()
    pixels = keras.Input(network.input_shape[1:], name="pixels")
    if tail is None:
        features = network(transform.apply(pixels), training=False)
        return keras.Model(pixels, pool(features, pooling), name=network.name)
    frontier = split(network, tail)[0].outputs
    both = keras.Model(network.inputs, [*network.outputs, *frontier], name=network.name)
    features, *rest = both(transform.apply(pixels), training=False)
    row = [pool(features, pooling), pool(rest, "none")]
    return keras.Model(pixels, keras.layers.Concatenate()(row), name=network.name)


def _graph(model: keras.Model) -> openvino.Model:
    """Return a model of Keras's OpenVINO backend as an OpenVINO graph, its transposes sunk."""
    import openvino

    core = openvino.Core()
    # Mapped into memory, the file could not be removed before the graph is.
    core.set_property({"ENABLE_MMAP": False})
    with tempfile.TemporaryDirectory() as folder:
        exported = Path(folder) / "model.xml"
        model.export(str(exported), format="openvino", verbose=False)
        return sink_transposes(core.read_model(exported))
