"""Principal components, against the full singular value decomposition in float64."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sklearn.decomposition
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from embedlens.reduce import PCA, gram

METHODS = ("gram", "covariance", "randomized")


def reference(X, k):
    """Scores, components, singular values and shares, signed by the largest loading."""
    X = np.asarray(X, np.float64)
    X = X - X.mean(axis=0)
    U, s, V = np.linalg.svd(X, full_matrices=False)
    signs = np.sign(V[np.arange(len(V)), np.abs(V).argmax(axis=1)])
    return (U * s * signs)[:, :k], (V * signs[:, None])[:k], s[:k], (s**2 / (s**2).sum())[:k]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_each_path_is_the_full_decomposition(wide, digits, method, offset):
    for data in (wide, digits):
        X = (data + np.float32(offset * data.std())).astype(np.float32)
        scores, components, s, shares = reference(X, 3)
        pca = PCA(3, method=method)
        actual = pca.fit_transform(X)
        assert pca.method_ == method
        assert np.abs(actual - scores).max() <= 1e-4 * np.abs(scores).max()
        assert np.abs(pca.components_ - components).max() <= 1e-4
        np.testing.assert_allclose(pca.singular_values_, s, rtol=1e-4)
        np.testing.assert_allclose(pca.explained_variance_ratio_, shares, rtol=1e-4)
        np.testing.assert_allclose(pca.explained_variance_, s**2 / (len(X) - 1), rtol=1e-4)


@pytest.mark.parametrize(
    ("shape", "path"), [((50, 60), "gram"), ((60, 50), "covariance"), ((5001, 5001), "randomized")]
)
def test_the_shape_chooses_the_path(shape, path):
    assert PCA()._path(*shape) == path


def test_many_components_agree_with_scikit_learn(digits):
    X = digits.astype(np.float64)
    expected = sklearn.decomposition.PCA(20, svd_solver="full").fit(X)
    actual = PCA(20).fit(X)
    np.testing.assert_allclose(actual.explained_variance_, expected.explained_variance_, rtol=1e-8)
    np.testing.assert_allclose(np.abs(actual.components_), np.abs(expected.components_), atol=1e-6)


def test_transform_is_fit_transform_and_inverse_goes_back(wide):
    pca = PCA(119)
    scores = pca.fit_transform(wide.astype(np.float64))
    np.testing.assert_allclose(pca.transform(wide.astype(np.float64)), scores, atol=1e-7)
    back = pca.inverse_transform(scores)
    assert np.abs(back - wide).max() <= 1e-6 * np.abs(wide).max()


def test_float32_stays_float32(wide):
    pca = PCA(2)
    assert pca.fit_transform(wide).dtype == np.float32
    assert pca.transform(wide.astype(np.float16)).dtype == np.float32
    assert pca.fit_transform(wide.astype(np.float64)).dtype == np.float64


def test_a_gram_matrix_gives_the_same_coordinates(wide):
    """Up to the signs, which loadings cannot settle."""
    scores = PCA(3).fit_transform(wide)
    for center in (False, True):
        actual = PCA(3).fit_transform_gram(gram(wide, center=center))
        signs = np.sign((actual * scores).sum(axis=0))
        assert np.abs(actual * signs - scores).max() <= 1e-4 * np.abs(scores).max()
        largest = np.abs(actual).argmax(axis=0)
        assert (actual[largest, range(3)] > 0).all()


def test_after_a_gram_matrix_there_is_nothing_to_transform_with(wide):
    pca = PCA(2).fit(wide)
    pca.fit_transform_gram(gram(wide))
    assert not hasattr(pca, "components_")
    with pytest.raises(ValueError, match="Gram matrix"):
        pca.transform(wide)


@pytest.mark.parametrize("method", METHODS)
def test_components_beyond_the_rank_are_orthonormal_and_empty(method):
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(80, 2)) @ rng.normal(size=(2, 50))).astype(np.float32)
    pca = PCA(5, method=method)
    scores = pca.fit_transform(X)
    np.testing.assert_allclose(pca.components_ @ pca.components_.T, np.eye(5), atol=1e-5)
    assert np.abs(scores[:, 2:]).max() <= 1e-5 * np.abs(scores).max()
    assert abs(pca.explained_variance_ratio_[:2].sum() - 1) < 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_data_all_equal_have_no_variance(method):
    pca = PCA(3, method=method)
    assert not pca.fit_transform(np.full((10, 8), 7.0)).any()
    assert not pca.explained_variance_ratio_.any()
    assert np.isfinite(pca.components_).all()
    assert not PCA(2).fit_transform_gram(np.ones((4, 4))).any()


def test_equal_eigenvalues_are_all_found():
    X = np.vstack([np.eye(6), -np.eye(6)])
    np.testing.assert_allclose(PCA(6).fit(X).explained_variance_, 2 / 11, rtol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_awkward_arrays(digits, method):
    expected = PCA(2, method=method).fit_transform(digits)
    tolerance = 1e-4 * np.abs(expected).max()
    doubled = np.repeat(digits, 2, axis=0)[::2]
    for X in (np.asfortranarray(digits), doubled, digits.astype(np.float16), digits.astype(int)):
        assert np.abs(PCA(2, method=method).fit_transform(X) - expected).max() <= tolerance


def test_one_feature_and_two_points():
    np.testing.assert_allclose(PCA(1).fit_transform([[1.0], [3.0]]), [[-1.0], [1.0]])
    assert PCA(2).fit_transform([[1.0, 0.0], [0.0, 1.0]]).shape == (2, 2)


def test_memory_map(wide, tmp_path: Path):
    np.save(tmp_path / "features.npy", wide)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    np.testing.assert_array_equal(PCA(3).fit_transform(mapped), PCA(3).fit_transform(wide))


def test_the_same_answer_twice_and_for_any_seed(wide):
    for method in METHODS:
        first = PCA(3, method=method).fit_transform(wide)
        np.testing.assert_array_equal(PCA(3, method=method).fit_transform(wide), first)
        other = PCA(3, method=method, random_state=9).fit_transform(wide)
        assert np.abs(other - first).max() <= 1e-4 * np.abs(first).max()


def test_scikit_learn_contract(digits):
    pca = PCA(4, method="gram", random_state=3)
    assert pca.get_params() == {"n_components": 4, "method": "gram", "random_state": 3}
    copy = clone(pca).set_params(n_components=2)
    pipeline = make_pipeline(copy, PCA(1)).fit(digits)
    assert pipeline.transform(digits).shape == (500, 1)
    assert list(copy.fit(digits).get_feature_names_out()) == ["pca0", "pca1"]
    assert copy.n_features_in_ == 64
    with pytest.raises(NotFittedError):
        PCA().transform(digits)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, "not 0"),
        ({"n_components": 65}, "= 64, not 65"),
        ({"method": "full"}, "'full'"),
    ],
)
def test_parameters_out_of_range(digits, parameters, message):
    with pytest.raises(ValueError, match=message):
        PCA(**parameters).fit(digits)


@pytest.mark.parametrize("method", METHODS)
def test_a_number_that_is_none_is_named(digits, method):
    X = digits.copy()
    X[41, 7] = np.nan
    with pytest.raises(ValueError, match=r"X\[41, 7\] is nan"):
        PCA(method=method).fit(X)
    with pytest.raises(ValueError, match=r"X\[41, 7\] is nan"):
        PCA(method=method).fit(digits).transform(X)


def test_one_point_is_refused():
    with pytest.raises(ValueError, match="minimum of 2"):
        PCA(1).fit([[1.0, 2.0]])
