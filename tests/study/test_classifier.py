"""The classifier that a study ends in."""

from __future__ import annotations

import csv
import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from embedlens import Classifier, Study
from embedlens.classify import train
from embedlens.cli import main
from embedlens.errors import StudyError
from embedlens.features.store import read_features

BACKBONE = "EfficientNetLite0"


@pytest.fixture(scope="module")
def study(pictures_once, tmp_path_factory):
    found = Study(
        pictures_once,
        [BACKBONE],
        out=tmp_path_factory.mktemp("study") / "s",
        repeats=1,
        size=64,
        maps="pca",
    )
    found.run()
    return found


def test_it_says_what_the_verdict_says(study, tmp_path):
    verdict, made = study.verdict(), study.classifier()
    assert made.backbone == verdict.take.backbone == BACKBONE
    assert made.expected.accuracy == verdict.expected
    assert (made.expected.low, made.expected.high) == (verdict.expected_low, verdict.expected_high)
    assert made.classes == ("across", "down", "plain")
    assert len(made.training.ids) == 60
    assert Classifier.load(made.save(tmp_path / "saved")).key == made.key


def test_a_head_is_trained_once(study, tmp_path, monkeypatch):
    module = importlib.import_module("embedlens.classify.of_study")
    first = study.classifier(head="knn")
    kept = study.folder / "classifiers" / f"{BACKBONE}.knn.npz"
    with monkeypatch.context() as patch:
        patch.setattr(module, "train", lambda *_: pytest.fail("trained again"))
        again = study.classifier(head="knn")
    values = np.asarray(read_features(study.folder / "features" / BACKBONE))
    assert again.key == first.key
    np.testing.assert_array_equal(again.head.scores(values), first.head.scores(values))
    data = kept.read_bytes()
    for spoiled in (data[: len(data) // 2], data.replace(b'"threshold": 0', b'"threshold": 1')):
        kept.write_bytes(spoiled)
        assert study.classifier(head="knn").key == first.key


def test_trained_on_a_split_it_names_the_classes_that_the_study_named(study):
    results = study.results()
    kept, values = results.pictures, np.asarray(read_features(study.folder / "features" / BACKBONE))
    known = (kept["split"] != "test").to_numpy()
    labels = kept["label"].to_numpy(str)
    watched = (kept["split"] == "validation").to_numpy()
    for head in ("linear_probe", "knn"):
        groups = kept["group"][known].tolist()
        found = train(values[known], labels[known], watched[known], groups, head)
        told = results.predictions.query("head == @head and repeat == 0")
        scores = found.head.scores(values[told["picture"]])
        named = np.array(found.classes)[scores.argmax(axis=1)]
        assert named.tolist() == told["predicted"].tolist()


def test_what_the_study_has_not_is_refused(study, tmp_path):
    with pytest.raises(StudyError, match="has no backbone 'Xception'"):
        study.classifier("Xception")
    with pytest.raises(StudyError, match="no head 'top'"):
        study.classifier(head="top")
    with pytest.raises(StudyError, match="is not a study folder"):
        Study(study.settings.pictures, [BACKBONE], out=tmp_path / "none").classifier()


def command(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["embedlens", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_the_commands_predict_and_export(study, tmp_path, monkeypatch, capsys):
    out = tmp_path / "predictions.csv"
    place = study.settings.pictures
    assert command(monkeypatch, "predict", study.folder, place, "--out", out, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["pictures"], told["seen"], told["judged"]["pictures"]) == (60, 60, 0)
    assert out.with_suffix(".html").is_file()
    one = Path(place) / str(study.results().pictures["path"][0])
    assert command(monkeypatch, "predict", study.folder, one, "--out", out) == 0
    with out.open(encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    said = capsys.readouterr().out
    assert f"{one.name}" in said
    assert f"{float(row['probability']):.1%}" in said
    assert f"{row['second_class']} ({float(row['second_probability']):.1%})" in said
    folder = tmp_path / "exported"
    assert command(monkeypatch, "export", study.folder, "--to", "openvino", "--out", folder) == 0
    assert (folder / "classify.py").is_file()
    assert command(monkeypatch, "predict", folder, place, "--out", out) == 2
    assert "its own classify.py runs" in capsys.readouterr().err
    assert command(monkeypatch, "predict", tmp_path, place, "--out", out) == 2
    assert "neither a study folder nor a classifier" in capsys.readouterr().err
    wrong = ("export", study.folder, "--to", "parquet", "--head", "knn", "--out", folder)
    assert command(monkeypatch, *wrong) == 2
