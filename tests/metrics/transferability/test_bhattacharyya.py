"""GBC against the Bhattacharyya coefficient of full Gaussian densities."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm, ortho_group
from sklearn.decomposition import PCA

from embedlens.metrics.transferability import gbc


def covariance_of(X, kind):
    if kind == "spherical":
        return X.var(axis=0).mean() * np.eye(X.shape[1])
    return np.diag(X.var(axis=0))


def distance(a, b, kind):
    """Bhattacharyya distance of two Gaussians, with determinants of whole matrices."""
    A, B = covariance_of(a, kind), covariance_of(b, kind)
    S = (A + B) / 2
    step = a.mean(axis=0) - b.mean(axis=0)
    logs = [np.linalg.slogdet(matrix)[1] for matrix in (S, A, B)]
    return step @ np.linalg.solve(S, step) / 8 + (logs[0] - (logs[1] + logs[2]) / 2) / 2


def direct(X, y, kind):
    groups = [X[y == c] for c in np.unique(y)]
    pairs = [(a, b) for a in groups for b in groups if a is not b]
    return -sum(np.exp(-distance(a, b, kind)) for a, b in pairs)


@pytest.mark.parametrize("kind", ["spherical", "diagonal"])
@pytest.mark.parametrize("separation", [0.0, 0.3, 1.0])
def test_is_its_definition(classes, kind, separation):
    X, y = classes(separation)
    assert gbc(X, y, kind, n_components=None) == pytest.approx(direct(X, y, kind), rel=1e-9)


@pytest.mark.parametrize("kind", ["spherical", "diagonal"])
@pytest.mark.parametrize(("n", "d"), [(120, 40), (60, 100)])
def test_is_its_definition_on_principal_components(classes, kind, n, d):
    X, y = classes(0.5, n=n, d=d)
    projected = PCA(6, svd_solver="full").fit_transform(X)
    assert gbc(X, y, kind, n_components=6) == pytest.approx(direct(projected, y, kind), rel=1e-7)


def test_is_the_overlap_of_the_densities():
    """In one dimension: minus twice ∫ √(p q), by quadrature."""
    X = np.concatenate([[-1.0, 1.0], [1.0, 5.0]])[:, None]
    p, q = norm(0, 1), norm(3, 2)
    overlap, _ = quad(lambda x: np.sqrt(p.pdf(x) * q.pdf(x)), -30, 30)
    assert gbc(X, [0, 0, 1, 1]) == pytest.approx(-2 * overlap, rel=1e-9)


@pytest.mark.parametrize("kind", ["spherical", "diagonal"])
def test_rotating_shifting_and_scaling_change_nothing(classes, kind):
    X, y = classes(0.5)
    rotation = ortho_group.rvs(X.shape[1], random_state=0)
    assert gbc(1e-4 * X @ rotation + 1, y, kind) == pytest.approx(gbc(X, y, kind), rel=1e-7)


def test_classes_alike_have_the_lowest_score_and_classes_apart_the_highest(classes):
    X, _ = classes(0.0, n=30, k=3)
    assert gbc(np.tile(X, (3, 1)), np.repeat([0, 1, 2], 30)) == pytest.approx(-6)
    scores = [gbc(*classes(s)) for s in (0.0, 0.3, 1.0, 3.0)]
    assert scores == sorted(scores)
    assert -12 <= scores[0] < scores[-1] <= 0


def test_points_that_are_all_equal_overlap_wholly():
    """Rounding of their mean must not set the classes apart."""
    assert gbc(np.full((9, 40), 0.1), np.repeat([0, 1, 2], 3)) == pytest.approx(-6)
    assert gbc(np.full((9, 3), 0.1, np.float32), np.repeat([0, 1, 2], 3)) == pytest.approx(-6)


def test_unknown_arguments_are_refused(classes):
    with pytest.raises(ValueError, match="'spherical' or 'diagonal', not 'full'"):
        gbc(*classes(1.0), covariance="full")
    with pytest.raises(ValueError, match="at least 1, or None, not 0"):
        gbc(*classes(1.0), n_components=0)
