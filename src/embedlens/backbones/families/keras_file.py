"""A user's own Keras model file as a backbone, loaded without running code from it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from embedlens.backbones.backbone import Backbone
from embedlens.backbones.cut import cut
from embedlens.backbones.families.keras_family import KerasFamily, cut_at
from embedlens.backbones.families.model_file import model_file
from embedlens.backbones.keras_backend import import_keras
from embedlens.backbones.transform import Transform
from embedlens.backbones.transform_file import recorded_transform
from embedlens.backbones.weights import Weights
from embedlens.errors import BackboneError

if TYPE_CHECKING:
    import keras

SUFFIXES = (".keras", ".h5", ".hdf5")

# A member of the ``.keras`` archive, which Keras leaves alone.
_TRANSFORM = "embedlens.json"

# Of a file that leaves its input's size open.
_SIDE = 224


class KerasFile(KerasFamily):
    """Files that ``model.save`` wrote.

    Pixels go in as they are, squashed to size, unless the user or the file itself says otherwise.
    """

    name = "file"

    def networks(self) -> Sequence[str]:
        """Name none: files are where their users keep them."""
        return []

    def find(self, text: str) -> str | None:
        """Return the path, if it ends as one of a Keras model does."""
        return text if Path(text).suffix.lower() in SUFFIXES else None

    def path(self, network: str) -> Path:
        """Return the file."""
        return Path(network)

    def backbone(
        self, network: str, layer: str | None = None, weights: str | Path | None = None
    ) -> Backbone:
        """Describe a model file, which holds its own weights."""
        path = model_file(network, weights)
        name = f"{network}@{layer}" if layer else network
        return Backbone(name, str(path), self, layer, Weights("file", path), _transform_in(path))

    def load(self, backbone: Backbone, size: tuple[int, int] | None) -> keras.Model:
        """Return the network of the file to its cut; by default, its last feature map."""
        keras = import_keras()
        model = load_model_file(Path(backbone.network))
        trunk = backbone.layer is not None and backbone.layer.startswith("<")
        end = last_feature_map(model) if trunk or not backbone.layer else backbone.layer
        network = cut(model, end) if end else model
        height, width, channels = network.input_shape[1:]
        wanted = size or (height or _SIDE, width or _SIDE)
        if (height or wanted[0], width or wanted[1], channels) != (*wanted, 3):
            raise BackboneError(
                f"{backbone.network} takes pictures of {network.input_shape[1:]}, not of "
                f"{(*wanted, 3)}. Leave the size out."
            )
        if None in (height, width):
            weights = network.get_weights()
            network = keras.models.clone_model(network, input_tensors=keras.Input((*wanted, 3)))
            network.set_weights(weights)
        return cut_at(network, backbone.layer) if trunk else network


def put_transform(path: Path, transform: Transform) -> None:
    """Put into a ``.keras`` file what pictures it takes, so that it travels with the weights."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(_TRANSFORM, json.dumps({"transform": transform.record()}))


def _transform_in(path: Path) -> Transform:
    if not zipfile.is_zipfile(path):
        return Transform()
    try:
        with zipfile.ZipFile(path) as archive:
            if _TRANSFORM not in archive.namelist():
                return Transform()
            return recorded_transform(json.loads(archive.read(_TRANSFORM))["transform"])
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise BackboneError(
            f"{path}: what it says of its pictures, in {_TRANSFORM}, cannot be read ({error})."
        ) from error


def load_model_file(path: Path) -> keras.Model:
    """Load a saved Keras model in safe mode.

    Parameters
    ----------
    path : Path
        A ``.keras`` or ``.h5`` file with architecture and weights.

    Raises
    ------
    BackboneError
        If it is no such file, or holds code (a Lambda layer), or layers unknown to Keras.
    """
    keras = import_keras()
    if not path.is_file():
        raise BackboneError(f"The model file {path} does not exist.")
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BackboneError(
            f"{path} cannot be loaded as a Keras model without running code from it: {reason} "
            "Save it with model.save('name.keras'), without Lambda or custom layers."
        ) from error
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        shapes = [tuple(i.shape) for i in model.inputs]
        raise BackboneError(
            f"{path} takes inputs of shape {shapes}; a backbone takes one picture "
            "(height, width, 3)."
        )
    return model


def last_feature_map(model: keras.Model) -> str | None:
    """Name the last layer whose output is a feature map (height, width, channels), if any."""
    for layer in reversed(model.layers):
        shape = getattr(getattr(layer, "output", None), "shape", ())
        if len(shape) == 4 and not isinstance(layer, import_keras().layers.InputLayer):
            return str(layer.name)
    return None
