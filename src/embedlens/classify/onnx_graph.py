"""An OpenVINO graph written as ONNX: for graphs of one shape, operator by operator.

OpenVINO reads ONNX and writes none. Every network that can be embedded here has an OpenVINO graph,
with its preprocessing and pooling inside; so one walk along it serves all families, where exports
of Keras and of PyTorch would each need a framework. An operator that is not known here is refused,
and what was written is compared with OpenVINO before anybody gets it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from embedlens.errors import ConversionError

OPSET, IR = 17, 9

Attributes = dict[str, Any]


class OnnxGraph:
    """Nodes and constants as they are gathered."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._names: dict[tuple[int, int], str] = {}

    def node(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        return self.several(operator, inputs, 1, **attributes)[0]

    def several(self, operator: str, inputs: list[str], count: int, **attributes: Any) -> list[str]:
        """Add a node of several outputs; return their names."""
        from onnx import helper

        outputs = [f"{operator.lower()}_{len(self.nodes)}_{place}" for place in range(count)]
        self.nodes.append(helper.make_node(operator, inputs, outputs, **attributes))
        return outputs

    def constant(self, values: Any) -> str:
        """Add a constant; return its name."""
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        array = np.ascontiguousarray(values)
        self.constants.append(numpy_helper.from_array(array.reshape(np.shape(values)), name))
        return name

    def integers(self, values: Any) -> str:
        """Add a constant of shapes or axes."""
        return self.constant(np.asarray(values, np.int64))

    def name_of(self, output: Any) -> str:
        """Return the name of what an output of OpenVINO's graph became."""
        return self._names[(output.get_node().get_instance_id(), output.get_index())]

    def call(self, output: Any, name: str) -> None:
        """Note what an output of OpenVINO's graph became."""
        self._names[(output.get_node().get_instance_id(), output.get_index())] = name


def onnx_model(model: Any) -> Any:
    """Write a graph of one shape as an ``onnx.ModelProto`` of opset 17, in the same numbers.

    Parameters
    ----------
    model : openvino.Model
        One input, of a given shape; names of its tensors are kept. It is folded in place.

    Raises
    ------
    ConversionError
        If it has an operator that is not known here.
    """
    from onnx import TensorProto, helper
    from openvino.passes import ConstantFolding, Manager

    manager = Manager()
    manager.register_pass(ConstantFolding())
    manager.run_passes(model)
    graph, inputs, outputs = OnnxGraph(), [], []
    kinds = {"u8": TensorProto.UINT8, "f32": TensorProto.FLOAT}
    for node in model.get_ordered_ops():
        kind = node.get_type_name()
        if kind == "Parameter":
            name = _given_name(node.output(0))
            shape = list(node.output(0).shape)
            element = kinds[node.output(0).get_element_type().get_type_name()]
            inputs.append(helper.make_tensor_value_info(name, element, shape))
            graph.call(node.output(0), name)
        elif kind == "Constant":
            graph.call(node.output(0), graph.constant(_values(node)))
        elif kind != "Result":
            _write(graph, node)
    for output in model.outputs:
        name = _given_name(output)
        source = graph.name_of(output.get_node().input_value(0))
        graph.nodes.append(helper.make_node("Identity", [source], [name]))
        info = helper.make_tensor_value_info(name, TensorProto.FLOAT, list(output.shape))
        outputs.append(info)
    used = {name for node in graph.nodes for name in node.input}
    constants = [each for each in graph.constants if each.name in used]
    made = helper.make_graph(graph.nodes, "classifier", inputs, outputs, constants)
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(made, opset_imports=opsets, ir_version=IR, producer_name="embedlens")


def _given_name(output: Any) -> str:
    return str(min(output.get_names()))


def _write(graph: OnnxGraph, node: Any) -> None:
    kind = node.get_type_name()
    if kind not in _WRITERS:
        raise ConversionError(
            f"The network's operator {kind} is not one that can be written as ONNX here. Export "
            "with --to openvino, which works for every network."
        )
    names = [graph.name_of(node.input_value(place)) for place in range(node.get_input_size())]
    made = _WRITERS[kind](graph, node, names, node.get_attributes())
    for output, name in zip(
        node.outputs(), [made] if isinstance(made, str) else made, strict=False
    ):
        graph.call(output, name)


def _values(node: Any) -> Any:
    kind = node.get_element_type().get_type_name()
    if kind in ("bf16", "f64", "f16"):
        return node.data.astype(np.float32)
    return node.data.astype(np.int64) if kind in ("i32", "u64") else node.data


def _given(node: Any, place: int) -> Any:
    """Return an input that must be a constant: axes, shapes, pads."""
    source = node.input_value(place).get_node()
    if source.get_type_name() != "Constant":
        raise ConversionError(
            f"An operator {node.get_type_name()} of the network takes what depends on the picture, "
            "which cannot be written as ONNX here. Export with --to openvino."
        )
    return source.data


def _plain(operator: str) -> Callable[..., str]:
    """Write an operator that both call alike and that has no attributes."""
    return lambda graph, node, names, attributes: graph.node(operator, names)


def _convert(graph: OnnxGraph, node: Any, names: list[str], _: Attributes) -> str:
    from onnx import TensorProto

    kind = node.output(0).get_element_type().get_type_name()
    to = {"f32": TensorProto.FLOAT, "f16": TensorProto.FLOAT, "i64": TensorProto.INT64,
          "i32": TensorProto.INT64, "boolean": TensorProto.BOOL,
          "u8": TensorProto.UINT8}  # fmt: skip
    if kind not in to:
        raise ConversionError(f"The type {kind} cannot be written as ONNX here; take openvino.")
    return graph.node("Cast", names[:1], to=to[kind])


def _window(attributes: Attributes) -> Attributes:
    """Return strides and pads of a convolution or pool."""
    auto = str(attributes.get("auto_pad", "explicit")).lower()
    told: Attributes = {"strides": list(attributes["strides"])}
    if "dilations" in attributes:
        told["dilations"] = list(attributes["dilations"])
    if auto in ("same_upper", "same_lower", "valid"):
        return {**told, "auto_pad": auto.upper()}
    return {**told, "pads": [*attributes["pads_begin"], *attributes["pads_end"]]}


def _convolution(graph: OnnxGraph, node: Any, names: list[str], attributes: Attributes) -> str:
    return graph.node("Conv", names, **_window(attributes))


def _group_convolution(
    graph: OnnxGraph, node: Any, names: list[str], attributes: Attributes
) -> str:
    groups, out, *rest = node.input_value(1).shape
    kernel = graph.node("Reshape", [names[1], graph.integers([groups * out, *rest])])
    return graph.node("Conv", [names[0], kernel], group=int(groups), **_window(attributes))


def _pool(operator: str) -> Callable[..., str]:
    def write(graph: OnnxGraph, node: Any, names: list[str], attributes: Attributes) -> str:
        told = _window(attributes)
        if operator == "AveragePool":
            told |= {"count_include_pad": int(not attributes["exclude-pad"])}
            told.pop("dilations", None)
        told["ceil_mode"] = int("ceil" in str(attributes.get("rounding_type", "floor")).lower())
        return graph.node(operator, names[:1], kernel_shape=list(attributes["kernel"]), **told)

    return write


def _reduction(operator: str) -> Callable[..., str]:
    def write(graph: OnnxGraph, node: Any, names: list[str], attributes: Attributes) -> str:
        axes = [int(axis) for axis in np.atleast_1d(_given(node, 1))]
        keep = int(bool(attributes["keep_dims"]))
        if operator == "ReduceSum":  # the one that takes its axes as an input in this opset
            return graph.node(operator, [names[0], graph.integers(axes)], keepdims=keep)
        return graph.node(operator, names[:1], axes=axes, keepdims=keep)

    return write


def _shaped(graph: OnnxGraph, node: Any, names: list[str], _: Attributes) -> str:
    """Reshape, Squeeze, Unsqueeze: all shapes are known, so that each says what it makes."""
    return graph.node("Reshape", [names[0], graph.integers(list(node.output(0).shape))])


def _transpose(graph: OnnxGraph, node: Any, names: list[str], _: Attributes) -> str:
    return graph.node("Transpose", names[:1], perm=[int(each) for each in _given(node, 1)])


def _batch_norm(graph: OnnxGraph, node: Any, names: list[str], attributes: Attributes) -> str:
    epsilon = float(attributes["epsilon"])
    return graph.node("BatchNormalization", names, epsilon=epsilon)


def _clamp(graph: OnnxGraph, node: Any, names: list[str], attributes: Attributes) -> str:
    ends = [graph.constant(np.array(attributes[end], np.float32)) for end in ("min", "max")]
    return graph.node("Clip", [names[0], *ends])


def _matmul(graph: OnnxGraph, node: Any, names: list[str], attributes: Attributes) -> str:
    sides = []
    for place, turned in enumerate(("transpose_a", "transpose_b")):
        name, rank = names[place], len(node.input_value(place).shape)
        if attributes[turned] and rank > 1:
            order = [*range(rank - 2), rank - 1, rank - 2]
            name = graph.node("Transpose", [name], perm=order)
        sides.append(name)
    return graph.node("MatMul", sides)


def _swish(graph: OnnxGraph, node: Any, names: list[str], _: Attributes) -> str:
    inner = graph.node("Mul", names) if len(names) > 1 else names[0]
    return graph.node("Mul", [names[0], graph.node("Sigmoid", [inner])])


def _hard_swish(graph: OnnxGraph, node: Any, names: list[str], _: Attributes) -> str:
    return graph.node("Mul", [names[0], _hard_sigmoid(graph, node, names, _)])


def _hard_sigmoid(graph: OnnxGraph, node: Any, names: list[str], _: Attributes) -> str:
    return graph.node("HardSigmoid", names[:1], alpha=1 / 6, beta=0.5)


def _gelu(graph: OnnxGraph, node: Any, names: list[str], attributes: Attributes) -> str:
    def number(value: float) -> str:
        return graph.constant(np.array(value, np.float32))

    x = names[0]
    if str(attributes.get("approximation_mode", "ERF")).lower() == "tanh":
        cube = graph.node(
            "Mul", [graph.node("Mul", [graph.node("Mul", [x, x]), x]), number(0.044715)]
        )
        bent = graph.node("Mul", [graph.node("Add", [x, cube]), number(np.sqrt(2 / np.pi))])
        bent = graph.node("Tanh", [bent])
    else:
        bent = graph.node("Erf", [graph.node("Mul", [x, number(np.sqrt(0.5))])])
    half = graph.node("Mul", [x, number(0.5)])
    return graph.node("Mul", [half, graph.node("Add", [bent, number(1.0)])])


def _elu(graph: OnnxGraph, node: Any, names: list[str], attributes: Attributes) -> str:
    return graph.node("Elu", names, alpha=float(attributes["alpha"]))


def _prelu(graph: OnnxGraph, node: Any, names: list[str], _: Attributes) -> str:
    rank, slopes = len(node.input_value(0).shape), list(node.input_value(1).shape)
    if len(slopes) == 1:  # of the channels, which come second
        shape = graph.integers([*slopes, *[1] * (rank - 2)])
        names = [names[0], graph.node("Reshape", [names[1], shape])]
    return graph.node("PRelu", names)


def _concat(graph: OnnxGraph, node: Any, names: list[str], attributes: Attributes) -> str:
    return graph.node("Concat", names, axis=int(attributes["axis"]))


def _softmax(graph: OnnxGraph, node: Any, names: list[str], attributes: Attributes) -> str:
    return graph.node("Softmax", names, axis=int(attributes["axis"]))


def _pad(graph: OnnxGraph, node: Any, names: list[str], attributes: Attributes) -> str:
    mode = str(attributes["pad_mode"]).lower()
    if mode not in ("constant", "reflect", "edge"):
        raise ConversionError(f"Padding by {mode} cannot be written as ONNX; take openvino.")
    pads = graph.integers([*map(int, _given(node, 1)), *map(int, _given(node, 2))])
    return graph.node("Pad", [names[0], pads, *names[3:4]], mode=mode)


def _gather(graph: OnnxGraph, node: Any, names: list[str], attributes: Attributes) -> str:
    if int(attributes.get("batch_dims", 0)):
        raise ConversionError("A Gather by batches cannot be written as ONNX; take openvino.")
    return graph.node("Gather", names[:2], axis=int(np.ravel(_given(node, 2))[0]))


def _slice(graph: OnnxGraph, node: Any, names: list[str], _: Attributes) -> str:
    start, stop, step = ([int(each) for each in _given(node, place)] for place in (1, 2, 3))
    given = node.get_input_size() > 4
    axes = [int(each) for each in _given(node, 4)] if given else list(range(len(start)))
    return graph.node("Slice", [names[0], *map(graph.integers, (start, stop, axes, step))])


def _split(graph: OnnxGraph, node: Any, names: list[str], _: Attributes) -> list[str]:
    axis = int(np.ravel(_given(node, 1))[0])
    sizes = [int(output.shape[axis]) for output in node.outputs()]
    return graph.several("Split", [names[0], graph.integers(sizes)], len(sizes), axis=axis)


def _topk(graph: OnnxGraph, node: Any, names: list[str], attributes: Attributes) -> list[str]:
    k = graph.integers([int(np.ravel(_given(node, 1))[0])])
    largest = int(str(attributes["mode"]).lower() == "max")
    return graph.several("TopK", [names[0], k], 2, axis=int(attributes["axis"]), largest=largest)


def _attention(graph: OnnxGraph, node: Any, names: list[str], attributes: Attributes) -> str:
    if attributes["causal"]:
        raise ConversionError("Causal attention cannot be written as ONNX here; take openvino.")
    shape = list(node.input_value(0).shape)
    rank = len(shape)
    turned = graph.node("Transpose", [names[1]], perm=[*range(rank - 2), rank - 1, rank - 2])
    factor = graph.constant(np.array(shape[-1] ** -0.5, np.float32))
    scale = names[4] if len(names) > 4 else factor
    scores = graph.node("Mul", [graph.node("MatMul", [names[0], turned]), scale])
    # A mask that is one number, 0, is none.
    if len(names) > 3 and node.input_value(3).get_partial_shape().rank.get_length():
        scores = graph.node("Add", [scores, names[3]])
    return graph.node("MatMul", [graph.node("Softmax", [scores], axis=-1), names[2]])


def _mvn(graph: OnnxGraph, node: Any, names: list[str], attributes: Attributes) -> str:
    axes = [int(axis) for axis in np.atleast_1d(_given(node, 1))]
    centred = graph.node(
        "Sub", [names[0], graph.node("ReduceMean", names[:1], axes=axes, keepdims=1)]
    )
    if not attributes["normalize_variance"]:
        return centred
    square = graph.node("Mul", [centred, centred])
    variance = graph.node("ReduceMean", [square], axes=axes, keepdims=1)
    little = graph.constant(np.array(attributes["eps"], np.float32))
    if "inside" in str(attributes["eps_mode"]).lower():
        deviation = graph.node("Sqrt", [graph.node("Add", [variance, little])])
    else:
        deviation = graph.node("Add", [graph.node("Sqrt", [variance]), little])
    return graph.node("Div", [centred, deviation])


_PLAIN = {
    "Add": "Add", "Subtract": "Sub", "Multiply": "Mul", "Divide": "Div", "Power": "Pow",
    "Maximum": "Max", "Minimum": "Min", "Relu": "Relu", "Sigmoid": "Sigmoid", "Tanh": "Tanh",
    "Exp": "Exp", "Log": "Log", "Sqrt": "Sqrt", "Abs": "Abs", "Negative": "Neg", "Erf": "Erf",
    "SoftPlus": "Softplus", "Floor": "Floor", "Identity": "Identity",
}  # fmt: skip

_WRITERS: dict[str, Callable[..., Any]] = {
    **{kind: _plain(operator) for kind, operator in _PLAIN.items()},
    "Convert": _convert,
    "Convolution": _convolution,
    "GroupConvolution": _group_convolution,
    "MaxPool": _pool("MaxPool"),
    "AvgPool": _pool("AveragePool"),
    "ReduceMean": _reduction("ReduceMean"),
    "ReduceSum": _reduction("ReduceSum"),
    "ReduceMax": _reduction("ReduceMax"),
    "ReduceL2": _reduction("ReduceL2"),
    "Reshape": _shaped,
    "Squeeze": _shaped,
    "Unsqueeze": _shaped,
    "Transpose": _transpose,
    "BatchNormInference": _batch_norm,
    "Clamp": _clamp,
    "MatMul": _matmul,
    "Swish": _swish,
    "HSwish": _hard_swish,
    "HSigmoid": _hard_sigmoid,
    "Gelu": _gelu,
    "Elu": _elu,
    "PRelu": _prelu,
    "Concat": _concat,
    "SoftMax": _softmax,
    "Softmax": _softmax,
    "Pad": _pad,
    "Gather": _gather,
    "Slice": _slice,
    "Split": _split,
    "VariadicSplit": _split,
    "TopK": _topk,
    "ScaledDotProductAttention": _attention,
    "MVN": _mvn,
}
