"""Moving an OpenVINO graph's transposes out of the way of its convolutions.

Keras computes in channels-last order and OpenVINO convolves in channels-first, so an exported
network holds a pair of transposes around every convolution. Each transpose is moved down, past
the operations that do not care, until it meets its inverse and both vanish; what is left is one
transpose at the input and one at the last feature map. The graph computes the same numbers,
whatever the network: an operation that is not known here just keeps its transposes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import openvino

Permutation = tuple[int, ...]

_UNARY = {
    "Abs", "Clamp", "Convert", "Elu", "Erf", "Exp", "Gelu", "HSigmoid", "HSwish", "Mish",
    "Negative", "Relu", "Sigmoid", "SoftPlus", "Sqrt", "Swish", "Tanh",
}  # fmt: skip
_BINARY = {
    "Add", "Divide", "Maximum", "Minimum", "Multiply", "Power", "SquaredDifference", "Subtract",
}  # fmt: skip
_REDUCE = {"ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum"}


def sink_transposes(model: openvino.Model) -> openvino.Model:
    """Move the transposes of a graph down until they cancel, in place.

    Parameters
    ----------
    model : openvino.Model
        Any graph; only transposes by a constant permutation are moved.

    Returns
    -------
    openvino.Model
        The same object, computing the same outputs.
    """
    from openvino.passes import ConstantFolding, Manager

    folding = Manager()
    folding.register_pass(ConstantFolding())
    folding.run_passes(model)
    _Sinking().run(model)
    model.validate_nodes_and_infer_types()
    return model


class _Sinking:
    """One walk down the graph.

    ``sunk`` holds, for every tensor known to be the transpose of another, that other tensor and
    the permutation: ``tensor = transpose(source, permutation)``.
    """

    def __init__(self) -> None:
        from openvino import opset13
        from openvino.utils.node_factory import NodeFactory

        self.ops = opset13
        self.create = NodeFactory("opset13").create
        self.sunk: dict[tuple[str, int], tuple[Any, Permutation]] = {}

    def run(self, model: openvino.Model) -> None:
        for node in model.get_ordered_ops():
            kind, inputs = node.get_type_name(), node.input_values()
            if kind == "Transpose":
                self._transpose(node, inputs)
            elif kind == "Convert" and _element_type(inputs[0]) == _element_type(node.output(0)):
                node.output(0).replace(inputs[0])
            else:
                permutation = next(
                    (self.sunk[k][1] for k in map(_key, inputs) if k in self.sunk), None
                )
                move = self._mover(kind)
                if permutation is not None and move is not None:
                    move(node, inputs, permutation)

    def _mover(self, kind: str) -> Callable[[Any, list[Any], Permutation], None] | None:
        if kind in _UNARY:
            return self._unary
        if kind in _BINARY:
            return self._binary
        if kind in _REDUCE:
            return self._reduce
        return {
            "BatchNormInference": self._batch_norm, "Concat": self._concat, "Pad": self._pad,
        }.get(kind)  # fmt: skip

    def _transpose(self, node: Any, inputs: list[Any]) -> None:
        permutation = _constant(inputs[1])
        if permutation is None:
            return
        identity = tuple(range(len(permutation)))
        source, earlier = self.sunk.get(_key(inputs[0]), (inputs[0], identity))
        self._settle(node, source, tuple(earlier[int(axis)] for axis in permutation))

    def _unary(self, node: Any, inputs: list[Any], permutation: Permutation) -> None:
        self._rebuild(node, [self._aligned(inputs[0], permutation)], permutation)

    def _binary(self, node: Any, inputs: list[Any], permutation: Permutation) -> None:
        # A tensor of lower rank broadcasts from the right: only a constant can be reshaped here.
        if all(_constant(x) is not None or _rank(x) == len(permutation) for x in inputs):
            self._rebuild(node, [self._aligned(x, permutation) for x in inputs], permutation)

    def _batch_norm(self, node: Any, inputs: list[Any], permutation: Permutation) -> None:
        if permutation[1] == 1 and _key(inputs[0]) in self.sunk:
            source = self._aligned(inputs[0], permutation)
            self._rebuild(node, [source, *inputs[1:]], permutation)

    def _concat(self, node: Any, inputs: list[Any], permutation: Permutation) -> None:
        axis = permutation[node.get_attributes()["axis"] % len(permutation)]
        parts = [self._aligned(x, permutation) for x in inputs]
        self._settle(node, self.ops.concat(parts, axis).output(0), permutation)

    def _pad(self, node: Any, inputs: list[Any], permutation: Permutation) -> None:
        begin, end = _constant(inputs[1]), _constant(inputs[2])
        if begin is None or end is None:
            return
        order = np.argsort(permutation)
        widths = [self.ops.constant(each[order]).output(0) for each in (begin, end)]
        source = self._aligned(inputs[0], permutation)
        self._rebuild(node, [source, *widths, *inputs[3:]], permutation)

    def _reduce(self, node: Any, inputs: list[Any], permutation: Permutation) -> None:
        axes = _constant(inputs[1])
        if axes is None:
            return
        source = self._aligned(inputs[0], permutation)
        moved = [permutation[int(axis)] for axis in np.atleast_1d(axes)]
        new = self.create(
            node.get_type_name(),
            [source, self.ops.constant(np.array(moved, np.int64)).output(0)],
            node.get_attributes(),
        )
        if node.get_attributes()["keep_dims"]:
            self._settle(node, new.output(0), permutation)
            return
        kept = [axis for axis in permutation if axis not in moved]
        self._settle(node, new.output(0), tuple(int(rank) for rank in np.argsort(np.argsort(kept))))

    def _rebuild(self, node: Any, inputs: list[Any], permutation: Permutation) -> None:
        new = self.create(node.get_type_name(), inputs, node.get_attributes())
        self._settle(node, new.output(0), permutation)

    def _settle(self, node: Any, source: Any, permutation: Permutation) -> None:
        """Let ``transpose(source, permutation)`` take the place of a node's output."""
        old = node.output(0)
        if permutation == tuple(range(len(permutation))):
            old.replace(source)
            return
        transposed = self.ops.transpose(source, np.array(permutation, np.int64)).output(0)
        self.sunk[_key(transposed)] = (source, permutation)
        old.replace(transposed)

    def _aligned(self, tensor: Any, permutation: Permutation) -> Any:
        """Return the tensor whose transpose by ``permutation`` is ``tensor``."""
        source, found = self.sunk.get(_key(tensor), (None, None))
        if found == permutation:
            return source
        inverse = np.argsort(permutation)
        array = _constant(tensor)
        if array is None:
            return self.ops.transpose(tensor, inverse).output(0)
        array = array.reshape((1,) * (len(permutation) - array.ndim) + array.shape)
        return self.ops.constant(np.ascontiguousarray(array.transpose(inverse))).output(0)


def _key(tensor: Any) -> tuple[str, int]:
    return tensor.get_node().get_name(), tensor.get_index()


def _constant(tensor: Any) -> np.ndarray | None:
    node = tensor.get_node()
    return np.asarray(node.get_data()) if node.get_type_name() == "Constant" else None


def _element_type(tensor: Any) -> Any:
    return tensor.get_element_type()


def _rank(tensor: Any) -> int:
    rank = tensor.get_partial_shape().rank
    return int(rank.get_length()) if rank.is_static else -1
