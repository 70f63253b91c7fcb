"""Features files of others: every odd shape is understood or gets a sentence."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from embedlens.errors import EmbedlensError
from embedlens.features import read_features
from embedlens.study import map_features, score_features

CODES = np.repeat(np.arange(3), 20)
LABELS = np.array(["a", "b", "c"])[CODES]
_rng = np.random.default_rng(0)
FEATURES = ((_rng.normal(size=(3, 16)) * 3)[CODES] + _rng.normal(size=(60, 16))).astype("f4")
MISSING = np.where(np.arange(60) < 5, np.nan, CODES)
SPLITS = np.where(np.arange(60) % 3 == 0, "test", "train")


@pytest.fixture
def read(tmp_path):
    """Writes arrays into a file and reads it."""

    def read(**arrays):
        path = tmp_path / "f.npz"
        np.savez(path, **{"features": FEATURES, "labels": LABELS, **arrays})
        return read_features(path)

    return read


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (CODES[:, None], CODES.astype(str)),
        (CODES[None], CODES.astype(str)),
        (CODES.astype(float), CODES.astype(str)),
        (LABELS.astype("S"), LABELS),
        (CODES > 0, np.where(CODES > 0, "True", "False")),
        (np.char.add("0", LABELS), np.char.add("0", LABELS)),
    ],
)
def test_labels_of_many_types_are_text(read, labels, expected):
    assert read(labels=labels).labels.tolist() == expected.tolist()


def test_missing_labels_are_left_out_and_told(read):
    file = read(labels=MISSING, splits=SPLITS, paths=np.arange(60).astype(str))
    assert len(file.features) == len(file.labels) == len(file.splits) == len(file.paths) == 55
    assert file.paths[0] == "5"
    assert file.notes == ("5 of 60 pictures have no label (the first in row 1); they are left out",)
    scores = {row["score"]: row["value"] for row in score_features(read(labels=MISSING))}
    expected = silhouette_score(FEATURES[5:], CODES[5:])
    assert scores["silhouette (micro)"] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("names", [("Train", "Test "), ("training", "testing"), ("trn", "holdout")])
@pytest.mark.parametrize("shape", [(60,), (60, 1)])
def test_splits_go_by_any_name_of_theirs(read, names, shape):
    splits = np.where(SPLITS == "train", *names)
    file = read(splits=splits.reshape(shape))
    assert file.splits.tolist() == SPLITS.tolist()
    assert score_features(file)[-1]["on"].startswith("20 test pictures")


def test_a_split_that_is_not_given_is_drawn_from_training_alone(read):
    file = read(splits=np.where(SPLITS == "test", "val", "train"))
    on = score_features(file)[-1]["on"]
    assert on.startswith("9 test pictures")  # a fifth of the 13 or 14 in training of each class
    table = map_features(file, "silhouette")
    assert table["learned"][SPLITS == "test"].all()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"features": FEATURES[:, 0]}, r"shape \(60,\); it must be \(pictures, features\)"),
        ({"features": FEATURES[:, :0]}, r"shape \(60, 0\)"),
        ({"features": FEATURES[:0], "labels": LABELS[:0]}, r"shape \(0, 16\)"),
        ({"features": FEATURES.reshape(60, 2, 2, 4)}, "Average feature maps"),
        ({"features": np.float32(1)}, r"shape \(\)"),
        ({"features": FEATURES + 1j}, "type complex"),
        ({"features": FEATURES.astype(str)}, "they must be numbers"),
        ({"features": FEATURES.T}, "of 16 pictures and labels of shape"),
        ({"features": np.where(CODES[:, None] == 1, np.nan, FEATURES)}, "the first in row 21"),
        ({"labels": LABELS.astype(object)}, "not a features file"),
        ({"labels": np.eye(3)[CODES]}, "If they are one-hot, give their argmax"),
        ({"labels": CODES.astype("M8[D]")}, "labels of type datetime64"),
        ({"labels": np.full(60, np.nan)}, "holds no label: all 60 are missing"),
        ({"labels": np.array([b"caf\xe9"] * 60)}, "no UTF-8 text"),
        ({"splits": SPLITS[:2]}, r"splits of shape \(2,\)"),
        ({"splits": np.where(CODES == 1, "tset", SPLITS)}, "split 'tset' in row 21 is not train"),
        ({"splits": np.where(CODES == 0, "", SPLITS)}, "split '' in row 1 is not train"),
        ({"splits": CODES}, "split '0' in row 1"),
        ({"splits": np.where(CODES == 1, "val", "test")}, "no row has split train"),
        ({"paths": np.array(["a"])}, r"paths of shape \(1,\)"),
        ({"record": "{"}, "a record that is no JSON"),
    ],
)
def test_what_does_not_fit_gets_a_sentence(read, arrays, message):
    with pytest.raises(EmbedlensError, match=message):
        read(**arrays)


def test_arrays_of_other_names_are_listed(tmp_path):
    np.savez(tmp_path / "f.npz", X=FEATURES, y=LABELS)
    with pytest.raises(EmbedlensError, match="no features and no labels among X, y"):
        read_features(tmp_path / "f.npz")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04garbage", b"\x93NUMPY", b"text"])
def test_what_is_no_archive_is_told(tmp_path, data):
    (tmp_path / "f.npz").write_bytes(data)
    with pytest.raises(EmbedlensError, match="is not a features file"):
        read_features(tmp_path / "f.npz")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"labels": np.arange(60)}, "Each of the 60 labels is a class of its own, '0' for one"),
        ({"labels": np.zeros(60)}, "labels are '0'; scores need two classes"),
        ({"splits": np.where(CODES == 0, "train", "test")}, "trains on one class only, a"),
    ],
)
def test_what_cannot_be_scored_is_told(read, arrays, message):
    with pytest.raises(EmbedlensError, match=message):
        score_features(read(**arrays))


@pytest.mark.parametrize("method", ["pca", "tsne", "silhouette"])
def test_too_few_pictures_for_a_map_are_told(read, method):
    file = read(features=FEATURES[:2], labels=LABELS[[0, 59]])
    with pytest.raises(EmbedlensError, match=r"\(2, 16\): too few for a map"):
        map_features(file, method)
