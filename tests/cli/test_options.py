"""Options do what they say, or a sentence says why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer

from embedlens.cli.app import app
from embedlens.cli.options import count, names_in, transforms_by_name, weights_by_name
from embedlens.errors import EmbedlensError
from embedlens.results.provenance import Provenance, claim
from embedlens.viewer.map_file import file_scene


def run(*arguments):
    """Run a command here; return the sentence it is refused with, or "" where it is done."""
    try:
        app([str(each) for each in arguments], standalone_mode=False)
    except EmbedlensError as error:
        return str(error)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        return error.format_message()
    return ""


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    labels = ["01", "1", "NA", "1.10"] * 10
    np.savez("f.npz", features=rng.normal(size=(40, 5)), labels=labels)
    return Path("f.npz")


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", ""), ("study", " "), ("embed", "", "-b", "Xception", "--out", "f.npz"),
        ("relabel", "", "--into", "a,b"), ("score", ""), ("map", "", "--out", "m.csv"),
        ("view", ""), ("report", ""), ("export", "", "--to", "parquet", "--out", "o"),
        ("check", ".", "--out", ""), ("study", ".", "--out", ""), ("study", ".", "-b", ""),
        ("study", ".", "-b", "Xception,"), ("check", ".", "-b", " "), ("demo", "--out", ""),
        ("export", "s", "--to", "parquet", "--out", ""), ("relabel", ".", "--into", "a,,b"),
    ],
)  # fmt: skip
def test_an_empty_argument_is_refused_and_nothing_is_written(arguments):
    assert "empty" in run(*arguments)
    assert [path.name for path in Path().iterdir()] == ["home"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("embed", ".", "-b", "EfficientNetLite0", "--out", "o.npz"),
        ("check", ".", "-b", "EfficientNetLite0"),
        ("study", ".", "-b", "EfficientNetLite0,EfficientNetLite1"),
        ("backbones",),
    ],
)
@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        (["Typo=random"], "Weights are given for Typo, which is none of the backbones used here"),
        (["EfficientNetLite0=no.h5"], "no.h5"),
        (["efficientnetlite0=~/no.h5"], "home/no.h5"),
        (["EfficientNetLite0"], "is not NAME=FILE"),
        (["EfficientNetLite0="], "is not NAME=FILE"),
        (["=random"], "is not NAME=FILE"),
        (["EfficientNetLite0=random", "EfficientNetLite0=imagenet"], "twice"),
        (["EfficientNetLite0=random", "efficientnetLITE0=random"], "twice"),
    ],
)
def test_every_command_looks_weights_up_alike(arguments, weights, sentence):
    given = [part for each in weights for part in ("-w", each)]
    assert sentence in run(*arguments, *given)
    assert [path.name for path in Path().iterdir()] == ["home"]


def test_weights_and_names_are_read_without_the_spaces_around_them():
    assert weights_by_name([" Xception = a=b.h5"]) == {"Xception": "a=b.h5"}
    assert names_in("Xception, VGG16@fc1") == ["Xception", "VGG16@fc1"]


@pytest.mark.parametrize("name", ["m.csv", "m.TSV", "m.parquet", "~/deep/folder/m.csv"])
def test_a_map_is_written_in_the_format_of_its_name_and_read_back(features, name):
    assert run("map", features, "--method", "pca", "--out", name) == ""
    path = Path(name).expanduser()
    if path.suffix == ".parquet":
        labels = pd.read_parquet(path)["label"]
    else:
        separator = "\t" if path.suffix == ".TSV" else ","
        labels = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False)["label"]
    assert labels.tolist() == ["01", "1", "NA", "1.10"] * 10
    assert set(file_scene(path).classes) == {"01", "1", "NA", "1.10"}


@pytest.mark.parametrize("name", ["m", "m.xlsx", "m.json", "m.csv.gz", "m.npz", "m."])
def test_a_table_of_another_suffix_is_refused(features, name):
    assert "does not end in .csv or .tsv or .parquet" in run("map", features, "--out", name)


@pytest.mark.parametrize("name", ["f", "f.npy", "f.csv", "f.parquet"])
def test_features_are_written_as_npz_alone(name):
    sentence = run("embed", ".", "-b", "EfficientNetLite0", "--out", name)
    assert "does not end in .npz" in sentence


@pytest.mark.parametrize("command", ["check", "study", "relabel"])
def test_a_file_is_not_taken_for_a_folder(command, digits_folder):
    Path("taken").write_text("mine")
    more = {"relabel": ("--into", "fox=red fox,wolf=timber wolf")}.get(command, ())
    more += ("-b", "EfficientNetLite0")
    assert "taken is a file" in run(command, digits_folder, "--out", "taken", *more)
    assert Path("taken").read_text() == "mine"


@pytest.mark.parametrize("kind", ["check", "study", "relabelling"])
def test_results_of_other_pictures_are_not_replaced(kind, digits_folder):
    command, default = {
        "check": (("check",), "check-digits"),
        "study": (("study", "-b", "EfficientNetLite0"), "embedlens-digits"),
        "relabelling": (("relabel", "--into", "fox=red fox,wolf=timber wolf"), "relabelled-digits"),
    }[kind]
    claim(Path(default), Provenance(kind, "/elsewhere/digits", "others"))
    sentence = run(*command, digits_folder)
    assert f"{default} holds a {kind} of /elsewhere/digits" in sentence
    assert str(digits_folder.resolve()) in sentence
    assert [path.name for path in Path(default).iterdir() if path.name != ".lock"] == [
        "source.json"
    ]


def test_a_check_does_not_go_into_a_study(digits_folder):
    claim(Path("mine"), Provenance("study", str(digits_folder.resolve())))
    assert "holds a study of" in run("check", digits_folder, "--out", "mine")


def test_a_check_that_did_not_end_is_not_viewed():
    claim(Path("mine"), Provenance("check", "/photos"))
    assert "Run `embedlens check /photos --out" in run("view", "mine")
    assert "--photos is of a map" in run("view", "mine", "--photos", ".")


@pytest.fixture
def digits_folder():
    from PIL import Image

    for label in "01":
        for i in range(3):
            Path("digits", label).mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng([i, int(label)]).integers(0, 256, (40, 40, 3), np.uint8)
            Image.fromarray(pixels).save(Path("digits", label, f"{i}.png"))
    return Path("digits")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("study", ".", "-b", "Xception", "--unfreeze", "all"), "unfreeze is 'all'"),
        (("study", ".", "-b", "Xception", "--augment"), "augment is True"),
        (("study", ".", "-b", "Xception", "--epochs", "3"), "epochs is 3"),
        (("study", ".", "-b", "Xception", "--finetune", "--no-top"), "--no-top is of no use"),
        (("study", ".", "--preset", "paper", "--no-top"), "--no-top is of no use"),
        (("study", ".", "-b", "Xception", "--sample", "9"), "--sample is of --cluster"),
        (("study", ".", "-b", "Xception", "--store", "s"), "--store is of --cluster"),
        (("export", "s", "--to", "tensorboard", "--features", "--out", "o"), "is of --to parquet"),
        (("export", "s", "--to", "parquet", "--out", "o.parquet"), "is named like a file"),
        (("relabel", ".", "--into", "a=x,a=y"), "gives the label 'a' twice"),
        (("relabel", ".", "--into", "a=,b"), "is not NAME or NAME=CLASS"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(arguments, sentence):
    assert sentence in run(*arguments)


def test_a_home_that_nobody_has_is_told():
    assert "there is no user of this name" in run("check", "~nobody-of-this-name/photos")


def test_transforms_are_read_with_and_without_a_name():
    given = ["224 imagenet", "a.onnx = 224 clip", "b.onnx=transform.json"]
    assert transforms_by_name(given) == {
        "*": "224 imagenet", "a.onnx": "224 clip", "b.onnx": "transform.json",
    }  # fmt: skip
    assert transforms_by_name(None) == {}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["a.onnx="], "is not NAME=TRANSFORM"),
        ([" "], "is not NAME=TRANSFORM"),
        (["224 clip", "224 siglip"], "given twice, '224 clip' and '224 siglip'"),
        (["a.onnx=clip", "a.onnx=siglip"], "given twice for a.onnx"),
    ],
)
def test_a_transform_that_is_not_said_once_is_refused(given, sentence):
    with pytest.raises(typer.BadParameter, match=sentence):
        transforms_by_name(given)


def test_numbers_of_parameters_have_suffixes():
    assert [count(text) for text in ("50M", "1.5b", "900k", "12")] == [50e6, 1.5e9, 900e3, 12]
    for text in ("", "M", "many", "-5M", "nan", "inf"):
        with pytest.raises(EmbedlensError, match="is no number of parameters"):
            count(text)
