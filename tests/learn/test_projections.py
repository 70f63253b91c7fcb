"""Silhouette and centroid projection: what they learn, whom they are judged by, their contract."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from embedlens.errors import EmbedlensError
from embedlens.learn import CentroidProjection, SilhouetteProjection, balanced_batches
from embedlens.learn.anchors import spread

QUICK = {"width": 16, "epochs": 2}


@pytest.fixture(scope="module")
def digits():
    """Five of the ten handwritten digits, 600 to learn from and 301 held out."""
    X, y = load_digits(n_class=5, return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    names = np.array(["nought", "one", "two", "three", "four"])[y[order]]
    return X[order[:600]], names[:600], X[order[600:]], names[600:]


@pytest.fixture(scope="module")
def fitted(digits):
    X, y, _, _ = digits
    return SilhouetteProjection(3, epochs=40).fit(X, y)


def test_held_out_points_are_better_clustered_than_by_pca_and_no_worse_classified(fitted, digits):
    X, y, X_test, y_test = digits
    moved = fitted.transform(X_test)
    assert moved.shape == (len(X_test), 3)
    pca = PCA(3).fit(X)
    assert silhouette_score(moved, y_test) > silhouette_score(pca.transform(X_test), y_test) + 0.3
    accuracy = KNeighborsClassifier(5).fit(fitted.transform(X), y).score(moved, y_test)
    of_pca = KNeighborsClassifier(5).fit(pca.transform(X), y).score(pca.transform(X_test), y_test)
    assert accuracy >= of_pca


@pytest.fixture(scope="module")
def many():
    """34 classes that overlap in 40 dimensions: 60 points of each to learn from, 20 held out."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(34), 80)
    X = rng.normal(size=(34, 40))[y] + rng.normal(size=(len(y), 40))
    held = np.arange(len(y)) % 80 >= 60
    return X[~held], y[~held], X[held], y[held]


def test_many_classes_that_overlap_are_parted(many):
    X, y, X_test, y_test = many
    one = SilhouetteProjection(3, width=128, epochs=40).fit(X, y)
    moved, pca = one.transform(X_test), PCA(3).fit(X)
    assert silhouette_score(moved, y_test) > 0.0
    assert silhouette_score(moved, y_test) > silhouette_score(pca.transform(X_test), y_test) + 0.2
    accuracy = KNeighborsClassifier(5).fit(one.transform(X), y).score(moved, y_test)
    of_pca = KNeighborsClassifier(5).fit(pca.transform(X), y).score(pca.transform(X_test), y_test)
    assert accuracy > of_pca + 0.2


@pytest.mark.parametrize(
    ("classes", "dimensions", "nearest"),
    [(2, 2, 2.0), (3, 2, 3**0.5), (4, 3, (8 / 3) ** 0.5), (6, 3, 2**0.5), (5, 8, (5 / 2) ** 0.5)],
)
@pytest.mark.parametrize("alike", [False, True])
def test_places_of_classes_are_spread_over_the_sphere(classes, dimensions, nearest, alike):
    """As far from each other as the corners of regular bodies, which are known to be farthest."""
    means = np.random.default_rng(0).normal(size=(classes, 5)) * (not alike)
    places = spread(means, dimensions)
    assert np.linalg.norm(places, axis=1) == pytest.approx(1, abs=1e-6)
    apart = pdist(places)
    assert apart.min() > 0.93 * nearest


def test_like_classes_get_places_near_each_other():
    means = np.repeat(np.random.default_rng(0).normal(size=(6, 9)) * 5, 2, axis=0)
    places = spread(means + 0.1 * np.random.default_rng(1).normal(size=means.shape), 3)
    D = squareform(pdist(places)) + 9 * np.eye(12)
    # Evenly spread points have several nearest: one of them is the class that is like it.
    assert D[np.arange(12), np.arange(12) ^ 1] == pytest.approx(D.min(axis=1), rel=0.02)


def test_the_epoch_is_chosen_by_the_exact_silhouette_of_all_watched_points(fitted):
    assert fitted.history_["validation_loss"].min() == pytest.approx(
        (1 - fitted.validation_silhouette_) / 2, abs=1e-6
    )


