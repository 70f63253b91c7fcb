"""A transform's arithmetic is that of the library whose networks it feeds."""

from __future__ import annotations

import json

import numpy as np
import pytest

from embedlens.backbones import Transform, get_backbone
from embedlens.backbones.transform import PREPROCESSINGS
from embedlens.errors import BackboneError


@pytest.mark.parametrize("mode", ["tf", "torch", "caffe"])
@pytest.mark.parametrize("kind", ["array", "tensor"])
def test_a_preprocessing_does_what_keras_does_by_that_name(keras, pixels, mode, kind):
    convert = keras.ops.convert_to_tensor if kind == "tensor" else np.copy
    expected = keras.applications.imagenet_utils.preprocess_input(convert(pixels), mode=mode)
    made = np.asarray(Transform().scaled_by(mode).apply(convert(pixels)))
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made, expected)


def test_what_changes_nothing_gives_the_pixels_themselves(pixels):
    assert Transform().apply(pixels) is pixels


def centre(short, side, interpolation):
    return (
        f"short side resized to {short} pixels, of which the centre of {side} x {side} pixels is "
        f"kept ({interpolation})"
    )


@pytest.mark.parametrize(
    ("name", "fitted", "scaled"),
    [
        ("EfficientNetLite0", centre(256, 224, "bicubic"), "0 to 255 scaled to -0.992 to 1"),
        ("EfficientNetLite2", centre(292, 260, "bicubic"), "0 to 255 scaled to -0.992 to 1"),
        ("Xception", centre(341, 299, "bilinear"), "0 to 255 scaled to -1 to 1"),
        ("EfficientNetB0", centre(256, 224, "bicubic"), "0 to 255 as they are"),
        ("EfficientNetB7", centre(632, 600, "bicubic"), "0 to 255 as they are"),
        ("EfficientNetV2B1", centre(272, 240, "bilinear"), "0 to 255 as they are"),
        ("EfficientNetV2S", "squashed to 384 x 384 pixels (bilinear)", "0 to 255 as they are"),
        ("ConvNeXtTiny", centre(256, 224, "bicubic"), "0 to 255 as they are"),
        ("VGG16", centre(256, 224, "bilinear"), "0 to 255 less 103.939, 116.779, 123.68, BGR"),
        (
            "DenseNet121",
            centre(256, 224, "bilinear"),
            "0 to 255 divided by 255, less 0.485, 0.456, 0.406, divided by 0.229, 0.224, 0.225",
        ),
    ],
)
def test_a_network_s_published_evaluation_is_its_default(name, fitted, scaled):
    backbone = get_backbone(name, weights="random")
    assert backbone.transform.describe() == f"{fitted}, {scaled}"
    assert backbone.transform_from == "its authors"


@pytest.mark.parametrize(
    ("transform", "said"),
    [
        (Transform(), "squashed to the network's own size (bilinear)"),
        (Transform(None, "crop", 0.9), "short side resized to 1/0.9 of the network's own size"),
        (Transform((8, 12), "crop", 0.5), "resized to 16 pixels, of which the centre of 8 x 12"),
        (Transform((8, 8), shorter_side=9), "squashed, sides resized to 9 pixels, of which"),
        (Transform((8, 8), "pad", fill=(0, 0, 0)), "fitted into 8 x 8 pixels with a border of"),
    ],
)
def test_every_way_to_fit_pictures_is_told_in_words(transform, said):
    assert said in transform.describe()


def test_a_change_leaves_the_rest_as_it_was():
    own = Transform((8, 12), resize="crop", crop=0.875, scale=255.0)
    assert own.of_size(None) is own.resized_by(None) is own.scaled_by(None) is own
    assert own.of_size(32) == own.of_size((32, 32))
    assert own.scaled_by("none").size == (8, 12)
    assert own.scaled_by("none").scale == 1.0


@pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
def test_a_way_that_is_asked_for_is_the_same_for_all(resize):
    own = [
        Transform((8, 8)),
        Transform((8, 8), "crop", 0.5),
        Transform((8, 8), "crop", shorter_side=10),
    ]
    assert {each.resized_by(resize) for each in own} == {Transform((8, 8), resize)}


def test_another_size_keeps_the_share_that_falls_away():
    assert Transform((224, 224), "crop", shorter_side=256).of_size(112).shorter_side == 128
    assert Transform((224, 224), "crop", shorter_side=232).of_size(224).shorter_side == 232
    assert Transform((224, 224), "crop", 0.5).of_size(112).crop == 0.5


def test_the_record_is_plain_json():
    for name in PREPROCESSINGS:
        record = Transform((8, 12)).scaled_by(name).record()
        assert json.loads(json.dumps(record)) == record


def test_an_unknown_way_to_resize_is_repeated():
    with pytest.raises(BackboneError, match="'stretch' is unknown; use one of squash, crop, pad"):
        Transform().resized_by("stretch")
