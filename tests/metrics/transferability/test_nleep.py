"""N-LEEP against scikit-learn's PCA and Gaussian mixture, and LEEP's definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from embedlens.metrics.transferability import n_leep


def direct(X, y, components, seed=0):
    """Li et al. 2021: P(v | x) of a mixture in place of LEEP's source classes."""
    Z = PCA(0.8, svd_solver="full").fit_transform(X)
    Z /= np.sqrt(Z.var(axis=0).mean())
    posterior = GaussianMixture(components, random_state=seed).fit(Z).predict_proba(Z)
    joint = np.array([posterior[y == c].sum(axis=0) for c in range(y.max() + 1)]) / len(y)
    return np.mean(np.log(np.sum((joint / joint.sum(axis=0))[y] * posterior, axis=1)))


@pytest.mark.parametrize(("n", "d"), [(150, 8), (60, 100)])
@pytest.mark.parametrize("components", [1, 4, 9])
def test_is_its_definition(classes, n, d, components):
    X, y = classes(0.5, n=n, d=d)
    score = n_leep(X, y, components, random_state=3)
    assert score == pytest.approx(direct(X, y, components, seed=3), abs=1e-6)


def test_fits_five_components_a_class_unless_told(classes):
    X, y = classes(0.5)
    assert n_leep(X, y) == n_leep(X, y, n_components=20)


def test_one_component_tells_nothing(classes):
    X, y = classes(3.0)
    shares = np.bincount(y) / len(y)
    assert n_leep(X, y, n_components=1) == pytest.approx(shares @ np.log(shares))


def test_features_that_are_all_equal_tell_nothing():
    y = np.repeat([0, 1], 10)
    assert n_leep(np.full((20, 3), 0.1), y, n_components=1) == pytest.approx(np.log(0.5))


def test_rotating_shifting_and_scaling_change_nothing(classes):
    X, y = classes(0.5)
    rotation = ortho_group.rvs(X.shape[1], random_state=0)
    assert n_leep(1e3 * X @ rotation + 4, y, 6) == pytest.approx(n_leep(X, y, 6), abs=1e-6)


def test_the_same_seed_gives_the_same_score(classes):
    X, y = classes(0.5)
    assert n_leep(X, y, random_state=1) == n_leep(X, y, random_state=1)


def test_classes_farther_apart_score_higher(classes):
    scores = [n_leep(*classes(s, n=300), n_components=4) for s in (0.0, 0.7, 3.0)]
    assert scores == sorted(scores)
    assert scores[-1] > scores[0] + 0.5


@pytest.mark.parametrize("components", [0, 121])
def test_components_that_the_points_cannot_bear_are_refused(classes, components):
    with pytest.raises(ValueError, match="n_components from 1 to 120"):
        n_leep(*classes(1.0), n_components=components)


def test_few_points_for_the_default_are_refused_with_advice(classes):
    X, y = classes(1.0, n=10, k=3)
    with pytest.raises(
        ValueError, match=r"15 components cannot be fitted to 10 points \(5 a class"
    ):
        n_leep(X, y)
