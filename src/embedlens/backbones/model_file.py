"""A user's own model file as a backbone, loaded without running code from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from embedlens.backbones.keras_backend import import_keras
from embedlens.errors import BackboneError

if TYPE_CHECKING:
    import keras

SUFFIXES = (".keras", ".h5", ".hdf5")


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
