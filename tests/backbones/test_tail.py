"""A network in two parts is the network."""

from __future__ import annotations

import numpy as np
import pytest

from embedlens.backbones import get_backbone
from embedlens.backbones.keras_backend import import_keras
from embedlens.backbones.tail import split, tail_layer
from embedlens.errors import BackboneError

LAST = {
    "Xception": "block14_sepconv2",
    "ResNet50V2": "conv5_block3_3_conv",
    "MobileNetV2": "Conv_1",
    "DenseNet201": "conv5_block32_2_conv",
    "EfficientNetLite0": "conv_head",
}


@pytest.fixture
def network():
    """A small network with a shortcut and a concatenation past its last convolution."""
    keras = import_keras()
    keras.utils.set_random_seed(0)
    layers = keras.layers
    x = keras.Input((16, 16, 3))
    stem = layers.Conv2D(4, 3, padding="same", name="stem")(x)
    y = layers.ReLU(name="relu")(stem)
    y = layers.Conv2D(4, 3, padding="same", name="last")(y)
    y = layers.Add(name="add")([stem, y])
    return keras.Model(x, layers.Concatenate(name="join")([y, stem, x]), name="small")


def as_list(value):
    return value if isinstance(value, list) else [value]


def run_in_parts(trunk, tail, pixels):
    frontier = as_list(trunk.predict(pixels, verbose=0))
    return tail.predict(frontier if len(frontier) > 1 else frontier[0], verbose=0)


def test_trunk_then_tail_computes_what_the_network_computes(network):
    pixels = np.random.default_rng(0).random((3, 16, 16, 3), np.float32)
    trunk, tail = split(network, "last")
    expected = network.predict(pixels, verbose=0)
    assert np.array_equal(run_in_parts(trunk, tail, pixels), expected)


def test_the_frontier_holds_each_tensor_once(network):
    """The convolution's input, the shortcut that two layers use, and the picture itself."""
    trunk, _ = split(network, "last")
    assert sorted(tuple(t.shape[1:]) for t in trunk.outputs) == [
        (16, 16, 3), (16, 16, 4), (16, 16, 4),
    ]  # fmt: skip


def test_the_tail_shares_its_weights_with_the_network(network):
    _, tail = split(network, "last")
    layer = network.get_layer("last")
    assert [w.path for w in tail.weights] == [w.path for w in layer.weights]
    layer.kernel.assign(np.zeros(layer.kernel.shape))
    assert not np.any(np.asarray(tail.get_layer("last").kernel))


@pytest.mark.parametrize("name", LAST)
def test_the_last_convolution_of_the_studys_backbones(name):
    network = get_backbone(name, weights="random").load(80)
    assert tail_layer(network, "last-conv") == LAST[name]


@pytest.mark.parametrize("name", ["ResNet50V2", "DenseNet121", "EfficientNetB0"])
@pytest.mark.parametrize("unfreeze", ["last-conv", "last-block"])
def test_real_networks_can_be_split(name, unfreeze):
    network = get_backbone(name, weights="random").load(64)
    trunk, tail = split(network, tail_layer(network, unfreeze))
    pixels = np.random.default_rng(0).random((2, 64, 64, 3), np.float32)
    expected = network.predict(pixels, verbose=0)
    found = run_in_parts(trunk, tail, pixels)
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def test_all_leaves_no_weights_in_the_trunk():
    network = get_backbone("MobileNetV2", weights="random").load(64)
    trunk, tail = split(network, tail_layer(network, "all"))
    assert trunk.count_params() == 0
    assert tail.count_params() == network.count_params()


def test_a_trunk_is_a_backbone_with_its_frontier_as_features(network):
    trunk = get_backbone("ResNet50V2@<conv5_block3_3_conv", weights="random").build(64, "none")
    assert trunk.output_shape == (None, 2 * 2 * 512 + 2 * 2 * 2048)


@pytest.mark.parametrize("layer", ["lats", "nothing at all"])
def test_an_unknown_layer_is_refused_by_name(layer, network):
    with pytest.raises(BackboneError, match=f"no layer '{layer}'"):
        split(network, layer)


def test_a_layer_off_the_way_to_the_output_is_refused(network):
    keras = import_keras()
    side = keras.Model(network.inputs[0], network.get_layer("stem").output, name="side")
    with pytest.raises(BackboneError, match="no layer 'last'"):
        split(side, "last")


def test_without_blocks_in_its_names_a_network_has_no_last_block(network):
    with pytest.raises(BackboneError, match="no last block"):
        tail_layer(network, "last-block")
