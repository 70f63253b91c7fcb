"""Files of image processors, against the pixels that transformers makes by the same file."""

from __future__ import annotations

import json
from dataclasses import fields

import numpy as np
import pytest

transformers = pytest.importorskip("transformers", reason="needs the extra [hf]")
pytest.importorskip("torchvision", reason="transformers' image processors need it")

from embedlens.backbones.image_processor import IMAGE_PROCESSORS  # noqa: E402
from embedlens.backbones.transform_file import read_transform  # noqa: E402
from embedlens.errors import BackboneError  # noqa: E402
from embedlens.features.decoding import decoded  # noqa: E402


@pytest.mark.parametrize("kind", IMAGE_PROCESSORS)
def test_settings_of_a_kind_are_those_of_its_class(kind):
    """Of the class that takes them: a share and flipped channels are of few."""
    whole = getattr(transformers, f"{kind}ImageProcessor")()
    for each in fields(IMAGE_PROCESSORS[kind]):
        own, its = getattr(IMAGE_PROCESSORS[kind], each.name), getattr(whole, each.name, None)
        if each.name in ("size", "crop_size") and own is not None:
            square = IMAGE_PROCESSORS[kind].default_to_square or each.name == "crop_size"
            own = transformers.image_processing_utils.get_size_dict(own, default_to_square=square)
            its = dict(its)
        elif isinstance(own, tuple):
            its = tuple(its)
        elif each.type == "bool":
            its = bool(its)
        assert own == its, each.name


ALONE = [(kind, {}) for kind in IMAGE_PROCESSORS if kind != "Perceiver"]
SAID = [
    ("PoolFormer", {"crop_pct": 0.8}),
    ("PoolFormer", {"crop_pct": None, "size": {"height": 100, "width": 100}, "crop_size": 96}),
    ("PoolFormer", {"crop_pct": 0.9, "size": {"height": 100, "width": 100}, "crop_size": 96}),
    ("MobileViT", {"size": 288, "crop_size": 256, "resample": 2}),  # as Apple wrote it, in 2022
    ("MobileViT", {"do_flip_channel_order": False, "do_normalize": True, "image_mean": [0.1] * 3}),
    ("Perceiver", {"do_center_crop": False}),
    ("Siglip", {"size": {"height": 90, "width": 70}}),
    ("DeiT", {"do_center_crop": False}),
    ("Pvt", {"size": 96, "crop_pct": 0.5}),
    ("ViT", {"size": [80, 112], "do_flip_channel_order": True}),
    ("ViT", {"do_normalize": False, "do_rescale": None}),
    ("ConvNext", {"size": 96}),
    ("ConvNext", {"size": {"shortest_edge": 96}, "crop_pct": 1.2}),
    ("CLIP", {"size": 97, "crop_size": [64, 80]}),
    ("Bit", {"size": 60, "crop_size": 66, "do_rescale": False}),
]


@pytest.mark.parametrize(("kind", "told"), ALONE + SAID, ids=str)
def test_pixels_are_those_of_transformers(kind, told, tmp_path, images, opened):
    """Where a file says no more than what it is of, too; DINOv3's rounds once more than Pillow."""
    file = tmp_path / "preprocessor_config.json"
    file.write_text(json.dumps({"image_processor_type": f"{kind}ImageProcessor", **told}))
    processor = transformers.AutoImageProcessor.from_pretrained(
        tmp_path, **({} if kind == "DINOv3ViT" else {"backend": "pil"})
    )
    transform = read_transform(file)
    one = 1.01 / (transform.scale * min(transform.deviation))  # of 255 levels
    for row, pixels in decoded(images, range(len(images)), transform):
        given = transform.apply(np.asarray(pixels, np.float32)).transpose(2, 0, 1)
        expected = processor(opened[row], return_tensors="np")["pixel_values"][0]
        np.testing.assert_allclose(given, expected, rtol=0, atol=one, err_msg=images.paths[row])


@pytest.mark.parametrize(
    ("kind", "told", "said"),
    [
        ("Perceiver", {}, "cuts the centre out before it resizes"),
        ("CLIP", {"size": {"shortest_edge": 9, "longest_edge": 9}}, "resizes to .*longest_edge"),
        ("Siglip", {"size": 224}, "cuts nothing off"),
        ("PoolFormer", {"size": {"height": 9, "width": 8}}, "short side to 9 x 8"),
        ("ConvNext", {"size": 96, "do_center_crop": True, "crop_size": 90}, "90 x 90 out of 96"),
        ("Levit", {}, "LevitImageProcessor is not known"),
    ],
    ids=str,
)
def test_what_a_transform_cannot_say_is_refused(kind, told, said, tmp_path):
    file = tmp_path / "preprocessor_config.json"
    file.write_text(json.dumps({"image_processor_type": f"{kind}ImageProcessor", **told}))
    with pytest.raises(BackboneError, match=rf"{said}.*--transform"):
        read_transform(file)
