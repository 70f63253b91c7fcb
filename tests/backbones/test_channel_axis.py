"""Where the channels of a tensor are, of graphs as networks are exported."""

from __future__ import annotations

import numpy as np
import pytest
from openvino import Model
from openvino import opset13 as ops

from embedlens.backbones.channel_axis import channel_axis, tokens_before

rng = np.random.default_rng(0)


def numbers(*shape):
    return ops.constant(rng.standard_normal(shape).astype(np.float32))


def convolved(channels, side, pixels):
    """A map (1, channels, h, w) of patches of a side."""
    kernel = numbers(channels, 3, side, side)
    return ops.convolution(pixels, kernel, [side, side], [0, 0], [0, 0], [1, 1])


def normalized(values):
    """A layer norm over the last axis, as ONNX's becomes in OpenVINO, without scale and shift."""
    return ops.mvn(values, [-1], True, 1e-6, "inside_sqrt")


def transposed(values, *order):
    return ops.transpose(values, list(order))


def reshaped(values, *shape):
    return ops.reshape(values, list(shape), False)


# Every map is 8 x 8 of eight channels, and tokens are 64 of 64 numbers: lengths tell nothing.
MADE = {
    "convolution": (lambda x: convolved(8, 8, x), 1),
    "convolution, activation, pool": (
        lambda x: ops.max_pool(
            ops.relu(convolved(8, 4, x)), [2, 2], [1, 1], [0, 0], [0, 0], [2, 2]
        ).output(0),
        1,
    ),
    "transposed for channels last": (lambda x: transposed(convolved(8, 8, x), 0, 2, 3, 1), 3),
    "and back": (
        lambda x: transposed(
            ops.gelu(transposed(convolved(8, 8, x), 0, 2, 3, 1), "erf"), 0, 3, 1, 2
        ),
        1,
    ),
    "layer norm of a map": (lambda x: normalized(transposed(convolved(8, 8, x), 0, 2, 3, 1)), 3),
    "layer norm turned back": (
        lambda x: transposed(normalized(transposed(convolved(8, 8, x), 0, 2, 3, 1)), 0, 3, 1, 2),
        1,
    ),
    "numbers by channel": (
        lambda x: ops.multiply(reshaped(convolved(64, 64, x), 1, 1, 8, 8), numbers(8, 1, 1)),
        1,
    ),
    "dense layer of a map": (
        lambda x: ops.matmul(
            transposed(convolved(8, 8, x), 0, 2, 3, 1), numbers(8, 8), False, False
        ),
        3,
    ),
    "windows put together": (
        lambda x: reshaped(
            transposed(
                reshaped(normalized(reshaped(convolved(8, 8, x), 4, 4, 4, 8)), 1, 2, 2, 4, 4, 8),
                0, 1, 3, 2, 4, 5,
            ),
            1, 8, 8, 8,
        ),
        3,
    ),
    "a residue": (
        lambda x: ops.add(numbers(1, 8, 8, 8), ops.sigmoid(convolved(8, 8, x))),
        1,
    ),
    "numbers of which nothing tells": (
        lambda x: reshaped(
            ops.matmul(reshaped(convolved(8, 8, x), 1, 512), numbers(512, 512), False, False),
            1, 8, 8, 8,
        ),
        None,
    ),
    "tokens of a convolution": (
        lambda x: transposed(reshaped(convolved(64, 8, x), 1, 64, 64), 0, 2, 1),
        2,
    ),
    "columns of a convolution": (lambda x: reshaped(convolved(64, 8, x), 1, 64, 64), 1),
    "tokens of a dense layer of two axes": (
        lambda x: reshaped(
            ops.matmul(
                reshaped(transposed(convolved(64, 8, x), 0, 2, 3, 1), 64, 64),
                numbers(64, 64), False, False,
            ),
            1, 64, 64,
        ),
        2,
    ),
    "attention": (
        lambda x: ops.matmul(
            reshaped(convolved(64, 8, x), 1, 64, 64), reshaped(convolved(64, 8, x), 1, 64, 64),
            False, True,
        ),
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("made", list(MADE))
def test_operators_tell_it_where_lengths_leave_it_open(made):
    make, expected = MADE[made]
    pixels = ops.parameter([1, 3, 64, 64], np.float32)
    output = make(pixels)
    output = output if hasattr(output, "get_node") else output.output(0)
    assert channel_axis(Model([output], [pixels], "made"), output, (64, 64)) == expected


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((1, 7, 7, 192), (224, 224), 3),
        ((1, 192, 7, 7), (224, 224), 1),
        ((1, 7, 10, 7), (224, 320), 3),
        ((1, 10, 7, 10), (224, 320), 1),
        ((1, 8, 8, 2048), (299, 299), 3),  # no padding: 299 over 32 would be 9.3
        ((1, 15, 15, 15), (225, 225), None),
        ((1, 147, 147, 64), (299, 299), None),
        ((1, 197, 768), (224, 224), 2),
        ((1, 768, 196), (224, 224), 1),
        ((1, 257, 256), (224, 224), None),  # 14 x 14 pixels, or 257 numbers of 16 x 16 patches
    ],
)
def test_lengths_alone_tell_it_where_they_can(shape, size, expected):
    output = ops.parameter(shape, np.float32)
    given = ops.relu(output)
    model = Model([given], [output], "shape")
    assert channel_axis(model, given.output(0), size) == expected


def test_tokens_are_those_of_patches_and_a_few_before_them():
    assert [tokens_before(each, (224, 224)) for each in (196, 197, 201, 768)] == [0, 1, 5, None]
