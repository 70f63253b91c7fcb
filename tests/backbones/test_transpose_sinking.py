"""Sinking changes where transposes are, and nothing that is computed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openvino import opset13 as ops
from PIL import Image

from embedlens.backbones.transpose_sinking import sink_transposes

EXPORT = """
import sys
from embedlens.backbones import get_backbone
for name in sys.argv[2:]:
    model = get_backbone(name, weights="random").build(64)
    model.export(f"{sys.argv[1]}/{name}.xml", format="openvino", verbose=False)
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    """Networks as Keras exports them, transposes and all."""
    folder = tmp_path_factory.mktemp("exported")
    subprocess.run(
        [sys.executable, "-c", EXPORT, folder, "MobileNetV2", "EfficientNetB0", "ResNet50V2"],
        env={**os.environ, "KERAS_BACKEND": "openvino"},
        check=True,
        capture_output=True,
    )
    return folder


def outputs(model: openvino.Model, *inputs: np.ndarray) -> list[np.ndarray]:
    compiled = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return [np.array(each) for each in compiled(list(inputs)).values()]


def kinds(model: openvino.Model) -> Counter[str]:
    return Counter(node.get_type_name() for node in model.get_ops())


@pytest.mark.parametrize(
    ("name", "left"), [("MobileNetV2", 2), ("ResNet50V2", 2), ("EfficientNetB0", 2 + 16)]
)
def test_of_a_network_s_transposes_those_at_its_ends_are_left(exported, name, left):
    """And one of a single pixel in each of EfficientNet's 16 squeeze-and-excitations."""
    core = openvino.Core()
    path = exported / f"{name}.xml"
    before = core.read_model(path)
    after = sink_transposes(core.read_model(path))
    assert kinds(before)["Transpose"] > 20
    assert kinds(after)["Transpose"] <= left
    coarse = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    picture = np.asarray(Image.fromarray(coarse).resize((64, 64)), np.float32)[None]
    (expected,), (found,) = outputs(before, picture), outputs(after, picture)
    assert np.linalg.norm(found - expected) <= 1e-5 * np.linalg.norm(expected)


def test_the_graph_keeps_its_inputs_outputs_and_convolutions(exported):
    core = openvino.Core()
    before = core.read_model(exported / "MobileNetV2.xml")
    after = sink_transposes(core.read_model(exported / "MobileNetV2.xml"))
    assert after.inputs[0].partial_shape == before.inputs[0].partial_shape
    assert after.outputs[0].partial_shape == before.outputs[0].partial_shape
    for kind in ("Convolution", "GroupConvolution"):
        assert kinds(after)[kind] == kinds(before)[kind]


UNARY = [
    ops.relu,
    ops.tanh,
    ops.sigmoid,
    ops.absolute,
    ops.swish,
    lambda x: ops.clamp(x, -0.5, 0.7),
    lambda x: ops.elu(x, 0.5),
    lambda x: ops.gelu(x, "erf"),
    lambda x: ops.softmax(x, -1),  # not among those that are moved past
]
BINARY = [ops.add, ops.multiply, ops.maximum, ops.subtract]


class Graph:
    """A graph drawn at random: it begins with a transpose, and all of it are outputs.

    Its four dimensions differ, so that an axis that is mistaken for another shows.
    """

    def __init__(self, draw: Callable) -> None:
        self.draw = draw
        self.input = ops.parameter([2, 3, 4, 5], np.float32)
        self.tensors = [ops.relu(self._transpose(self.input))]
        for _ in range(draw(st.integers(3, 12))):
            self.tensors.append(self._next())

    def model(self) -> openvino.Model:
        return openvino.Model(self.tensors, [self.input])

    def _next(self):
        x = self.draw(st.sampled_from(self.tensors[-2:]))
        if not len(x.shape):
            return ops.tanh(x)
        actions = ["transpose", "unary", "constant", "pair", "concat", "pad", "reduce"]
        return getattr(self, f"_{self.draw(st.sampled_from(actions))}")(x)

    def _transpose(self, x):
        return ops.transpose(x, np.array(self.draw(st.permutations(range(len(x.shape))))))

    def _unary(self, x):
        return self.draw(st.sampled_from(UNARY))(x)

    def _binary(self, *sides):
        return self.draw(st.sampled_from(BINARY))(*self.draw(st.permutations(sides)))

    def _constant(self, x):
        """Join it with a constant of any rank that broadcasts to it."""
        kept = self.draw(st.integers(0, len(x.shape)))
        shape = [n if self.draw(st.booleans()) else 1 for n in x.shape][len(x.shape) - kept :]
        numbers = np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)
        return self._binary(x, ops.constant(numbers))

    def _pair(self, x):
        """Join it with a tensor of the same shape, or of a lower rank, that came another way."""
        order = self.draw(st.permutations(range(len(x.shape))))
        there = ops.softmax(ops.transpose(x, np.argsort(order)), 0)
        other = ops.transpose(there, np.array(order))
        if self.draw(st.booleans()):
            other = ops.reduce_sum(other, np.array([0]), keep_dims=False)
        return self._binary(x, other)

    def _concat(self, x):
        axis = self.draw(st.integers(-len(x.shape), len(x.shape) - 1))
        same = [t for t in self.tensors if tuple(t.shape) == tuple(x.shape)]
        return ops.concat([x, self.draw(st.sampled_from(same))], axis)

    def _pad(self, x):
        widths = [[self.draw(st.integers(0, 1)) for _ in x.shape] for _ in range(2)]
        return ops.pad(x, *widths, "constant", np.float32(0.25))

    def _reduce(self, x):
        rank = len(x.shape)
        axes = self.draw(st.sets(st.integers(0, rank - 1), min_size=1, max_size=max(1, rank - 2)))
        signed = [axis - rank * self.draw(st.integers(0, 1)) for axis in sorted(axes)]
        reduce = self.draw(st.sampled_from([ops.reduce_mean, ops.reduce_max, ops.reduce_sum]))
        return reduce(x, np.array(signed), keep_dims=self.draw(st.booleans()))


@settings(
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.data())
def test_any_graph_gives_the_same_outputs(data):
    graph = Graph(data.draw)
    model = graph.model()
    numbers = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32)
    shapes = [tuple(each.shape) for each in model.outputs]
    expected = outputs(model, numbers)
    sunk = sink_transposes(model)
    assert [tuple(each.shape) for each in sunk.outputs] == shapes
    for ours, theirs in zip(outputs(sunk, numbers), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_transposes_in_a_row_that_undo_each_other_vanish():
    x = ops.parameter([2, 3, 4, 5], np.float32)
    there = ops.transpose(ops.relu(ops.transpose(x, [0, 3, 1, 2])), [0, 2, 3, 1])
    model = sink_transposes(openvino.Model([ops.tanh(there)], [x]))
    assert kinds(model)["Transpose"] == 0


def test_an_operation_that_is_not_known_keeps_its_transposes():
    x = ops.parameter([1, 3, 4, 5], np.float32)
    soft = ops.softmax(ops.transpose(x, [0, 3, 1, 2]), 1)
    model = sink_transposes(openvino.Model([ops.transpose(soft, [0, 2, 3, 1])], [x]))
    assert kinds(model)["Transpose"] == 2
