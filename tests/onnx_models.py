"""Small ONNX files of every shape that people export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_SHAPES = {
    "embedding": ["n", 5],
    "map": ["n", 6, "h", "w"],
    "map_last": ["n", "h", "w", 6],
    "columns": ["n", 6, "t"],
    "unclear": ["n", 4, 6, 4],
    "gap": ["n", 6, 1, 1],
    "tokens": ["n", "t", 6],
}


def save_onnx(
    path: Path,
    *,
    size=(32, 32),
    batch=1,
    layout="NCHW",
    dtype=np.float32,
    outputs=("embedding",),
    whole=False,
    prefix=1,
    external=False,
    inputs=1,
    seed=0,
) -> Path:
    """A convolution of 8 x 8 patches, ReLU, and what follows it: average, dense layer, tokens.

    ``map_last`` and ``columns`` are map and patches with their axes the other way round;
    ``unclear`` has nothing left that tells its axes.
    ``whole``: it takes uint8 and scales it. ``prefix``: how many tokens stand before the patches.
    """
    rng = np.random.default_rng(seed)
    kind = {np.float32: TensorProto.FLOAT, np.float16: TensorProto.FLOAT16}[dtype]
    constants, nodes = [], []

    def constant(name, values):
        constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(operator, inputs, output, **attributes):
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    lengths = {"N": batch, "C": 3, "H": size[0], "W": size[1]}
    taken = TensorProto.UINT8 if whole else kind
    pixels = helper.make_tensor_value_info("pixels", taken, [lengths[axis] for axis in layout])
    x = "pixels"
    if whole:
        x = node("Cast", [x], "cast", to=kind)
        x = node("Div", [x, constant("255", dtype(255))], "scaled")
    if layout == "NHWC":
        x = node("Transpose", [x], "channels_first", perm=[0, 3, 1, 2])
    kernel = constant("kernel", (0.1 * rng.standard_normal((6, 3, 8, 8))).astype(dtype))
    x = node("Relu", [node("Conv", [x, kernel], "conv", strides=[8, 8])], "map")
    flat = node("Flatten", [node("GlobalAveragePool", [x], "gap")], "flat")
    dense = constant("dense", rng.standard_normal((6, 5)).astype(dtype))
    node("MatMul", [flat, dense], "embedding")
    if "map_last" in outputs:
        node("Transpose", [x], "map_last", perm=[0, 2, 3, 1])
    if "unclear" in outputs:
        node("Reshape", [x, constant("cut", np.array([0, 4, 6, 4], np.int64))], "unclear")
    shape = constant("shape", np.array([0, 6, -1], np.int64))
    if "columns" in outputs:
        node("Reshape", [x, shape], "columns")
    if "tokens" in outputs:
        node("Transpose", [node("Reshape", [x, shape], "rows")], "patches", perm=[0, 2, 1])
        first = constant("first", rng.standard_normal((1, prefix, 6)).astype(dtype))
        node("Concat", [first, "patches"] if prefix else ["patches"], "tokens", axis=1)
    more = [helper.make_tensor_value_info(f"extra{i}", kind, [1]) for i in range(1, inputs)]
    given = [helper.make_tensor_value_info(each, kind, _SHAPES[each]) for each in outputs]
    graph = helper.make_graph(nodes, "small", [pixels, *more], given, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = {"save_as_external_data": True, "location": "numbers.bin", "size_threshold": 64}
    onnx.save(model, path, **(options if external else {}))
    return path
