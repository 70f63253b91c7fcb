from __future__ import annotations

import numpy as np
import pytest

from embedlens.backbones import get_backbone
from embedlens.errors import BackboneError


@pytest.fixture(scope="module")
def network(keras):
    return get_backbone("MobileNetV2", weights="random").load(64)


def test_the_model_is_preprocessing_then_network_then_pooling(keras, network, pixels, difference):
    backbone = get_backbone("MobileNetV2@block_3_depthwise", weights="random")
    part = keras.Model(network.inputs[0], network.get_layer("block_3_depthwise").output)
    maps = np.asarray(part(keras.applications.mobilenet_v2.preprocess_input(pixels.copy())))
    expected = {
        "mean": maps.mean((1, 2)),
        "avg": maps.mean((1, 2)),
        None: maps.mean((1, 2)),
        "max": maps.max((1, 2)),
        "none": maps.reshape(len(maps), -1),
    }
    for pooling, values in expected.items():
        model = backbone.build(64, pooling)
        assert difference(model.predict_on_batch(pixels), values) < 1e-5


def test_sizes_may_be_rectangles():
    model = get_backbone("MobileNetV2", weights="random").build((64, 96), "none")
    assert model.input_shape == (None, 64, 96, 3)
    assert model.output_shape == (None, 2 * 3 * 1280)


def test_the_size_is_the_network_s_own_by_default():
    assert get_backbone("MobileNetV2", weights="random").load().output_shape == (None, 7, 7, 1280)
    assert get_backbone("MobileNetV2", weights="random").feature_map == (7, 7, 1280)


@pytest.mark.parametrize("layer", ["block_3_depthwise", "block_12_add", "Conv1_relu"])
def test_a_cut_gives_the_layer_s_own_output(keras, network, pixels, difference, layer):
    scaled = keras.applications.mobilenet_v2.preprocess_input(pixels.copy())
    expected = np.asarray(keras.Model(network.inputs[0], network.get_layer(layer).output)(scaled))
    model = get_backbone(f"MobileNetV2@{layer}", weights="random").build(64, "none")
    assert difference(model.predict_on_batch(pixels), expected.reshape(2, -1)) < 1e-5


def test_a_cut_at_a_numbered_layer_is_the_same_whatever_was_built_before(keras):
    """Xception leaves four convolutions to Keras's counter."""
    keras.layers.Conv2D(1, 1)
    backbone = get_backbone("Xception@conv2d_3", weights="random")
    first, second = backbone.load(96), backbone.load(96)
    assert first.output_shape == second.output_shape == (None, 3, 3, 1024)
    assert keras.layers.Conv2D(1, 1).name == "conv2d_1", "the caller's own numbering was touched"


def test_an_unknown_layer_is_repeated_and_the_nearest_named():
    with pytest.raises(BackboneError, match=r"no layer 'block_12_ad'.*block_12_add"):
        get_backbone("MobileNetV2@block_12_ad", weights="random").load(64)


def test_an_unknown_pooling_is_named_with_those_there_are():
    with pytest.raises(BackboneError, match=r"'median'.*own, cls, mean, cls\+mean, max, none"):
        get_backbone("MobileNetV2", weights="random").build(64, "median")


@pytest.mark.parametrize(
    ("name", "pooling", "said"),
    [
        (
            "MobileNetV2",
            "cls",
            "a feature map, which the pooling 'cls' does not suit.*mean, max, none",
        ),
        ("EfficientNetLite0@predictions", "mean", "a vector, which the pooling 'mean'.*none"),
    ],
)
def test_a_pooling_that_the_output_has_not_is_refused_with_those_it_has(name, pooling, said):
    with pytest.raises(BackboneError, match=said):
        get_backbone(name, weights="random").build(64, pooling)


def test_a_size_that_the_network_refuses_is_repeated_with_its_own():
    with pytest.raises(BackboneError, match=r"Xception cannot be built for pictures of 20x20.*299"):
        get_backbone("Xception", weights="random").build(20)


def test_a_description_is_plain_json_and_tells_weights_apart(shared):
    import json

    random = get_backbone("MobileNetV2", weights="random").describe()
    file = shared / "weights" / "mobilenet_v2_notop.weights.h5"
    given = get_backbone("MobileNetV2", weights=file).describe()
    assert json.loads(json.dumps(random))["weights"]["digest"] != given["weights"]["digest"]
    assert len(given["weights"]["digest"]) == 64
