from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage import data

from embedlens.backbones import get_backbone
from embedlens.backbones.construction import construction
from embedlens.backbones.families.efficientnet_lite import (
    VARIANTS,
    build_efficientnet_lite,
    weights_file,
)
from embedlens.backbones.torch_checkpoint import read_torch_checkpoint
from embedlens.errors import WeightsError


@pytest.mark.parametrize("name", VARIANTS)
def test_the_network_has_every_number_of_its_checkpoint_and_no_other(name):
    tensors = read_torch_checkpoint(weights_file(name))
    numbers = sum(t.size for key, t in tensors.items() if not key.endswith("num_batches_tracked"))
    assert get_backbone(name).parameters == numbers
    with construction():
        model = build_efficientnet_lite(name, (64, 64), top=True)
    assert model.count_params() == numbers


@pytest.mark.parametrize("name", VARIANTS)
def test_the_feature_map_is_what_the_registry_says(name):
    backbone = get_backbone(name)
    with construction():
        model = build_efficientnet_lite(name, (backbone.size, backbone.size), top=False)
    assert model.output_shape[1:] == backbone.feature_map


@pytest.fixture(scope="module")
def classifier(keras):
    return get_backbone("EfficientNetLite0@predictions").build()


@pytest.mark.parametrize(("photograph", "label"), [("chelsea", 285), ("coffee", 967)])
def test_the_top_names_photographs(classifier, photograph, label):
    """285 is ImageNet's Egyptian cat, 967 its espresso."""
    picture = Image.fromarray(getattr(data, photograph)()).resize((224, 224), Image.Resampling.BOX)
    probabilities = np.asarray(classifier(np.asarray(picture, np.float32)[None]))
    assert probabilities.shape == (1, 1000)
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    assert probabilities.argmax() == label


def test_pixels_are_scaled_as_in_its_training(pixels):
    given = get_backbone("EfficientNetLite0").preprocess(pixels)
    np.testing.assert_array_equal(given, (pixels - 127) / 128)


@pytest.mark.parametrize(
    ("name", "other"),
    [("EfficientNetLite0", "EfficientNetLite1"), ("EfficientNetLite2", "EfficientNetLite0")],
)
def test_the_checkpoint_of_another_variant_is_refused(name, other):
    backbone = get_backbone(name, weights=weights_file(other))
    with pytest.raises(WeightsError, match=rf"does not hold the weights of {name.lower()}: layer"):
        backbone.load(64)


def test_a_checkpoint_of_something_else_is_refused(checkpoint, tmp_path):
    file = tmp_path / "resnet.pth"
    file.write_bytes(checkpoint({"conv1.weight": np.zeros((2, 2), "<f4")}))
    with pytest.raises(WeightsError, match=r"resnet\.pth does not hold the weights"):
        get_backbone("EfficientNetLite0", weights=file).load(64)


def test_weights_saved_by_keras_fit_too(tmp_path):
    backbone = get_backbone("EfficientNetLite0")
    network = backbone.load(64)
    file = tmp_path / "lite0.weights.h5"
    network.save_weights(file)
    again = get_backbone("EfficientNetLite0", weights=file).load(64)
    for ours, theirs in zip(again.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_imagenet_top_is_read_from_the_checkpoint_as_the_network_has_it(classifier):
    kernel, bias = get_backbone("EfficientNetLite0").imagenet_top()
    network = next(layer for layer in classifier.layers if hasattr(layer, "layers"))
    built = network.get_layer("predictions").get_weights()
    np.testing.assert_array_equal(kernel, built[0])
    np.testing.assert_array_equal(bias, built[1])
