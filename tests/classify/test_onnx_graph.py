"""Operators written as ONNX give what OpenVINO gives."""

from __future__ import annotations

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from embedlens.classify.onnx_graph import onnx_model
from embedlens.errors import ConversionError

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

RNG = np.random.default_rng(0)


def number(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def axes(*values):
    return np.array(values, np.int64)


KERNEL, GROUPED = number(4, 6, 3, 3), number(3, 4, 2, 3, 3)
SLOPES = np.abs(number(6))

# x has the shape (1, 6, 9, 8).
GRAPHS = {
    "convolution": lambda x: ops.convolution(x, KERNEL, [2, 1], [1, 0], [0, 2], [1, 2]),
    "convolution, same": lambda x: ops.convolution(
        x, KERNEL, [2, 2], [0, 0], [0, 0], [1, 1], "same_upper"
    ),
    "convolution, lower": lambda x: ops.convolution(
        x, KERNEL, [2, 2], [0, 0], [0, 0], [1, 1], "same_lower"
    ),
    "groups": lambda x: ops.group_convolution(x, GROUPED, [1, 1], [1, 1], [1, 1], [1, 1]),
    "norm": lambda x: ops.batch_norm_inference(
        x, SLOPES, number(6), number(6), np.abs(number(6)), 1e-3
    ),
    "max pool": lambda x: ops.max_pool(
        x, [2, 2], [1, 1], [1, 0], [0, 1], [3, 3], "ceil"
    ).output(0),
    "average pool": lambda x: ops.avg_pool(x, [2, 2], [1, 1], [1, 1], [3, 3], True),
    "average pool with border": lambda x: ops.avg_pool(x, [2, 2], [1, 1], [1, 1], [3, 3], False),
    "clamp": lambda x: ops.clamp(x, 0.0, 0.5),
    "swish": lambda x: ops.swish(x),
    "hard swish": lambda x: ops.hswish(x),
    "hard sigmoid": lambda x: ops.hsigmoid(x),
    "gelu": lambda x: ops.gelu(x, "erf"),
    "gelu, tanh": lambda x: ops.gelu(x, "tanh"),
    "elu": lambda x: ops.elu(x, 0.7),
    "prelu": lambda x: ops.prelu(x, SLOPES),
    "softplus": lambda x: ops.softplus(x),
    "softmax": lambda x: ops.softmax(x, 1),
    "mean": lambda x: ops.reduce_mean(x, axes(2, 3), True),
    "sum": lambda x: ops.reduce_sum(x, axes(1), False),
    "max": lambda x: ops.reduce_max(x, axes(-1), False),
    "length": lambda x: ops.reduce_l2(x, axes(1), True),
    "reshape": lambda x: ops.reshape(x, axes(0, -1, 4), True),
    "transpose": lambda x: ops.transpose(x, axes(0, 2, 3, 1)),
    "product": lambda x: ops.matmul(x, x, False, True),
    "product, turned": lambda x: ops.matmul(x, x, True, False),
    "concat": lambda x: ops.concat([x, ops.relu(x)], 2),
    "pad": lambda x: ops.pad(x, axes(0, 0, 1, 2), axes(0, 1, 0, 3), "constant", np.float32(2)),
    "reflect": lambda x: ops.pad(x, axes(0, 0, 1, 2), axes(0, 0, 2, 3), "reflect"),
    "gather": lambda x: ops.gather(x, axes(3, 0), np.array(2)),
    "slice": lambda x: ops.slice(x, axes(1, 7), axes(9, 0), axes(2, -3), axes(2, 3)),
    "split": lambda x: ops.variadic_split(x, np.array(1), axes(1, 3, 2)).output(1),
    "halves": lambda x: ops.split(x, np.array(3), 2).output(1),
    "best": lambda x: ops.topk(x, np.array(3), 1, "max", "value", "i64").output(0),
    "attention": lambda x: ops.scaled_dot_product_attention(x, x, x),
    "layer norm": lambda x: ops.mvn(x, axes(-1), True, 1e-5, "inside_sqrt"),
    "power": lambda x: ops.power(ops.abs(x), np.float32(1.5)),
    "arithmetic": lambda x: ops.divide(ops.subtract(ops.exp(x), x), ops.sqrt(ops.abs(x))),
    "shape": lambda x: ops.reshape(
        x, ops.concat([ops.gather(ops.shape_of(x, "i64"), axes(0), np.array(0)), axes(-1)], 0), True
    ),
}  # fmt: skip


def made(build):
    x = ops.parameter([1, 6, 9, 8], np.float32)
    model = openvino.Model([ops.result(build(x))], [x], "one")
    model.input(0).get_tensor().set_names({"x"})
    model.output(0).get_tensor().set_names({"y"})
    return model


@pytest.mark.parametrize("name", GRAPHS)
def test_an_operator_gives_the_same(name):
    model, x = made(GRAPHS[name]), number(1, 6, 9, 8)
    precise = {"INFERENCE_PRECISION_HINT": "f32"}
    wanted = openvino.compile_model(model, "CPU", precise)(x)["y"]
    written = onnx_model(model)
    onnx.checker.check_model(written)
    session = onnxruntime.InferenceSession(
        written.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (got,) = session.run(["y"], {"x": x})
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_an_operator_that_is_not_known_is_refused_with_the_other_way():
    with pytest.raises(ConversionError, match="--to openvino"):
        onnx_model(made(lambda x: ops.acosh(x)))
