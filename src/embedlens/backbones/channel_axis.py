"""Which axis of a tensor in an OpenVINO graph is that of channels: features, not places.

A file does not say it. The other axes of a feature map are sides, which are those of the picture
over a stride, and that of tokens is as long as there are patches. Where lengths leave it open, the
operators that made the tensor are asked, the last first: a convolution has its channels first, a
dense layer and a layer norm have them last. Where they do not tell either, nobody can.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import openvino

# Tokens before those of patches: one for the class, and perhaps registers (four in DINOv2's and
# DINOv3's networks that have them).
PREFIX = 8

_CHANNELS_FIRST = {
    "AvgPool", "BatchNormInference", "Convolution", "ConvolutionBackpropData", "GroupConvolution",
    "GroupConvolutionBackpropData", "GroupNormalization", "MaxPool",
}  # fmt: skip
_BY_CHANNEL = {"Add", "Divide", "Multiply", "Subtract"}
# These keep axes as they are, if not their lengths.
_RESIZING = {
    "Concat", "Gather", "Interpolate", "Pad", "Slice", "Split", "StridedSlice", "VariadicSplit",
}  # fmt: skip
_RESHAPING = {"Reshape", "Squeeze", "Unsqueeze"}
_MIXING = {"Einsum", "GRUSequence", "LSTMSequence", "MatMul", "RNNSequence"}

Axes = tuple[int | None, ...]
"""Which axis of the tensor asked about each axis of another is; None if it is none of them."""


def channel_axis(model: openvino.Model, output: Any, size: tuple[int, int]) -> int | None:
    """Return the axis of channels of a feature map or of tokens; None where nothing tells.

    Parameters
    ----------
    model : openvino.Model
        The graph, for one picture.
    output : openvino.Output
        A tensor in it, of shape (1, c, h, w), (1, h, w, c), (1, t, c) or (1, c, t).
    size : (int, int)
        Height and width of the picture, in pixels.

    Returns
    -------
    int or None
        1 or the last.
    """
    shape = _lengths(output)
    last = len(shape) - 1
    if len(shape) == 4:
        maps = {1: shape[2:], last: shape[1:last]}
        fitting = [axis for axis, sides in maps.items() if _are_sides(sides, size)]
    else:
        fitting = [last] if tokens_before(shape[1], size) is not None else []
        fitting += [1] if tokens_before(shape[last], size) == 0 else []
    if len(fitting) == 1:
        return fitting[0]
    told = _told_by_operators(model, output)
    return told if told in (1, last) else None


def tokens_before(count: int, size: tuple[int, int]) -> int | None:
    """Return how many of so many tokens stand before those of a picture's patches.

    None if there is no side of patches, in whole pixels, of which there would be so many.

    Examples
    --------
    >>> tokens_before(197, (224, 224)), tokens_before(49, (224, 224))
    (1, 0)
    """
    patches = [size[0] // side * (size[1] // side) for side in range(4, min(size) + 1)]
    return min((count - each for each in patches if 0 <= count - each <= PREFIX), default=None)


def _are_sides(sides: tuple[int, ...], size: tuple[int, int]) -> bool:
    """Whether sides of a map are those of a picture over a whole stride, rounded down or up."""
    return any(
        all(
            side in (full // stride, -(-full // stride))
            for side, full in zip(sides, size, strict=True)
        )
        for stride in range(1, max(size) + 1)
    )


def _told_by_operators(model: openvino.Model, output: Any) -> int | None:
    fed = _fed(model)
    waiting: list[tuple[Any, Axes]] = [(output, tuple(range(len(_lengths(output)))))]
    seen = set()
    while waiting:
        tensor, axes = waiting.pop()
        node = tensor.get_node()
        if (node.get_name(), axes) in seen or tensor.get_partial_shape().is_dynamic:
            continue
        seen.add((node.get_name(), axes))
        given = [each for each in node.input_values() if each.get_node().get_name() in fed]
        at = _channels_of(node, given)
        if at is None:
            waiting += reversed(list(_before(tensor, given, axes)))
        elif axes[at] is not None:
            return axes[at]
    return None


def _fed(model: openvino.Model) -> set[str]:
    """Name the nodes that depend on the picture: the rest are the network's own numbers."""
    found: set[str] = set()
    for node in model.get_ordered_ops():
        inputs = {each.get_node().get_name() for each in node.input_values()}
        if node.get_type_name() == "Parameter" or inputs & found:
            found.add(node.get_name())
    return found


def _channels_of(node: Any, given: Sequence[Any]) -> int | None:
    """Return the axis of channels of what an operator gives, if the operator tells."""
    kind = node.get_type_name()
    if kind in _CHANNELS_FIRST:
        return 1
    last = len(_lengths(node.output(0))) - 1
    # One axis that is normalized is the last in ONNX; those of sides are scaled by channel after.
    if kind == "MVN" and _lengths(node.input_value(1)) == (1,):
        return last
    if len(given) != 1:
        return None
    if kind == "MatMul" and node.input_value(0) == given[0]:
        return last
    if kind in _BY_CHANNEL:
        own = node.input_value(1 if node.input_value(0) == given[0] else 0)
        lengths = _lengths(own)
        long = [at for at, length in enumerate(lengths) if length > 1]
        if len(long) == 1:
            return last + 1 + long[0] - len(lengths)
    return None


def _before(tensor: Any, given: Sequence[Any], axes: Axes) -> Iterator[tuple[Any, Axes]]:
    """Yield the tensors that one is made of axis by axis, and what their axes are."""
    node, shape = tensor.get_node(), _lengths(tensor)
    kind = node.get_type_name()
    if kind == "Transpose":
        order = node.input_value(1).get_node()
        if order.get_type_name() == "Constant":
            places = [int(each) for each in order.data]
            yield given[0], tuple(axes[places.index(at)] for at in range(len(places)))
    elif kind in _RESHAPING:
        yield given[0], _unreshaped(shape, _lengths(given[0]), axes)
    elif kind not in _MIXING:
        for each in given:
            lengths = _lengths(each)
            if lengths == shape or (kind in _RESIZING and len(lengths) == len(shape)):
                yield each, axes


def _unreshaped(shape: Sequence[int], before: Sequence[int], axes: Axes) -> Axes:
    """Return which axes were the same before a reshape: as long, with as much after them."""
    places = {(length, math.prod(shape[at + 1 :])): axes[at] for at, length in enumerate(shape)}
    return tuple(
        places.get((length, math.prod(before[at + 1 :]))) for at, length in enumerate(before)
    )


def _lengths(tensor: Any) -> tuple[int, ...]:
    """Return a tensor's shape; -1 where it is not known."""
    shape = tensor.get_partial_shape()
    if shape.rank.is_dynamic:
        return ()
    return tuple(-1 if each.is_dynamic else int(each.get_length()) for each in shape)