def test_an_epoch_of_many_points_ends_and_each_has_its_turn():
    y = np.arange(9000) % 3
    data = balanced_batches(np.arange(9000.0)[:, None], y, 60, most=32)
    assert len(data) == 32
    assert len(balanced_batches(np.zeros((90, 1)), y[:90], 60, most=32)) == 2
    drawn = np.concatenate([data[i][0][:, 0] for _ in range(5) for i in range(32)])
    assert len(np.unique(drawn)) == 9000


def test_the_epoch_kept_is_the_best_on_points_not_learned_from(fitted):
    losses = fitted.history_["validation_loss"]
    assert fitted.best_epoch_ == losses.argmin() + 1
    assert len(losses) <= fitted.epochs
    stopped = len(losses) < fitted.epochs
    assert not stopped or len(losses) == fitted.best_epoch_ + fitted.patience


def test_a_fifth_of_each_class_is_watched(fitted, digits):
    codes = np.searchsorted(fitted.classes_, digits[1])
    watched = fitted._watched(codes, None, seed=1)
    counts = np.bincount(codes[watched]) / np.bincount(codes)
    assert counts == pytest.approx(0.2, abs=0.01)
    assert 0.3 < fitted.validation_silhouette_ <= 1


def test_the_network_kept_has_learned_anew_from_all_points_for_the_best_number_of_epochs(
    digits, monkeypatch
):
    """Nothing is left of the training that chose the number: neither weights nor momenta."""
    fits = []
    make = SilhouetteProjection._trainer

    def recorded(self):
        trainer = make(self)
        fit = trainer.fit

        def record(batches, **settings):
            state = [*trainer.variables, *trainer.optimizer.variables]
            fits.append((len(batches), settings["epochs"], [np.array(each) for each in state]))
            return fit(batches, **settings)

        trainer.fit = record
        return trainer

    monkeypatch.setattr(SilhouetteProjection, "_trainer", recorded)
    one = SilhouetteProjection(width=16, epochs=4, batch_size=60).fit(digits[0], digits[1])
    (fewer, most, before), (batches, epochs, again) = fits
    assert (fewer, batches) == (8, 10)
    assert (most, epochs) == (4, one.best_epoch_)
    assert all(np.array_equal(*pair) for pair in zip(before, again, strict=True))


def test_the_map_lies_on_the_unit_sphere(fitted, digits):
    assert np.linalg.norm(fitted.transform(digits[2]), axis=1) == pytest.approx(1, abs=1e-4)


def test_labels_drawn_by_lot_give_no_silhouette_on_held_out_points(digits):
    X, y, X_test, y_test = digits
    lot = np.random.default_rng(0).permutation(y)
    moved = SilhouetteProjection(3, epochs=8).fit(X, lot).transform(X_test)
    assert silhouette_score(moved, np.random.default_rng(1).permutation(y_test)) < 0.05


def test_the_centroid_projection_pulls_held_out_points_to_their_centroid(digits):
    X, y, X_test, y_test = digits
    one = CentroidProjection(3, epochs=30).fit(X, y)
    moved = one.transform(X_test)
    assert one.centroids_.shape == (5, 3)
    nearest = ((moved[:, None] - one.centroids_[None]) ** 2).sum(-1).argmin(1)
    assert (one.classes_[nearest] == y_test).mean() > 0.9
    before = PCA(3).fit(X).transform(X_test)
    assert silhouette_score(moved, y_test) > silhouette_score(before, y_test)


def test_the_centroids_are_those_of_the_training_points_alone(digits):
    X, y, _, _ = digits
    one = CentroidProjection(2, **QUICK).fit(X, y)
    points = PCA(2).fit_transform(X)
    expected = np.stack([points[y == label].mean(0) for label in one.classes_])
    # scikit-learn's signs are its own.
    assert np.abs(one.centroids_) == pytest.approx(np.abs(expected / expected.std()), rel=1e-3)


def test_the_same_seed_gives_the_same_map_and_another_seed_another(digits):
    X, y, X_test, _ = digits
    maps = [
        CentroidProjection(**QUICK, random_state=s).fit(X, y).transform(X_test) for s in (0, 0, 1)
    ]
    assert np.array_equal(maps[0], maps[1])
    assert not np.allclose(maps[0], maps[2])


