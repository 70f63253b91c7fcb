"""Maps of a features file: what learned from labels, and what was held out."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.metrics import silhouette_score

from embedlens.errors import StudyError
from embedlens.features import FeaturesFile
from embedlens.study import held_out_silhouette, map_features


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
