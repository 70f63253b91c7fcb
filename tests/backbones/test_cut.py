from __future__ import annotations

import numpy as np
import pytest

from embedlens.backbones import cut
from embedlens.errors import BackboneError


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(1).random((1, 16, 16, 3), np.float32)


def test_a_network_used_as_a_layer_is_cut_where_it_stands(keras, image):
    """A network inside a model has an output of its own as well, with another input."""
    layers = keras.layers
    inner_input = keras.Input((16, 16, 3))
    inner = keras.Model(inner_input, layers.Conv2D(4, 3)(inner_input), name="inner")
    outer = keras.Sequential(
        [keras.Input((16, 16, 3)), layers.Rescaling(2.0), inner, layers.GlobalMaxPooling2D()]
    )
    given = np.asarray(cut(outer, "inner")(image))
    np.testing.assert_allclose(given, np.asarray(inner(2.0 * image)), rtol=1e-5, atol=1e-6)


def test_branches_that_the_layer_does_not_need_are_left_out(keras, image):
    layers = keras.layers
    inputs = keras.Input((16, 16, 3))
    left = layers.Conv2D(4, 3, name="left")(inputs)
    right = layers.Conv2D(8, 3, name="right")(inputs)
    both = layers.Concatenate(name="both")([left, right])
    model = keras.Model(inputs, both)
    half = cut(model, "left")
    assert half.count_params() == 4 * (27 + 1)
    np.testing.assert_allclose(half(image), np.asarray(model(image))[..., :4], rtol=1e-5, atol=1e-6)


def test_the_weights_are_shared_with_the_whole_network(keras):
    layers = keras.layers
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(2, 1, name="c"), layers.ReLU()])
    part = cut(model, "c")
    model.get_layer("c").set_weights([np.ones((1, 1, 3, 2)), np.zeros(2)])
    np.testing.assert_array_equal(np.asarray(part(np.ones((1, 8, 8, 3), np.float32))), 3.0)


def test_a_layer_unlike_all_names_the_last_ones(keras):
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.ReLU(name="only")])
    with pytest.raises(BackboneError, match=r"no layer 'zzz'\. Its layers include only"):
        cut(model, "zzz")