def test_a_saved_projection_moves_points_to_the_same_places(digits, tmp_path):
    X, y, X_test, _ = digits
    path = tmp_path / "projection.npz"
    one = CentroidProjection(2, **QUICK).fit(X, y)
    one.save(path)
    again = CentroidProjection.load(path)
    assert np.array_equal(again.transform(X_test), one.transform(X_test))
    assert again.get_params() == one.get_params()
    assert again.classes_.tolist() == one.classes_.tolist()
    assert again.history_.equals(one.history_)
    assert np.array_equal(pickle.loads(pickle.dumps(one)).transform(X_test), one.transform(X_test))
    with pytest.raises(EmbedlensError, match="holds a CentroidProjection"):
        SilhouetteProjection.load(path)


def test_a_saved_silhouette_projection_keeps_its_history_and_place(fitted, digits, tmp_path):
    fitted.save(tmp_path / "projection.npz")
    again = SilhouetteProjection.load(tmp_path / "projection.npz")
    assert np.array_equal(again.transform(digits[2]), fitted.transform(digits[2]))
    assert again.validation_silhouette_ == fitted.validation_silhouette_


@pytest.mark.parametrize("content", [b"", b"not a zip", None])
def test_a_file_that_is_no_projection_is_named(content, tmp_path):
    path = tmp_path / "wrong.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EmbedlensError, match=r"wrong\.npz"):
        SilhouetteProjection.load(path)


def test_a_file_with_a_pickle_in_it_is_refused(tmp_path):
    path = tmp_path / "pickle.npz"
    record = json.dumps({"estimator": "SilhouetteProjection", "parameters": {}})
    np.savez(path, record=record, classes=np.array([{}], dtype=object))
    with pytest.raises(EmbedlensError, match="not a saved SilhouetteProjection"):
        SilhouetteProjection.load(path)


def test_it_works_in_a_pipeline_and_after_reduction(digits):
    X, y, X_test, y_test = digits
    steps = make_pipeline(
        StandardScaler(), PCA(10), CentroidProjection(3, epochs=10), KNeighborsClassifier(5)
    )
    steps = clone(steps).fit(X, y)
    assert steps.score(X_test, y_test) > 0.8
    names = steps[:-1].get_feature_names_out()
    assert names.tolist() == [f"centroidprojection{i}" for i in range(3)]


def test_neither_a_rotation_of_the_features_nor_their_unit_matters(digits):
    X, _, X_test, _ = digits
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(64, 64)))[0]
    one, other = SilhouetteProjection(max_inputs=5), SilhouetteProjection(max_inputs=5)
    one._rotate(X)
    other._rotate(1000 * X @ turn)
    # Components may come with the other sign; the network's initial weights then differ.
    assert np.abs(one._rotated(X_test)) == pytest.approx(
        np.abs(other._rotated(1000 * X_test @ turn)), abs=2e-3
    )


@pytest.mark.parametrize("counts", [(1, 1), (9, 6, 1)])
def test_few_points_and_classes_of_one_still_make_a_map(counts):
    y = np.repeat(np.arange(len(counts)), counts)
    X = np.random.default_rng(0).normal(size=(len(y), 6))
    one = SilhouetteProjection(2, **QUICK).fit(X, y)
    assert np.isfinite(one.transform(X)).all()
    assert np.isnan(one.validation_silhouette_) != ("validation_loss" in one.history_)


def test_features_that_are_all_alike_make_a_map_and_progress_is_told():
    y, seen = np.repeat([0, 1], 10), []
    one = SilhouetteProjection(**QUICK, validation=0.0)
    one.fit(np.ones((20, 4)), y, progress=lambda *step: seen.append(step))
    assert np.isfinite(one.transform(np.ones((20, 4)))).all()
    assert seen == [(1, 2), (2, 2)]


def test_a_single_class_and_missing_values_are_refused(fitted, digits):
    X, y, _, _ = digits
    with pytest.raises(ValueError, match="1 class"):
        SilhouetteProjection().fit(X, np.repeat("cat", 600))
    with pytest.raises(ValueError, match="NaN"):
        SilhouetteProjection().fit(np.where(X > 15, np.nan, X), y)
    with pytest.raises(ValueError, match="64 features"):
        fitted.transform(X[:, :5])
