"""Settings that are found again from any folder, and change something."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedlens.errors import BackboneError, StudyError, WeightsError
from embedlens.results import Settings
from embedlens.study import Study


def test_relative_paths_in_the_file_begin_at_its_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    (tmp_path / "study.toml").write_text(
        'pictures = "../photos"\nbackbones = ["../runs/best.keras@pool", "Xception", "~/m.h5"]\n'
        '[weights]\nXception = "x.h5"\n',
        "utf-8",
    )
    settings = Settings.read(tmp_path / "study.toml")
    above = tmp_path.parent
    assert settings.pictures == str(above / "photos")
    assert settings.backbones == (f"{above}/runs/best.keras@pool", "Xception", "/home/me/m.h5")
    assert settings.weights == {"Xception": str(tmp_path / "x.h5")}


@pytest.mark.parametrize("pictures", ["s3://bucket/a,b", "kaggle:me/it", "/a/x,/b/y"])
def test_other_places_are_left_as_they_are(tmp_path, pictures):
    Settings(pictures, ("Xception",)).write(tmp_path / "study.toml")
    assert Settings.read(tmp_path / "study.toml").pictures == pictures


def test_a_study_writes_paths_in_full(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("best.keras", "v.h5"):
        (tmp_path / name).touch()
    weights = {"VGG16": Path("v.h5")}
    study = Study("photos", ["./best.keras", "~/best.keras@x", "vgg16"], out="~/o", weights=weights)
    assert study.folder == tmp_path / "o"
    assert study.settings.pictures == str(tmp_path / "photos")
    file = str(tmp_path / "best.keras")
    assert study.settings.backbones == (file, f"{file}@x", "VGG16")
    assert study.settings.weights == {"VGG16": str(tmp_path / "v.h5")}
    assert list(study.titles.values()) == ["best.keras", "best.keras@x", "VGG16"]
    with pytest.raises(StudyError, match="named twice"):
        Study("photos", ["best.keras", file])
    with pytest.raises(WeightsError, match="holds its own weights"):
        Study("photos", ["best.keras"], weights={file: "random"})
    with pytest.raises(StudyError, match="by the network's name"):
        Study("photos", ["Xception"], weights="random")


@pytest.mark.parametrize(
    "settings",
    [{"unfreeze": "all"}, {"augment": True}, {"epochs": 3}, {"top": True, "augment": True}],
)
def test_a_setting_of_what_is_not_asked_for_is_refused(settings):
    name = next(each for each in settings if each != "top")
    with pytest.raises(StudyError, match=f"{name} is "):
        Settings("photos", ("Xception",), **settings)
    Settings("photos", ("Xception",), **{**settings, "finetune": True})


def test_a_transform_under_a_star_is_of_those_that_nothing_says_it_of(save_onnx, tmp_path):
    model = str(save_onnx(tmp_path / "model.onnx"))
    both = (model, "EfficientNetLite0")
    settings = Settings("photos", both, transforms={"*": "32 clip"})
    assert settings.transform_of(model) == "32 clip"
    assert settings.transform_of("EfficientNetLite0") is None
    named = {"model.onnx": "32 siglip", "efficientnetlite0": "96 imagenet"}
    settings = Settings("photos", both, transforms=named)
    assert settings.transform_of(model) == "32 siglip"
    assert settings.transform_of("EfficientNetLite0") == "96 imagenet"
    settings.write(tmp_path / "study.toml")
    assert Settings.read(tmp_path / "study.toml").transforms == named


@pytest.mark.parametrize(
    ("transforms", "sentence"),
    [
        ({"*": "32 clip"}, "each used here has"),
        ({"Xception": "32 clip"}, "A transform is given for Xception, which is none of"),
    ],
)
def test_a_transform_that_nothing_takes_is_refused(transforms, sentence):
    with pytest.raises(BackboneError, match=sentence):
        Settings("photos", ("EfficientNetLite0",), transforms=transforms)


def test_an_onnx_file_is_not_fine_tuned(save_onnx, tmp_path):
    model = str(save_onnx(tmp_path / "model.onnx"))
    with pytest.raises(StudyError, match=r"model\.onnx cannot be fine-tuned"):
        Settings("photos", (model,), transforms={"*": "32 clip"}, finetune=True)


@pytest.mark.parametrize(("written", "read"), [("avg", "mean"), ("own", "own"), ("none", "none")])
def test_poolings_of_0_1_are_read(tmp_path, written, read):
    (tmp_path / "study.toml").write_text(
        f'pictures = "photos"\nbackbones = ["EfficientNetLite0"]\npooling = "{written}"\n'
    )
    assert Settings.read(tmp_path / "study.toml").pooling == read


def test_a_study_that_did_not_fine_tune_may_say_where_it_would_have_begun(tmp_path):
    """Version 0.1.0 wrote its default into every study."""
    Settings("photos", ("EfficientNetLite0",)).write(tmp_path / "study.toml")
    text = (tmp_path / "study.toml").read_text(encoding="utf-8")
    old = text.replace('unfreeze = "auto"', 'unfreeze = "last-conv"')
    assert old != text
    (tmp_path / "study.toml").write_text(old, encoding="utf-8")
    assert Settings.read(tmp_path / "study.toml").unfreeze == "auto"


def test_a_backbone_is_named_by_its_title_or_as_it_was_asked_for():
    """In any case of letters, without the tag that its library takes, by its file."""
    vit, one, two = "timm:test_vit.r160_in1k", "/a/run/best.onnx", "/b/run/best.onnx"
    settings = Settings("photos", (vit, one, two))
    assert [settings.title_of(each) for each in (vit, " timm:test_ViT", one)] == [
        vit, vit, "best.onnx (a/run)",
    ]  # fmt: skip
    assert settings.title_of("best.onnx (B/run)") == "best.onnx (b/run)"
    for wrong in ("timm:test_vit2", "best.onnx", "timm:test_vit@norm"):
        with pytest.raises(StudyError, match=f"has no backbone '{wrong}'; it has timm:test_vit"):
            settings.title_of(wrong)
