"""Convolutions as sums of products give what Keras's own give, and share their weights."""

from __future__ import annotations

import numpy as np
import pytest

from embedlens.backbones.keras_backend import import_keras
from embedlens.learn.convolution import with_fast_gradients

keras = import_keras()
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="only JAX's convolutions are replaced"
)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Conv2D", "DepthwiseConv2D", "SeparableConv2D"])
def test_each_kind_gives_what_keras_gives(kind, size, strides, padding):
    keras.utils.set_random_seed(0)
    settings = {"strides": strides, "padding": padding, "activation": "relu"}
    layer = getattr(keras.layers, kind)(
        *([] if kind == "DepthwiseConv2D" else [5]), kernel_size=size,
        bias_initializer="random_normal", **settings,
    )  # fmt: skip
    x = keras.Input((7, 6, 3))
    model = keras.Model(x, layer(x))
    fast = with_fast_gradients(model)
    assert type(fast.layers[1]).__name__ == "ShiftedConvolution"
    pixels = np.random.default_rng(0).standard_normal((2, 7, 6, 3)).astype(np.float32)
    expected = np.asarray(model(pixels))
    assert np.asarray(fast(pixels)) == pytest.approx(expected, abs=1e-5)


def test_weights_are_shared_with_the_model():
    x = keras.Input((5, 5, 2))
    inner = keras.Model(x, keras.layers.Conv2D(3, 3, name="last")(x), name="inner")
    y = keras.Input((5, 5, 2))
    fast = with_fast_gradients(keras.Model(y, inner(y)))
    inner.get_layer("last").set_weights([np.zeros((3, 3, 2, 3)), np.array([1.0, 2.0, 3.0])])
    assert np.asarray(fast(np.ones((1, 5, 5, 2))))[0, 0, 0].tolist() == [1.0, 2.0, 3.0]
    assert len(fast.trainable_weights) == 2


@pytest.mark.parametrize("settings", [{"groups": 2}, {"dilation_rate": 2}])
def test_what_it_does_not_know_stays_keras_s(settings):
    x = keras.Input((7, 7, 4))
    fast = with_fast_gradients(keras.Model(x, keras.layers.Conv2D(4, 3, **settings)(x)))
    assert type(fast.layers[1]).__name__ == "Conv2D"
