"""An exported folder, run where embedlens is not, on pictures that are awkward."""

from __future__ import annotations

import ast
import csv
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from embedlens.backbones import Transform
from embedlens.classify import export_classifier, predict
from embedlens.classify.export import ONE_CLASS, SEVERAL_LABELS, script
from embedlens.errors import EmbedlensError
from embedlens.features import embed

FORMATS = ["openvino", "onnx"]
RUNTIMES = {"onnx": "onnxruntime", "openvino": "openvino"}
TRANSFORMS = {
    "squash": {"resize": "squash"},
    "centre cut": {"resize": "crop", "crop": 0.875, "interpolation": "bicubic"},
    "of the short side": {"resize": "crop", "shorter_side": 71, "centre": "before"},
    "border": {"resize": "pad", "fill": (10, 200, 30)},
    "not square": {"size": (64, 64), "resize": "squash", "crop": 0.8, "interpolation": "lanczos"},
}


@pytest.fixture(scope="module")
def awkward(tmp_path_factory):
    """Pictures that readers disagree on."""
    folder = tmp_path_factory.mktemp("awkward")
    rng = np.random.default_rng(0)
    smooth = np.asarray(Image.fromarray(rng.integers(0, 256, (6, 9, 3), np.uint8)).resize((90, 61)))
    photo = Image.fromarray(smooth)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        photo.save(folder / f"exif{orientation}.jpg", exif=exif)
    # Stripes that the classifier doubts: the last bit of a pixel is seen in what it answers.
    wave = 28 * np.sin(np.arange(451) / 9.4)[None, :, None]
    faint = Image.fromarray(
        (128 + wave + rng.normal(0, 110, (300, 451, 3))).clip(0, 255).astype(np.uint8)
    )
    for orientation in range(5, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        faint.save(folder / f"faint{orientation}.png", exif=exif)
    photo.convert("CMYK").save(folder / "cmyk.jpg")
    photo.rotate(90, expand=True).save(folder / "portrait.png")
    photo.convert("P").save(folder / "palette.gif")
    photo.convert("1").save(folder / "bits.png")
    photo.convert("L").save(folder / "grey.tif")
    alpha = photo.convert("RGBA")
    alpha.putalpha(Image.fromarray(smooth[..., 0]))
    alpha.save(folder / "alpha.png")
    deep = smooth[..., 0].astype(np.uint16)
    Image.fromarray(deep * 257).save(folder / "sixteen.png")
    Image.fromarray(deep * 16).save(folder / "twelve.png")
    Image.fromarray(rng.integers(0, 256, (500, 1, 3), np.uint8)).save(folder / "tall.png")
    Image.fromarray(rng.integers(0, 256, (1, 500, 3), np.uint8)).save(folder / "long.png")
    return folder


def answers(folder, pictures, encoding="utf-8"):
    """Run the script in a fresh process that cannot import embedlens, of a locale's encoding."""
    code = (
        "import runpy, sys; sys.modules['embedlens'] = None; script, *sys.argv[1:] = sys.argv[1:];"
        "runpy.run_path(script, run_name='__main__')"
    )
    command = [sys.executable, "-c", code, str(folder / "classify.py"), *map(str, pictures)]
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", check=True, cwd=folder,
        env={**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": encoding},
    )  # fmt: skip
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return {path: (label, float(share)) for path, label, share in rows}


def predictions(classifier, place, out):
    predict(classifier, str(place), out)
    with out.open(encoding="utf-8") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("head", ["classifier", "neighbors"])
def test_the_exported_folder_answers_as_predict_does(to, head, awkward, new, tmp_path, request):
    if to == "onnx":
        pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    classifier = request.getfixturevalue(head)
    folder = export_classifier(classifier, to, tmp_path / "out")
    for place in (awkward, new):
        told = predictions(classifier, place, tmp_path / "predictions.csv")
        got = answers(folder, [place / name for name in told])
        for name, row in told.items():
            label, share = got[str(place / name)]
            assert label == row["class"], name
            assert share == pytest.approx(float(row["probability"]), abs=1e-4), name


@pytest.mark.parametrize("to", FORMATS)
def test_the_script_tells_nobody_and_starts_no_process(to, classifier, new, tmp_path):
    """A spawned process would run it again: each picture would be told twice."""
    if to == "onnx":
        pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    folder = export_classifier(classifier, to, tmp_path / "out")
    watch = (
        "import runpy, sys; sys.addaudithook(lambda event, _: sys.exit(event) if event in "
        "('os.fork', 'subprocess.Popen', 'socket.connect', 'socket.getaddrinfo') else None);"
        "import multiprocessing.process as p; p.BaseProcess.start = lambda _: sys.exit('started');"
        "script, *sys.argv[1:] = sys.argv[1:]; runpy.run_path(script, run_name='__main__')"
    )
    hidden = {k: v for k, v in os.environ.items() if k not in ("CI", "TF_BUILD")}
    done = subprocess.run(
        [sys.executable, "-c", watch, str(folder / "classify.py"), str(min(new.rglob("*.png")))],
        env={**hidden, "HOME": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out"]


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_classes_of_any_name_are_told_in_any_locale(classifier, new, encoding, tmp_path):
    names = ('a=b/c; d, "e"', "🦁", "狐" * 300)
    named = replace(classifier, classes=names)
    folder = export_classifier(named, "openvino", tmp_path / "out")
    told = predictions(named, new, tmp_path / "predictions.csv")
    got = answers(folder, [new / name for name in told], encoding)
    assert {name: got[str(new / name)][0] for name in told} == {
        name: row["class"] for name, row in told.items()
    }
    assert {row["class"] for row in told.values()} == set(names)


@pytest.mark.parametrize("fitting", TRANSFORMS)
def test_pictures_are_fitted_to_size_as_by_predict(fitting, classifier, awkward, tmp_path):
    told = {"size": (64, 64), "shorter_side": None, **TRANSFORMS[fitting]}
    record = {k: v for k, v in classifier.transform.__dict__.items() if k not in told}
    changed = replace(classifier, transform=Transform(**{**record, **told}))
    folder = export_classifier(changed, "openvino", tmp_path / "out")
    rows = predictions(changed, awkward, tmp_path / "predictions.csv")
    got = answers(folder, [awkward / name for name in rows])
    for name, row in rows.items():
        label, share = got[str(awkward / name)]
        assert (label, share) == (row["class"], pytest.approx(float(row["probability"]), abs=1e-4))


@pytest.mark.parametrize("telling", [ONE_CLASS, SEVERAL_LABELS])
@pytest.mark.parametrize("to", FORMATS)
def test_the_script_is_short_and_imports_three_packages(to, telling):
    for each in TRANSFORMS.values():
        text = script(Transform(**{"size": (48, 64), **each}), to, telling)
        assert len(text.splitlines()) < 40
        assert "@" not in text
        imported = {
            (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
            for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.Import, ast.ImportFrom))
        }
        assert imported - set(sys.stdlib_module_names) == {"numpy", "PIL", RUNTIMES[to]}


def test_the_folder_says_what_it_is(classifier, tmp_path):
    folder = export_classifier(classifier, "openvino", tmp_path / "out")
    facts = json.loads((folder / "classifier.json").read_text(encoding="utf-8"))
    assert facts["classes"] == ["across", "down", "plain"]
    whole = {**facts["transform"], **facts["in_the_graph"]}
    assert whole == classifier.transform.record()
    assert facts["expected"]["accuracy"] == 0.9
    assert facts["licence"] == "Apache-2.0"
    assert facts["input"]["shape"] == [1, 64, 64, 3]
    card = (folder / "model-card.md").read_text(encoding="utf-8")
    assert "90.0%" in card
    assert "| across | 20 |" in card


def test_nothing_of_another_kind_is_written_over(classifier, tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(EmbedlensError, match="holds other things"):
        export_classifier(classifier, "openvino", tmp_path)
    saved = classifier.save(tmp_path / "saved")
    with pytest.raises(EmbedlensError, match="holds other things"):
        export_classifier(classifier, "openvino", saved)


def test_deep_pngs_have_the_black_and_white_of_those_that_were_learned_from(
    classifier, awkward, tmp_path
):
    shares = []
    for levels in ({}, {"16-bit PNG": (1000.0, 1500.0), "16-bit TIFF": (0.0, 255.0)}):
        learned = replace(classifier, training=replace(classifier.training, levels=levels))
        folder = export_classifier(learned, "openvino", tmp_path / "out")
        told = predictions(learned, awkward / "twelve.png", tmp_path / "predictions.csv")
        share = answers(folder, [awkward / "twelve.png"])[str(awkward / "twelve.png")][1]
        assert share == pytest.approx(float(told["twelve.png"]["probability"]), abs=1e-4)
        shares.append(share)
    assert abs(shares[0] - shares[1]) > 1e-3


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("deep.tif", "u2"), ("int.tif", "i4"), ("real.tif", "f4"), ("a.pfm", "f4")],
)
def test_deep_tiffs_and_floats_are_refused_and_not_guessed(classifier, name, numbers, tmp_path):
    folder = export_classifier(classifier, "openvino", tmp_path / "out")
    format = "PPM" if name.endswith("pfm") else "TIFF"
    Image.fromarray(np.full((9, 9), 999, numbers)).save(tmp_path / name, format)
    with pytest.raises(subprocess.CalledProcessError) as error:
        answers(folder, [tmp_path / name])
    assert f"a {format} of more than eight bits" in error.value.stderr


def test_an_exported_graph_is_a_backbone_with_the_same_features(features, classifier, tmp_path):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    folder = export_classifier(classifier, "onnx", tmp_path / "out")
    again = embed(features.images, f"{folder / 'classifier.onnx'}@features")
    np.testing.assert_allclose(again.values, features.values, rtol=1e-3, atol=1e-3)
