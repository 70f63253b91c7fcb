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


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Xception", "squashed to 299 x 299 pixels (bilinear), 0 to 255 scaled to -1 to 1"),
        ("EfficientNetB0", "squashed to 224 x 224 pixels (bilinear), 0 to 255 as they are"),
        (
            "VGG16",
            "squashed to 224 x 224 pixels (bilinear), 0 to 255 less 103.939, 116.779, 123.68, BGR",
        ),
        (
            "DenseNet121",
            "squashed to 224 x 224 pixels (bilinear), 0 to 255 divided by 255, "
            "less 0.485, 0.456, 0.406, divided by 0.229, 0.224, 0.225",
        ),
    ],
)
def test_it_is_told_in_words(name, said):
    assert get_backbone(name, weights="random").transform.describe() == said


def test_a_crop_of_a_part_and_an_open_size_are_told_in_words():
    cropped = Transform((8, 12), resize="crop", crop=0.875, interpolation="bicubic")
    assert "cropped at the centre to 8 x 12 pixels of 0.875 of the side (bicubic)" in (
        cropped.describe()
    )
    assert Transform().describe().startswith("squashed to the network's own size")


def test_a_change_leaves_the_rest_as_it_was():
    own = Transform((8, 12), resize="crop", crop=0.875, scale=255.0)
    assert own.of_size(None) is own.resized_by(None) is own.scaled_by(None) is own
    assert own.of_size(32) == own.of_size((32, 32))
    assert own.resized_by("pad").resized_by("crop") == own
    assert own.scaled_by("none").size == (8, 12)
    assert own.scaled_by("none").scale == 1.0


def test_the_record_is_plain_json():
    for name in PREPROCESSINGS:
        record = Transform((8, 12)).scaled_by(name).record()
        assert json.loads(json.dumps(record)) == record


def test_an_unknown_way_to_resize_is_repeated():
    with pytest.raises(BackboneError, match="'stretch' is unknown; use one of squash, crop, pad"):
        Transform().resized_by("stretch")
