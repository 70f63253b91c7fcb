"""Cutting a network at a layer."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from embedlens.backbones.keras_backend import import_keras
from embedlens.backbones.keras_internals import output_in_graph
from embedlens.errors import BackboneError

if TYPE_CHECKING:
    import keras


def cut(model: keras.Model, layer: str) -> keras.Model:
    """Return the part of a network from its input to the output of a named layer.

    Parameters
    ----------
    model : keras.Model
        A functional or sequential network with one input.
    layer : str
        A layer's name, as in ``model.summary()``.

    Raises
    ------
    BackboneError
        If there is no such layer; the message names the nearest.

    Examples
    --------
    >>> from embedlens.backbones.keras_backend import import_keras
    >>> keras = import_keras()
    >>> network = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="c1"),
    ...                             keras.layers.Flatten(), keras.layers.Dense(2)])
    >>> cut(network, "c1").output_shape
    (None, 6, 6, 4)
    """
    names = [each.name for each in model.layers]
    if layer not in names:
        near = difflib.get_close_matches(layer, names, 3) or names[-3:]
        raise BackboneError(
            f"{model.name} has no layer {layer!r}. Its layers include {', '.join(near)}."
        )
    keras = import_keras()
    found = model.get_layer(layer)
    output = output_in_graph(found) if isinstance(found, keras.Model) else found.output
    return keras.Model(model.inputs[0], output, name=model.name)
