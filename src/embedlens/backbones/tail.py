"""Cutting a network into the trunk, which stays as it is, and the tail, which is fine-tuned."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from embedlens.backbones.cut import cut
from embedlens.backbones.keras_backend import import_keras
from embedlens.backbones.keras_internals import calls_of_layers
from embedlens.errors import BackboneError

if TYPE_CHECKING:
    import keras

_CONVOLUTIONS = ("Conv2D", "SeparableConv2D", "DepthwiseConv2D")
# block14_sepconv2, conv5_block3_3_conv, block_16_project, blocks_15_expand_conv, block7a_se_reduce
_BLOCK = re.compile(r"^(?:.*?_)?blocks?_?\d+[a-z]?(?=_)")


def split(network: keras.Model, layer: str) -> tuple[keras.Model, keras.Model]:
    """Cut a network's graph where a layer begins.

    The tail is that layer and all that depends on it; the trunk is the rest. What the tail needs
    of the trunk, the frontier, is more than one tensor where a shortcut or a concatenation passes
    the layer by.

    Parameters
    ----------
    network : keras.Model
        A functional or sequential network with one input.
    layer : str
        The tail's first layer.

    Returns
    -------
    trunk : keras.Model
        From the network's input to the list of frontier tensors.
    tail : keras.Model
        From the list of frontier tensors to the network's output; it shares its layers, and so
        its weights, with ``network``.

    Raises
    ------
    BackboneError
        If there is no such layer, or the network's output does not depend on it.

    Examples
    --------
    >>> from embedlens.backbones.keras_backend import import_keras
    >>> keras = import_keras()
    >>> x = keras.Input((8, 8, 3))
    >>> y = keras.layers.Conv2D(3, 3, padding="same", name="last")(x)
    >>> trunk, tail = split(keras.Model(x, keras.layers.Add()([x, y])), "last")
    >>> len(trunk.outputs), len(tail.inputs)
    (1, 1)
    """
    cut(network, layer)  # so that a wrong name gets its error
    inside: set[int] = set()
    frontier: dict[int, Any] = {}
    for node in calls_of_layers(network):
        inputs = node.input_tensors
        if node.operation.name == layer or any(id(tensor) in inside for tensor in inputs):
            frontier |= {id(t): t for t in inputs if id(t) not in inside}
            inside |= {id(tensor) for tensor in node.outputs}
    if id(network.outputs[0]) not in inside:
        raise BackboneError(
            f"The output of {network.name} does not depend on its layer {layer!r}; choose a layer "
            "on the way to the output."
        )
    model, tensors = import_keras().Model, list(frontier.values())
    return (
        model(network.inputs[0], tensors, name=f"{network.name}_trunk"),
        model(tensors, network.outputs[0], name=f"{network.name}_tail"),
    )


def tail_layer(network: keras.Model, unfreeze: str) -> str:
    """Name the layer where the tail begins.

    Parameters
    ----------
    network : keras.Model
        The network.
    unfreeze : str
        "auto", "last-conv": the last convolutional layer, the study's choice; "last-block": the
        first layer of the last block, by the names that ``keras.applications`` gives; "all": the
        first layer with weights; or a layer's name.

    Raises
    ------
    BackboneError
        If the network has no such layer.
    """
    layers = [layer for layer in network.layers if layer.weights]
    if unfreeze in ("auto", "last-conv"):
        found = [each.name for each in layers if type(each).__name__ in _CONVOLUTIONS][-1:]
    elif unfreeze == "last-block":
        matches = [_BLOCK.match(each.name) for each in layers]
        last = next((m[0] for m in reversed(matches) if m), None)
        found = [each.name for each, m in zip(layers, matches, strict=True) if m and m[0] == last][
            :1
        ]
    elif unfreeze == "all":
        found = [each.name for each in layers][:1]
    else:  # names of Keras's layers tell no stages
        found = [unfreeze] if unfreeze != "last-stage" else []
    if not found:
        raise BackboneError(
            f"{network.name} has no {unfreeze.replace('-', ' ')} that its layers' names tell; name "
            "the layer where fine-tuning shall begin."
        )
    return str(found[0])
