"""The study's top: its layers, its training, its estimator contract."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_blobs

from embedlens.backbones.keras_backend import import_keras
from embedlens.learn import LazyRows, TopClassifier


@pytest.fixture(scope="module")
def blobs():
    X, y = make_blobs(240, 16, centers=4, cluster_std=1.5, random_state=0)
    names = np.array(["ape", "bee", "cat", "dog"])
    return X.astype(np.float32), names[y]


@pytest.fixture(scope="module")
def fitted(blobs):
    X, y = blobs
    return TopClassifier(batch_size=20).fit(X[:160], y[:160], validation=(X[160:200], y[160:200]))


def test_the_layers_are_the_studys(fitted):
    layers = [type(layer).__name__ for layer in fitted.model_.layers]
    assert layers == ["BatchNormalization", "Dense", "Dropout", "Dense"]
    _, hidden, dropout, last = fitted.model_.layers
    assert (hidden.units, hidden.activation.__name__, dropout.rate) == (512, "relu", 0.5)
    assert (last.units, last.activation.__name__) == (4, "softmax")


def test_it_learns_and_names_classes_by_their_labels(fitted, blobs):
    X, y = blobs
    assert fitted.score(X[200:], y[200:]) > 0.95
    assert set(fitted.predict(X[200:])) <= set(y)
    assert fitted.predict_proba(X[200:]).sum(axis=1) == pytest.approx(np.ones(40), abs=1e-5)


def test_the_history_has_loss_and_accuracy_of_both_splits_each_epoch(fitted):
    assert len(fitted.history_) == 16
    assert set(fitted.history_) == {
        "loss", "accuracy", "validation_loss", "validation_accuracy",
    }  # fmt: skip


def test_the_reported_validation_loss_is_that_of_its_predictions(fitted, blobs):
    X, y = blobs
    p = fitted.predict_proba(X[160:200])
    codes = np.searchsorted(fitted.classes_, y[160:200])
    expected = -np.log(p[np.arange(40), codes]).mean()
    assert fitted.history_["validation_loss"].iloc[-1] == pytest.approx(expected, rel=1e-4)


def test_the_same_seed_gives_the_same_network_and_another_seed_another(blobs):
    X, y = blobs
    predict = [
        TopClassifier(epochs=2, random_state=seed).fit(X, y).predict_proba(X) for seed in (0, 0, 1)
    ]
    assert np.array_equal(predict[0], predict[1])
    assert not np.allclose(predict[0], predict[2])


def test_rows_of_a_memory_map_train_the_network_that_a_copy_trains(blobs, tmp_path):
    X, y = blobs
    np.save(tmp_path / "X.npy", X)
    stored = np.load(tmp_path / "X.npy", mmap_mode="r")
    chosen = np.arange(0, 240, 2)
    one = TopClassifier(epochs=2).fit(LazyRows(stored, chosen), y[chosen])
    other = TopClassifier(epochs=2).fit(X[chosen], y[chosen])
    assert np.array_equal(one.predict_proba(X), other.predict_proba(X))


def test_a_head_stopped_too_early_is_flagged_and_a_settled_one_is_not(blobs):
    X, y = blobs
    assert not TopClassifier(epochs=5).fit(X, y).converged_
    settled = TopClassifier(epochs=60, batch_size=40, dropout=0.0)
    assert settled.fit(X, y, validation=(X + 3, y)).converged_


def test_a_class_unknown_in_training_is_left_out_of_validation(blobs):
    X, y = blobs
    known = y != "dog"
    top = TopClassifier(epochs=1).fit(X[known], y[known], validation=(X, y))
    assert top.classes_.tolist() == ["ape", "bee", "cat"]
    assert np.isfinite(top.history_["validation_loss"]).all()


def test_it_can_be_cloned_and_tells_its_progress(blobs):
    X, y = blobs
    seen = []
    top = clone(TopClassifier(epochs=2)).fit(X, y, progress=lambda *step: seen.append(step))
    assert seen == [(0, 2), (1, 2), (2, 2)]
    assert top.get_params()["units"] == 512


@pytest.mark.parametrize(
    "again",
    [lambda top: pickle.loads(pickle.dumps(top)), copy.deepcopy],
    ids=["pickled", "copied"],
)
def test_a_copy_of_it_predicts_the_same(again, fitted, blobs):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # as Keras warns of what it cannot load
        other = again(fitted)
    assert np.array_equal(other.predict_proba(blobs[0]), fitted.predict_proba(blobs[0]))
    assert np.array_equal(other.predict(blobs[0]), fitted.predict(blobs[0]))


def test_its_network_is_read_by_keras_alone_in_another_process(fitted, blobs, tmp_path):
    fitted.model_.save(tmp_path / "top.keras")
    np.save(tmp_path / "X.npy", blobs[0])
    read = """
import sys, keras, numpy as np
folder = sys.argv[1]
model = keras.saving.load_model(f"{folder}/top.keras")
np.save(f"{folder}/shares.npy", model.predict(np.load(f"{folder}/X.npy"), verbose=0))
assert not [name for name in sys.modules if name.startswith("embedlens")]
"""
    environment = {**os.environ, "KERAS_BACKEND": import_keras().backend.backend()}
    command = [sys.executable, "-W", "error::UserWarning:keras", "-c", read, str(tmp_path)]
    subprocess.run(command, env=environment, check=True)
    shares = np.load(tmp_path / "shares.npy")
    assert shares == pytest.approx(fitted.predict_proba(blobs[0]), abs=1e-6)


@pytest.mark.parametrize(
    ("labels", "message"), [(["a"] * 239, "240 rows and y has 239"), (["a"] * 240, "needs two")]
)
def test_labels_that_do_not_fit_are_refused(labels, message, blobs):
    with pytest.raises(ValueError, match=message):
        TopClassifier().fit(blobs[0], labels)
