"""A backbone: a pretrained network, its weights, its preprocessing, and where it is cut."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from embedlens.backbones import applications, efficientnet_lite, model_file
from embedlens.backbones.construction import construction
from embedlens.backbones.cut import cut
from embedlens.backbones.keras_backend import import_keras
from embedlens.backbones.tail import split
from embedlens.backbones.weights import Weights, randomize
from embedlens.errors import BackboneError, WeightsError

if TYPE_CHECKING:
    import keras

Pooling = Literal["avg", "max", "none"]
POOLINGS: tuple[Pooling, ...] = ("avg", "max", "none")
PREPROCESSINGS = ("none", "tf", "torch", "caffe")


@dataclass(frozen=True)
class Backbone:
    """A pretrained network cut at a layer. Make one with `get_backbone`.

    Attributes
    ----------
    name : str
        How the user names it: ``"Xception"``, ``"Xception@block13_sepconv2_act"``,
        ``"my.keras@layer"``.
    network : str
        The name without the layer.
    family : {"keras.applications", "EfficientNet-Lite", "file"}
        Where the architecture comes from.
    layer : str or None
        Where it is cut; None is the last feature map. ``"<name"`` is all before the layer of that
        name: the trunk that fine-tuning leaves as it is.
    weights : Weights
        What it was trained on.
    preprocessing : str or None
        Scaling of the pixels ("none", "tf", "torch", "caffe"; see `get_backbone`); None is the
        network's own.
    size : int or None
        Its input's height and width by default, in pixels; None where the model file decides.
    parameters : int or None
        Weights in all, with the ImageNet top; None where only loading the file would tell.
    feature_map : (int, int, int) or None
        Height, width and channels of the last feature map at the default size.
    """

    name: str
    network: str
    family: Literal["keras.applications", "EfficientNet-Lite", "file"]
    layer: str | None
    weights: Weights
    preprocessing: str | None = None
    size: int | None = None
    parameters: int | None = None
    feature_map: tuple[int, int, int] | None = None

    def build(
        self,
        size: int | tuple[int, int] | None = None,
        pooling: Pooling = "avg",
        tail: str | None = None,
    ) -> Any:
        """Build the Keras model from pixels (h, w, 3), 0 to 255 RGB, to features.

        Preprocessing, the network to its cut, and pooling are all inside, so that every engine
        runs the same graph.

        Parameters
        ----------
        size : int or (int, int), optional
            Height and width of the input, in pixels; by default the network's own.
        pooling : {"avg", "max", "none"}
            What becomes of a feature map (h, w, c): its average or maximum over the picture (c
            features), or all of it, flattened in the order height, width, channels.
        tail : str, optional
            The layer where fine-tuning begins. What the trunk before it gives, flattened, then
            follows the features of each picture, so that one run serves both.

        Returns
        -------
        keras.Model
            Its output has shape (pictures, features), or (pictures, features + frontier).

        Raises
        ------
        WeightsError
            If the weights cannot be had, or are another network's.
        BackboneError
            If the layer does not exist, or the network refuses the size.
        """
        if pooling not in POOLINGS:
            raise BackboneError(f"There is no pooling {pooling!r}; choose from {POOLINGS}.")
        keras = import_keras()
        network = self.load(size)
        pixels = keras.Input(network.input_shape[1:], name="pixels")
        if tail is None:
            features = network(self.preprocess(pixels), training=False)
            return keras.Model(pixels, pool(features, pooling), name=network.name)
        frontier = split(network, tail)[0].outputs
        both = keras.Model(network.inputs, [*network.outputs, *frontier], name=network.name)
        features, *rest = both(self.preprocess(pixels), training=False)
        row = [pool(features, pooling), pool(rest, "none")]
        return keras.Model(pixels, keras.layers.Concatenate()(row), name=network.name)

    def load(self, size: int | tuple[int, int] | None = None) -> keras.Model:
        """Build the network alone, to its cut, with its weights: no preprocessing, no pooling."""
        if self.family == "file":
            return self._load_file(size)
        self.weights.fetch(self.network)
        shape = _pair(size or self.size)
        network = self._build_network(shape, top=False)
        names = {layer.name for layer in network.layers}
        top = self.layer is not None and self.layer.removeprefix("<") not in names
        if top:
            network = self._build_network(shape, top=True)
        self._load_weights(network, shape, top=top)
        return self._cut(network)

    def preprocess(self, pixels: Any) -> Any:
        """Bring pixels of 0 to 255, RGB, to the scale the network was trained on."""
        return self._preprocessing()(pixels)

    def describe(self) -> dict[str, Any]:
        """Return what features depend on, as plain JSON: for keys, records and reports."""
        record = asdict(self)
        record["weights"] = {
            "kind": self.weights.kind,
            "origin": self.weights.origin,
            "digest": self.weights.digest(),
        }
        return record

    def _cut(self, network: keras.Model) -> keras.Model:
        if self.layer is None:
            return network
        if self.layer.startswith("<"):
            return split(network, self.layer[1:])[0]
        return cut(network, self.layer)

    def _preprocessing(self) -> Callable[[Any], Any]:
        if self.preprocessing is not None:
            return _standard_preprocessing(self.preprocessing)
        if self.family == "keras.applications":
            return applications.application_preprocessing(self.network)
        if self.family == "EfficientNet-Lite":
            return efficientnet_lite.preprocess
        return _standard_preprocessing("none")

    def _build_network(self, shape: tuple[int, int], *, top: bool) -> Any:
        build = (
            efficientnet_lite.build_efficientnet_lite
            if self.family == "EfficientNet-Lite"
            else applications.build_application
        )
        try:
            with construction():
                return build(self.network, shape, top=top)
        except ValueError as error:
            reason = str(error).splitlines()[0]
            raise BackboneError(
                f"{self.network} cannot be built for pictures of {shape[0]}x{shape[1]}: {reason} "
                f"Its own size is {self.size}."
            ) from error

    def _load_weights(self, network: Any, shape: tuple[int, int], *, top: bool) -> None:
        file = self.weights.file
        if file is None:
            randomize(network)
        elif self.family == "EfficientNet-Lite" and file.suffix == ".pth":
            efficientnet_lite.load_checkpoint(network, file)
        elif not _loads(network, file):
            # The file may hold the network with its ImageNet top, which VGG has at one size only.
            whole = network if top else self._build_network(_pair(self.size), top=True)
            if top or not _loads(whole, file):
                raise WeightsError(
                    f"{file} does not hold the weights of {self.network}"
                    f"{' with its ImageNet top' if top else ''}: shapes or layers differ. "
                    f"Give --weights {self.network}=FILE with a file of this network."
                )
            network.set_weights(whole.get_weights()[: len(network.weights)])

    def _load_file(self, size: int | tuple[int, int] | None) -> keras.Model:
        keras = import_keras()
        model = model_file.load_model_file(Path(self.network))
        trunk = self.layer is not None and self.layer.startswith("<")
        end = model_file.last_feature_map(model) if trunk or not self.layer else self.layer
        network = cut(model, end) if end else model
        height, width, channels = network.input_shape[1:]
        wanted = _pair(size) if size else (height or 224, width or 224)
        if (height or wanted[0], width or wanted[1], channels) != (*wanted, 3):
            raise BackboneError(
                f"{self.network} takes pictures of {network.input_shape[1:]}, not of "
                f"{(*wanted, 3)}. Leave the size out."
            )
        if None in (height, width):
            weights = network.get_weights()
            network = keras.models.clone_model(network, input_tensors=keras.Input((*wanted, 3)))
            network.set_weights(weights)
        return self._cut(network) if trunk else network


def _loads(network: Any, file: Path) -> bool:
    try:
        with warnings.catch_warnings():
            # Keras warns for each container of layers that a file from before 3.15 lacks; these
            # networks list their layers besides, and a layer without weights is an error.
            warnings.filterwarnings("ignore", "Skipping nested container")
            network.load_weights(str(file))
    except (ValueError, KeyError, OSError):
        return False
    return True


def _standard_preprocessing(mode: str) -> Callable[[Any], Any]:
    if mode == "none":
        return lambda pixels: pixels
    imagenet = import_keras().applications.imagenet_utils
    return lambda pixels: imagenet.preprocess_input(pixels, mode=mode)


def pool(features: Any, pooling: Pooling) -> Any:
    """Turn a feature map, or the several of a frontier, into a row of features a picture."""
    layers = import_keras().layers
    if isinstance(features, list):
        flat = [layers.Flatten()(each) for each in features]
        return layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    if len(features.shape) == 2:
        return features
    if len(features.shape) != 4 or pooling == "none":
        return layers.Flatten()(features)
    pool = layers.GlobalAveragePooling2D if pooling == "avg" else layers.GlobalMaxPooling2D
    return pool()(features)


def _pair(size: int | tuple[int, int] | None) -> tuple[int, int]:
    if isinstance(size, tuple):
        return size
    if size is None:
        raise BackboneError("This backbone has no size of its own; give one.")
    return size, size
