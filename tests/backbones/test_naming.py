"""Weights by name, and the names of model files."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedlens.backbones import list_backbones, parse_name, weights_for
from embedlens.backbones.naming import anchored, titles, transforms_for
from embedlens.errors import BackboneError, EmbedlensError, WeightsError


@pytest.mark.parametrize(
    ("backbones", "given", "expected"),
    [
        (["Xception"], {"xCEPTION": "random"}, {"Xception": "random"}),
        (["xception@add"], {"Xception": "random"}, {"xception@add": "random"}),
        (["Xception@a", "Xception@b"], {"xception": "imagenet"},
         {"Xception@a": "imagenet", "Xception@b": "imagenet"}),
        (["Xception@a", "Xception@b"], {"Xception": "random", "Xception@b": "imagenet"},
         {"Xception@a": "random", "Xception@b": "imagenet"}),
        (["Xception", "VGG16"], {"VGG16": Path("/w/v.h5")}, {"VGG16": "/w/v.h5"}),
        (["Xception"], {}, {}),
    ],
)  # fmt: skip
def test_weights_are_found_by_name(backbones, given, expected):
    assert weights_for(backbones, given) == expected


def test_weights_files_are_named_in_full(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    given = {"VGG16": "a/../v.h5", "Xception": "~/x.h5"}
    assert weights_for(["VGG16", "Xception"], given) == {
        "VGG16": str(tmp_path / "v.h5"), "Xception": "/home/me/x.h5",
    }  # fmt: skip


@pytest.mark.parametrize("used", ["nets/m.onnx@out", "{here}/nets/m.onnx@out"])
@pytest.mark.parametrize(
    "given", ["m.onnx", "nets/m.onnx", "./nets/m.onnx", "{here}/nets/m.onnx", "../{up}/nets/M.onnx"]
)
@pytest.mark.parametrize("layer", ["", "@out"])
def test_a_file_is_given_its_transform_by_any_of_its_names(
    used, given, layer, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    names = {"here": tmp_path, "up": tmp_path.name}
    used, given = used.format(**names), given.format(**names) + layer
    assert transforms_for([used], {given: "224"}) == {used: "224"}
    with pytest.raises(BackboneError, match="none of the backbones"):
        transforms_for([used], {"other/m.onnx" + layer: "224"})


@pytest.mark.parametrize(
    ("backbones", "given", "sentence"),
    [
        (["Xception"], {"Typo": "random"}, r"Typo, which is none of .*: Xception"),
        (["Xception"], {"Xception@a": "random"}, "Xception@a, which is none"),
        (["Xception@a"], {"Xception": "random", "xception@A": "imagenet"}, "for Xception, which"),
        (["Xception"], {"Xception": "random", "xception": "random"}, "twice"),
        (["Xception"], {"Xception": " "}, "are empty"),
        (["Xception"], {" ": "random"}, "for no name"),
        ([], {"Xception": "random"}, "none of the backbones"),
    ],
)
def test_weights_that_nothing_takes_are_refused(backbones, given, sentence):
    with pytest.raises(WeightsError, match=sentence):
        weights_for(backbones, given)


def test_among_many_backbones_the_nearest_are_named():
    with pytest.raises(WeightsError, match=r"EfficientNetLite0, .* others"):
        list_backbones({"EfficentNetLite0": "random"})


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["/a/best.keras"], ["best.keras"]),
        (["/r/a/best.keras", "/r/b/best.keras"], ["best.keras (a)", "best.keras (b)"]),
        (["/a/r/best.keras", "/b/r/best.keras"], ["best.keras (a/r)", "best.keras (b/r)"]),
        (["/a/m.keras@x", "/a/m.keras@y"], ["m.keras@x", "m.keras@y"]),
        (["/a/m.keras@x", "/b/m.keras"], ["m.keras@x (a)", "m.keras (b)"]),
        (["Xception", "/a/m.h5"], ["Xception", "m.h5"]),
    ],
)
def test_model_files_of_one_name_are_told_apart(names, expected):
    assert list(titles(names).values()) == expected


@pytest.mark.parametrize(
    "names", [["/r a/m.keras", "/r_a/m.keras"], ["/m.keras", "/a/m.keras"], ["/A/m.h5", "/a/m.h5"]]
)
def test_titles_differ_as_file_names_too(names):
    import re

    written = {re.sub(r"[^\w.@+-]", "_", each).casefold() for each in titles(names).values()}
    assert len(written) == 2


def test_a_model_file_is_named_in_full(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert anchored("./a@b/../m.keras@pool") == f"{tmp_path / 'm.keras'}@pool"
    assert anchored(Path("m.H5")) == str(tmp_path / "m.H5")
    assert anchored("m.keras", Path("/study")) == "/study/m.keras"
    assert anchored(" Xception@add ") == "Xception@add"
    assert parse_name("/@eaDir/m.keras")[:2] == ("/@eaDir/m.keras", None)
    with pytest.raises(BackboneError, match="no name"):
        anchored("@layer")
    with pytest.raises(EmbedlensError):
        anchored("")
