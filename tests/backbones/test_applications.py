from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from embedlens.backbones import STUDY, get_backbone
from embedlens.backbones.construction import construction
from embedlens.backbones.families import keras_applications as module
from embedlens.backbones.families.keras_applications import (
    KerasApplications,
    applications,
    introspect,
    names_in_keras,
)

# Table I of the study: weights with the ImageNet top, features of a picture of 200 x 200.
TABLE_I = {
    "Xception": (22_910_480, 100_352),
    "ResNet50V2": (25_613_800, 100_352),
    "InceptionV3": (23_851_784, 32_768),
    "MobileNetV2": (3_538_984, 62_720),
    "DenseNet201": (20_242_984, 69_120),
}


def test_the_study_s_five_are_those_of_its_table():
    assert tuple(TABLE_I) == STUDY


@pytest.mark.parametrize("name", TABLE_I)
def test_parameters_and_features_are_those_of_the_study_s_table(name):
    parameters, features = TABLE_I[name]
    backbone = get_backbone(name, weights="random")
    assert backbone.parameters == parameters
    with construction():
        assert (
            KerasApplications().architecture(name, (200, 200), top=True).count_params()
            == parameters
        )
    assert backbone.build(200, pooling="none").output_shape == (None, features)


@pytest.mark.parametrize("name", ["MobileNet", "MobileNetV2", "MobileNetV3Small"])
def test_the_table_says_what_introspection_finds(name):
    with construction():
        assert introspect(name) == applications()[name]


def test_the_table_names_what_the_installed_keras_has():
    assert sorted(applications()) == sorted(names_in_keras())


def test_the_study_s_five_come_first_and_the_rest_by_name():
    names = list(applications())
    assert names[:5] == list(STUDY)
    assert names[5:] == sorted(names[5:])


def test_every_network_has_weights_with_and_without_the_top_on_the_web():
    for row in applications().values():
        assert row.weights.url.startswith("https://")
        assert row.weights.name != row.weights_with_top.name
        assert row.weights_with_top.url.startswith("https://")


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("Xception", "xception"),
        ("ResNet50", "resnet"),
        ("ResNet50V2", "resnet_v2"),
        ("InceptionV3", "inception_v3"),
        ("DenseNet201", "densenet"),
        ("EfficientNetB0", "efficientnet"),
        ("VGG16", "vgg16"),
        ("ConvNeXtTiny", "convnext"),
    ],
)
def test_pixels_are_scaled_by_the_network_s_own_function(keras, pixels, name, module):
    own = getattr(keras.applications, module).preprocess_input
    expected = own(pixels.copy())
    given = get_backbone(name, weights="random").preprocess(pixels.copy())
    np.testing.assert_array_equal(np.asarray(given), np.asarray(expected))


def write_download(path, arrays):
    """Write arrays by layer as Keras's downloads hold them."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in arrays]
        for name, weights in arrays.items():
            names = [f"{name}/{part}:0" for part in ("kernel", "bias")[: len(weights)]]
            file.create_group(name).attrs["weight_names"] = [each.encode() for each in names]
            for each, weight in zip(names, weights, strict=True):
                file[name][each] = weight


@pytest.mark.parametrize(
    ("before", "rows", "plain"),
    [({"dropout": []}, 1280, True), ({"dense": ["kernel"]}, 1280, False), ({}, 4096, False)],
)
def test_the_imagenet_top_is_read_from_the_download(tmp_path, monkeypatch, before, rows, plain):
    file, rng = tmp_path / "top.h5", np.random.default_rng(0)
    kernel, bias = rng.normal(size=(rows, 1000)), rng.normal(size=1000)
    own = {name: [np.ones((1280, rows)) for _ in weights] for name, weights in before.items()}
    write_download(file, {"Conv1": [np.ones((3, 3))], **own, "predictions": [kernel, bias]})
    row = replace(
        applications()["MobileNetV2"],
        top_layers=(*before, "predictions"),
        weights_with_top=SimpleNamespace(file=file),
    )
    monkeypatch.setattr(module, "applications", lambda: {"MobileNetV2": row})
    top = KerasApplications().imagenet_top(SimpleNamespace(network="MobileNetV2"))
    assert (top is not None) == plain
    if top is not None:
        np.testing.assert_array_equal(top[0], kernel)
        np.testing.assert_array_equal(top[1], bias)
