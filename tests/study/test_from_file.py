"""Maps of a features file: what learned from labels, and what was held out."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_blobs
from sklearn.metrics import silhouette_score

from embedlens.errors import StudyError
from embedlens.features import FeaturesFile
from embedlens.metrics.stratified import compared_by_content, sample_by_content
from embedlens.study import held_out_silhouette, map_features, score_features


def features_file(splits=None):
    X, y = make_blobs(120, 8, centers=4, cluster_std=3.0, random_state=0)
    labels = np.array(["ape", "bee", "cat", "dog"])[y]
    given = np.full(120, "") if splits is None else np.asarray(splits)
    return FeaturesFile(X.astype(np.float32), labels, given, np.full(120, ""), {})


def test_a_silhouette_map_holds_out_a_fifth_of_each_class_and_says_which():
    file = features_file()
    table = map_features(file, "silhouette", 2)
    assert list(table.columns) == ["path", "label", "split", "learned", "x", "y"]
    assert (~table["learned"]).groupby(table["label"]).sum().tolist() == [6] * 4
    held_out = table[~table["learned"]]
    expected = silhouette_score(held_out[["x", "y"]], held_out["label"])
    assert held_out_silhouette(table) == pytest.approx(expected, abs=1e-5)


def test_held_out_labels_do_not_reach_the_map():
    splits = np.where(np.arange(120) % 3 == 0, "test", "train")
    file = features_file(splits)
    table = map_features(file, "silhouette")
    assert table["learned"].tolist() == (splits == "train").tolist()
    labels = file.labels.copy()
    labels[splits == "test"] = np.roll(labels[splits == "test"], 1)
    other = FeaturesFile(file.features, labels, splits, file.paths, {})
    assert np.array_equal(
        map_features(other, "silhouette")[["x", "y", "z"]], table[["x", "y", "z"]]
    )


def test_nothing_to_learn_from_or_to_hold_out_is_a_sentence():
    file = features_file(["train"] * 119 + ["test"])
    one = FeaturesFile(file.features, np.full(120, "cat"), file.splits, file.paths, {})
    with pytest.raises(StudyError, match="1 of 1 classes"):
        map_features(one, "silhouette")
    assert np.isnan(held_out_silhouette(map_features(file, "silhouette")))


def test_other_maps_do_not_learn():
    assert list(map_features(features_file(), "pca").columns) == [
        "path", "label", "split", "x", "y", "z",
    ]  # fmt: skip


def test_scores_have_intervals_that_hold_them():
    rows = {row["score"]: row for row in score_features(features_file())}
    assert len(rows) == 4
    for row in rows.values():
        assert row["low"] <= row["value"] <= row["high"]
        assert row["low"] < row["high"]
    assert rows["knn accuracy"]["on"] == "24 test pictures of one split"


@pytest.mark.parametrize(
    "splits", [["test"] * 120, np.where(np.arange(120) < 3, "validation", "test")]
)
def test_a_split_that_trains_on_nothing_is_a_sentence(splits):
    with pytest.raises(StudyError, match="trains on no picture"):
        score_features(features_file(splits))


def test_a_split_that_trains_on_one_class_is_a_sentence():
    labels = features_file().labels
    with pytest.raises(StudyError, match="trains on one class only, ape"):
        score_features(features_file(np.where(labels == "ape", "train", "test")))


def test_scores_say_of_how_many_classes_they_are():
    labels = features_file().labels
    file = features_file(np.where(labels == "dog", "test", "train"))
    on = score_features(file)[-1]["on"]
    assert on == "30 test pictures of one split, of 1 of 4 classes, 1 of them never trained on"


@pytest.fixture
def small_samples(monkeypatch):
    """As if 80 pictures were too many to learn from, and 40 too many to compare."""
    module = importlib.import_module("embedlens.study.from_file")
    monkeypatch.setattr(module, "SAMPLE", 80)
    monkeypatch.setattr(module, "COMPARED", 40)


def test_of_too_many_pictures_a_sample_is_scored_and_named(small_samples):
    file = digits_file(200)
    rows = {row["score"]: row for row in score_features(file)}
    assert rows["silhouette (micro)"]["on"].startswith("a stratified sample of 40 of the 200")
    test = int((complete(file) == "test").sum())
    assert f" of the {test} test pictures" in rows["knn accuracy"]["on"]
    compared = compared_by_content(file.labels, file.paths, 40)
    assert rows["silhouette (micro)"]["value"] == pytest.approx(
        silhouette_score(file.features[compared], file.labels[compared]), abs=1e-4
    )


def test_a_map_of_too_many_pictures_has_a_place_for_each(small_samples):
    file = digits_file(200)
    table = map_features(file, "tsne")
    places = table[list("xyz")].to_numpy()
    assert np.isfinite(places).all()
    rows = sample_by_content(file.labels, file.paths, 80)
    others = np.setdiff1d(np.arange(200), rows)
    # A picture beside the sample lies within what its neighbours there span.
    assert (places[others] >= places[rows].min(axis=0)).all()
    assert (places[others] <= places[rows].max(axis=0)).all()


def digits_file(count):
    digits = load_digits()
    return FeaturesFile(
        digits.data[:count].astype(np.float32),
        digits.target[:count].astype(str),
        np.full(count, ""),
        np.array([f"{row}.png" for row in range(count)]),
        {},
    )


def complete(file):
    """The splits that are drawn where the file gives none."""
    module = importlib.import_module("embedlens.study.from_file")
    return module._splits(file, 0)
