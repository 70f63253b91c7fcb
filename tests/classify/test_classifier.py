"""Training, keeping and asking a classifier."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from embedlens.backbones import Transform, get_backbone
from embedlens.classify import (
    Classifier,
    Expected,
    LinearHead,
    NeighborsHead,
    Unknown,
    export_classifier,
    open_classifier,
    predict,
    train,
)
from embedlens.classify.of_study import _coverage_told
from embedlens.classify.prediction import COLUMNS
from embedlens.classify.unknown import distances_to_class
from embedlens.errors import EmbedlensError, ImageSetError
from embedlens.features import embed
from embedlens.images import ImageSet
from embedlens.learn import LinearProbe, NeighborsProbe
from embedlens.report import write_predictions
from embedlens.results.class_coverage import ClassCoverage


def blobs(classes=4, each=40, d=24, apart=3.0, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, d)) * apart
    codes = np.repeat(np.arange(classes), each)
    points = np.maximum(centres[codes] + rng.normal(size=(len(codes), d)), 0)
    return points.astype(np.float32), np.array(list("abcdefg"))[codes]


def table(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("classes", [2, 3])
def test_a_probe_becomes_one_dense_layer(classes):
    X, y = blobs(classes)
    probe = LinearProbe().fit(X, y)
    scores = LinearHead.of(probe).scores(X)
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, probe.predict_proba(X), atol=1e-6)


def test_neighbours_vote_as_the_probe_counts_them():
    X, y = blobs()
    probe = NeighborsProbe().fit(X[::2], y[::2])
    shares = probe.predict_proba(X[1::2])
    smooth = (probe.k_ * shares + 1 / 4) / (probe.k_ + 1)
    np.testing.assert_allclose(np.exp(NeighborsHead.of(probe).scores(X[1::2])), smooth, atol=1e-9)


@pytest.mark.parametrize("head", ["linear_probe", "knn"])
def test_probabilities_sets_and_flags_hold_what_they_say(head):
    X, y = blobs(apart=0.5, each=150)
    learned = np.arange(len(y)) % 2 == 0
    groups = [str(row) for row in range(learned.sum())]
    watched = np.arange(learned.sum()) % 5 == 0
    found = train(X[learned], y[learned], watched, groups, head)
    scores = found.head.scores(X[~learned]) / found.temperature
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    own = shares[np.arange(len(shares)), np.searchsorted(found.classes, y[~learned])]
    assert 0.83 < (own >= found.threshold).mean() < 0.97
    accuracy = (shares.argmax(axis=1) == np.searchsorted(found.classes, y[~learned])).mean()
    assert shares.max(axis=1).mean() == pytest.approx(accuracy, abs=0.08)


def test_what_was_never_seen_scores_above_what_was():
    X, y = blobs(5)
    for left_out in "abcde":
        known = (y != left_out) & (np.arange(len(y)) % 2 == 0)
        asked = ~known
        groups = [str(row) for row in range(known.sum())]
        found = train(X[known], y[known], np.zeros(known.sum(), bool), groups)
        scores = found.head.scores(X[asked])
        taken = np.array(found.classes)[scores.argmax(axis=1)]
        units = X / np.linalg.norm(X, axis=1, keepdims=True)
        likeness = units[asked] @ units[known].T
        own = np.where(y[known] == taken[:, None], likeness, -1).max(axis=1)
        codes = np.searchsorted(found.classes, y[known])
        given = distances_to_class(X[known], codes, X[asked], scores.argmax(axis=1))
        np.testing.assert_allclose(given, 1 - own, atol=1e-5)
        score = found.unknown.score(scores, given, 1 - likeness.max(axis=1))
        assert roc_auc_score(y[asked] == left_out, score) > 0.9


def test_flags_are_raised_at_the_stated_rate():
    rng = np.random.default_rng(0)
    scores, distances = rng.normal(size=(4000, 3)), rng.uniform(size=4000)
    near = distances / 2
    found = Unknown.of(scores[::2], distances[::2], near[::2])
    flagged = found.score(scores[1::2], distances[1::2], near[1::2]) > found.limit
    assert flagged.mean() == pytest.approx(0.05, abs=0.015)
    # Each class has its own usual distance: ten times farther is usual in the last.
    wide = np.where(scores.argmax(axis=1) == 2, 10 * distances, distances)
    found = Unknown.of(scores[::2], wide[::2], near[::2])
    flags = found.score(scores[1::2], wide[1::2], near[1::2]) > found.limit
    for code in range(3):
        own = scores[1::2].argmax(axis=1) == code
        assert flags[own].mean() == pytest.approx(0.05, abs=0.025)
    few = Unknown.of(scores[:10], distances[:10], near[:10])
    assert few.limit == np.inf


@pytest.mark.parametrize("head", ["classifier", "neighbors"])
def test_a_saved_classifier_answers_the_same(head, request, features, tmp_path):
    made = request.getfixturevalue(head)
    read = Classifier.load(made.save(tmp_path / "saved"))
    one, other = made.answer(features.values), read.answer(features.values)
    np.testing.assert_array_equal(one.probabilities, other.probabilities)
    np.testing.assert_array_equal(one.unknown, other.unknown)
    assert (read.classes, read.expected, read.key) == (made.classes, made.expected, made.key)
    assert not list((tmp_path / "saved").glob("*.pkl"))


def test_a_saved_classifier_is_asked_for_by_any_spelling_of_what_it_has(classifier, tmp_path):
    saved = classifier.save(tmp_path / "saved")
    name = classifier.backbone
    for spelt in (name, name.upper(), f" {name} "):
        assert open_classifier(saved, spelt, LinearHead.key.upper()).key == classifier.key
    for backbone, head in (("MobileNetV2", None), ("no such", None), (None, "knn")):
        with pytest.raises(EmbedlensError, match=f"a classifier with .*, not {backbone or head};"):
            open_classifier(saved, backbone, head)


def test_a_classifier_of_an_earlier_version_names_formats(classifier, tmp_path):
    """All deep pictures of a format had one black and white, or the format was left out."""
    levels = {"PNG": (0.0, 1023.0), "TIFF": (-1.0, 4095.0)}
    earlier = replace(classifier, training=replace(classifier.training, levels=levels))
    training = Classifier.load(earlier.save(tmp_path / "saved")).training
    for numbers in (np.uint16, np.float32, np.int32):
        file = io.BytesIO()
        Image.fromarray(np.full((9, 9), 999, numbers)).save(file, "TIFF")
        assert training.levels_of(file.getvalue()) == (-1.0, 4095.0)
    file = io.BytesIO()
    Image.fromarray(np.full((9, 9), 999, np.uint16)).save(file, "PNG")
    assert training.levels_of(file.getvalue()) == (0.0, 1023.0)
    file = io.BytesIO()
    Image.new("RGB", (9, 9)).save(file, "PNG")
    assert training.levels_of(file.getvalue()) is None


def test_a_damaged_or_foreign_folder_is_no_classifier(classifier, tmp_path):
    saved = classifier.save(tmp_path / "saved")
    data = (saved / "classifier.npz").read_bytes()
    (saved / "classifier.npz").write_bytes(data[:-9] + b"123456789")
    with pytest.raises(EmbedlensError, match="not those that were written together"):
        Classifier.load(saved)
    with pytest.raises(EmbedlensError, match=r"it has no classifier\.json"):
        Classifier.load(tmp_path)


def test_other_weights_than_those_it_was_trained_with_are_refused(classifier, tmp_path):
    saved = classifier.save(tmp_path / "saved")
    facts = json.loads((saved / "classifier.json").read_text(encoding="utf-8"))
    facts["recipe"]["backbone"]["weights"]["digest"] = "0" * 64
    (saved / "classifier.json").write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(EmbedlensError, match="not those that the classifier was trained with"):
        Classifier.load(saved)


def test_every_picture_gets_a_row(classifier, new, tmp_path):
    place = tmp_path / "photos"
    shutil.copytree(new, place)
    (place / "across" / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    (place / "loose.png").write_bytes((new / "down" / "0.png").read_bytes())
    found = predict(classifier, str(place), tmp_path / "out.csv")
    rows = {row["path"]: row for row in table(found.table)}
    assert list(next(iter(rows.values()))) == list(COLUMNS)
    assert len(rows) == 17
    assert rows["across/broken.jpg"]["problem"]
    assert rows["across/broken.jpg"]["class"] == ""
    assert rows["loose.png"]["class"] == rows["down/0.png"]["class"] == "down"
    assert (found.pictures, found.unreadable, found.seen) == (16, 1, 0)
    assert found.judged.pictures == 15
    assert found.judged.accuracy.estimate == pytest.approx(
        np.mean([rows[f"{k}/{i}.png"]["class"] == k for k in classifier.classes for i in range(5)])
    )
    assert not list(tmp_path.glob("*.part"))


def test_pictures_that_it_has_learned_from_judge_nothing(classifier, learned, tmp_path):
    found = predict(classifier, str(learned), tmp_path / "out.csv")
    assert (found.seen, found.judged.pictures, found.judged.seen) == (60, 0, 60)
    assert "none can judge it" in found.judged.sentence()
    row = table(found.table)[0]
    assert row["nearest_1"] == row["path"]


def test_a_flat_folder_one_picture_and_a_bare_table_have_no_labels(classifier, new, tmp_path):
    flat = new / "down"
    listing = new / "listing.csv"
    listing.write_text("path\ndown/0.png\ngone.png\n")
    try:
        for place, count in ((flat, 5), (flat / "0.png", 1), (listing, 1)):
            found = predict(classifier, str(place), tmp_path / "out.csv")
            assert (found.pictures, found.judged) == (count, None)
    finally:
        listing.unlink()
    assert table(tmp_path / "out.csv")[1]["problem"]


def test_a_picture_under_two_labels_is_judged_by_none(classifier, new, tmp_path):
    rows = ["down/0.png,down", "down/1.png,down", "plain/0.png,plain", "plain/0.png,down"]
    listing = new / "listing.csv"
    try:
        for order in (rows, rows[::-1]):
            listing.write_text("\n".join(["path,label", *order, ""]), encoding="utf-8")
            found = predict(classifier, str(listing), tmp_path / "out.csv")
            assert (found.pictures, found.judged.pictures) == (3, 2)
            assert "1 picture is under two labels or more" in found.note
            assert "plain/0.png" in found.note
    finally:
        listing.unlink()


def test_copies_of_a_picture_are_one_in_the_interval(classifier, new, tmp_path):
    for kind in ("down", "plain"):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for number in range(30):
            copy = tmp_path / "photos" / kind / f"{number}.png"
            copy.write_bytes((new / kind / "0.png").read_bytes())
    found = predict(classifier, str(tmp_path / "photos"), tmp_path / "out.csv").judged
    assert found.pictures == 60
    assert found.accuracy.high - found.accuracy.low > 0.5  # two pictures, not sixty


def test_folders_that_are_no_classes_are_no_labels(classifier, new, tmp_path):
    shutil.copytree(new / "down", tmp_path / "photos" / "2024")
    shutil.copytree(new / "plain", tmp_path / "photos" / "2025")
    found = predict(classifier, str(tmp_path / "photos"), tmp_path / "out.csv")
    assert found.judged is None
    assert "2024, 2025" in found.note


def test_classes_it_does_not_know_are_told_apart(classifier, new, tmp_path):
    shutil.copytree(new / "down", tmp_path / "photos" / "down")
    shutil.copytree(new / "plain", tmp_path / "photos" / "emu")
    found = predict(classifier, str(tmp_path / "photos"), tmp_path / "out.csv")
    assert (found.judged.pictures, found.judged.others) == (5, 5)
    assert found.judged.confusion.loc["emu"].sum() == 5


def test_a_run_that_was_stopped_goes_on(classifier, new, tmp_path, monkeypatch):
    from embedlens.classify import asking

    monkeypatch.setattr(asking, "_BLOCK", 4)
    whole = predict(classifier, str(new), tmp_path / "whole.csv").table.read_text()

    def stop(done, total):
        if done == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict(classifier, str(new), tmp_path / "out.csv", stop)
    with (tmp_path / "out.csv.part").open("a") as part:
        part.write('{"path": "half a li')
    seen = []
    found = predict(classifier, str(new), tmp_path / "out.csv", lambda done, _: seen.append(done))
    assert seen[0] == 8
    assert found.table.read_text() == whole


def test_nothing_there_is_said(classifier, tmp_path):
    with pytest.raises(ImageSetError, match="no such file"):
        predict(classifier, str(tmp_path / "gone"), tmp_path / "out.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageSetError, match="no pictures"):
        predict(classifier, str(tmp_path / "empty"), tmp_path / "out.csv")


def test_the_page_shows_pictures_by_class(classifier, new, tmp_path):
    found = predict(classifier, str(new), tmp_path / "out.csv")
    page = write_predictions(found, classifier).read_text(encoding="utf-8")
    assert page.count("<img") >= 15 - found.unknown
    assert found.judged.sentence() in page


def test_the_page_of_one_picture_says_so_and_names_its_class_alone(classifier, new, tmp_path):
    one = sorted(path for path in new.rglob("*") if path.is_file())[0]
    found = predict(classifier, str(one), tmp_path / "out.csv")
    page = write_predictions(found, classifier).read_text(encoding="utf-8")
    assert "1 picture, by a classifier of" in page
    headings = [part.split("</bdi>")[0] for part in page.split("<h2><bdi>")[1:]]
    named = [name for name, count in found.counts.items() if count]
    assert headings == ["unknown", *named]


def test_what_joins_the_classes_of_a_set_is_in_none_of_them(classifier, new, tmp_path):
    named = replace(classifier, classes=("a|b", "a", "b;c"))
    flat = replace(named, threshold=0.0)
    found = predict(flat, str(new), tmp_path / "o.csv")
    cells = [row["set_90"].split(",") for row in table(found.table)]
    assert {name for cell in cells for name in cell} == set(named.classes)
    assert max(map(len, cells)) > 1


def test_names_that_are_text_stay_text(classifier, new, tmp_path):
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "007.png")
    found = predict(classifier, str(tmp_path), tmp_path / "out" / "o.csv")
    from embedlens.classify.prediction import read_predictions

    frame = read_predictions(found.table)
    assert frame["path"].tolist() == ["007.png"]
    assert pd.api.types.is_string_dtype(frame["nearest_1"])


def test_a_model_file_s_graph_travels_along(learned, new, save_onnx, classifier_of, tmp_path):
    model = save_onnx(tmp_path / "mine.onnx")
    backbone = get_backbone(str(model), transform=Transform((32, 32), scale=255.0))
    made = classifier_of(embed(ImageSet.read(learned), backbone))
    wanted = predict(made, str(new), tmp_path / "one.csv").table.read_text()
    saved = made.save(tmp_path / "saved")
    model.unlink()
    read = Classifier.load(saved)
    assert read.recipe is None
    assert predict(read, str(new), tmp_path / "other.csv").table.read_text() == wanted
    again = Classifier.load(read.save(tmp_path / "again"))
    assert predict(again, str(new), tmp_path / "third.csv").table.read_text() == wanted
    assert (export_classifier(again, "openvino", tmp_path / "out") / "classify.py").is_file()


def test_what_is_foretold_and_was_not_measured_is_said():
    measured = "measured on 23 held-out pictures, by heads that had not seen them"
    assert f"{measured})." in Expected(0.9, 0.8, 1.0, 23).sentence()
    more = "; 1.5 points are added for learning from these too"
    assert f"{measured}{more})." in Expected(0.915, 0.8, 1.0, 23, 0.015).sentence()


def test_what_is_expected_says_of_which_classes_it_is():
    told = Expected(0.4, 0.3, 0.5, 23, coverage="Not tested: 1 class of 3 (fox).")
    assert told.sentence().endswith("had not seen them). Not tested: 1 class of 3 (fox).")
    coverage = ClassCoverage(("cat", "dog", "fox"), 2, {"cat": 2, "dog": 2, "fox": 2}, {"fox": 2})
    said = _coverage_told(coverage)
    assert "Never trained on: 1 class of 3 is only among the test pictures (fox)" in said
    assert said.endswith("This classifier has learned all classes, and should get more right.")
    assert _coverage_told(replace(coverage, untrained={})) == ""
