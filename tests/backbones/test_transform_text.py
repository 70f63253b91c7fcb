"""A transform in words, and in the files that libraries write."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from embedlens.backbones import Transform, parse_transform
from embedlens.backbones.transform import IMAGENET_DEVIATION, IMAGENET_MEAN
from embedlens.backbones.transform_file import read_transform
from embedlens.errors import BackboneError

IMAGENET = {"scale": 255.0, "mean": IMAGENET_MEAN, "deviation": IMAGENET_DEVIATION}
HALF = {"scale": 255.0, "mean": (0.5,) * 3, "deviation": (0.5,) * 3}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "224 crop .875 bicubic imagenet",
            Transform((224, 224), "crop", 0.875, interpolation="bicubic", **IMAGENET),
        ),
        ("imagenet 224", Transform((224, 224), "crop", 0.875, interpolation="bicubic", **IMAGENET)),
        (
            "224 crop 232 bilinear imagenet",
            Transform((224, 224), "crop", shorter_side=232, **IMAGENET),
        ),
        ("SigLIP 256", Transform((256, 256), interpolation="bicubic", **HALF)),
        ("160x96, pad, half", Transform((160, 96), "pad", **HALF)),
        ("crop 90% unit", Transform(None, "crop", 0.9, scale=255.0)),
        ("imagenet squash", Transform(None, interpolation="bicubic", **IMAGENET)),
        ("96 squash none", Transform((96, 96))),
    ],
)
def test_words_say_it(text, expected):
    assert parse_transform(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("224 crop .875", "does not say how pixels are scaled.*imagenet.*clip.*siglip"),
        ("224 half", "does not say how pictures are fitted"),
        ("224 crop imagenett", "'imagenett', which means nothing"),
        ("", "does not say"),
        ("0 crop clip", "'0', which means nothing"),
        ("224 crop 200 clip", "fits the short side to 200 pixels, which is less than the 224"),
        ("224 300 clip", "'300', which means nothing"),
        ("224 crop 1.5 clip", "'1.5', which means nothing"),
        ("clip imagenet", "says two scalings"),
        ("nowhere.json", "nowhere.json does not exist"),
    ],
)
def test_what_it_does_not_say_is_named(text, said):
    with pytest.raises(BackboneError, match=said):
        parse_transform(text)


def written(tmp_path, content):
    file = tmp_path / "preprocessor_config.json"
    file.write_text(json.dumps(content))
    return file


STATISTICS = {"image_mean": list(IMAGENET_MEAN), "image_std": list(IMAGENET_DEVIATION)}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (  # CLIP, DINOv2
            {"image_processor_type": "BitImageProcessor", "do_center_crop": True,
             "crop_size": {"height": 224, "width": 224}, "resample": 3,
             "size": {"shortest_edge": 256}, "rescale_factor": 1 / 255, **STATISTICS},
            Transform((224, 224), "crop", shorter_side=256, interpolation="bicubic", **IMAGENET),
        ),
        (  # as OpenAI wrote it, in 2021
            {"feature_extractor_type": "CLIPFeatureExtractor", "do_center_crop": True,
             "crop_size": 224, "resample": 3, "size": 224, "do_resize": True, **STATISTICS},
            Transform((224, 224), "crop", shorter_side=224, interpolation="bicubic", **IMAGENET),
        ),
        (
            {"image_processor_type": "ViTImageProcessor", "size": {"height": 224, "width": 224},
             "resample": 2, "image_mean": [0.5] * 3, "image_std": [0.5] * 3},
            Transform((224, 224), **HALF),
        ),
        (
            {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224},
             "crop_pct": 0.875, "resample": 3, **STATISTICS},
            Transform((224, 224), "crop", shorter_side=256, interpolation="bicubic", **IMAGENET),
        ),
        (
            {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 384},
             "crop_pct": None, "resample": 3, **STATISTICS},
            Transform((384, 384), interpolation="bicubic", **IMAGENET),
        ),
        (  # DeiT: squashed, then cut
            {"image_processor_type": "DeiTImageProcessor", "do_center_crop": True, "resample": 3,
             "size": {"height": 256, "width": 256}, "crop_size": {"height": 224, "width": 224},
             **STATISTICS},
            Transform((224, 224), shorter_side=256, interpolation="bicubic", **IMAGENET),
        ),
        (  # timm
            {"architecture": "resnet50", "pretrained_cfg": {
                "input_size": [3, 224, 288], "crop_pct": 0.95, "crop_mode": "center",
                "interpolation": "bicubic", "mean": [0.5] * 3, "std": [0.5] * 3}},
            Transform((224, 288), "crop", 0.95, interpolation="bicubic", **HALF),
        ),
        (  # the defaults of timm's resolve_data_config
            {"architecture": "resnet50", "pretrained_cfg": {"input_size": None, "mean": None}},
            Transform((224, 224), "crop", 0.875, interpolation="bicubic", **IMAGENET),
        ),
        (  # a file that says no more than what it is of
            {"image_processor_type": "CLIPImageProcessor"},
            Transform((224, 224), "crop", shorter_side=224, interpolation="bicubic", scale=255.0,
                      mean=(0.48145466, 0.4578275, 0.40821073),
                      deviation=(0.26862954, 0.26130258, 0.27577711)),
        ),
        (
            {"input_size": [3, 384, 384], "crop_pct": 1.0, "crop_mode": "border",
             "interpolation": "bicubic", "mean": [0.5] * 3, "std": [0.5] * 3},
            Transform((384, 384), "pad", interpolation="bicubic", fill=(128, 128, 128), **HALF),
        ),
    ],
    ids=["bit", "clip-2021", "vit", "convnext", "convnext-384", "deit", "timm", "timm-defaults",
         "clip-2026", "timm-border"],
)  # fmt: skip
def test_files_of_libraries_are_read_as_they_read_them(tmp_path, content, expected):
    if (
        "architecture" not in content and "input_size" not in content
    ):  # transformers' centre lies before the middle
        expected = replace(expected, centre="before")
    assert read_transform(written(tmp_path, content)) == expected


def test_its_own_record_comes_back(tmp_path):
    own = Transform((96, 128), "crop", shorter_side=110, interpolation="lanczos", channels="BGR")
    assert read_transform(written(tmp_path, own.record())) == own
    assert parse_transform(str(written(tmp_path, {"transform": own.record()}))) == own


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"image_processor_type": "LlavaNextImageProcessor", "image_mean": [0] * 3}, "LlavaNext"),
        ({"do_resize": False, "image_processor_type": "ViTImageProcessor", **STATISTICS}, "resize"),
        ({"transform": {"size": [96, 96], "resize": "stretch"}}, "stretch"),
        ({"transform": {"sizes": [96, 96]}}, "sizes mean"),
        ({"transform": {"crop": 0}}, "out of range"),
        ({"input_size": [1, 28, 28], "mean": [0.5], "std": [0.5]}, "1 channels"),
        ({"input_size": [3, 28, 28], "crop_mode": "corner"}, "crop_mode 'corner'"),
        ({"image_processor_type": "PerceiverImageProcessor"}, "before it resizes"),
        ([1, 2], "holds a list"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_file(tmp_path, content, said):
    with pytest.raises(BackboneError, match=rf"preprocessor_config\.json.*{said}"):
        read_transform(written(tmp_path, content))
