"""scikit-learn's own checks of estimators, on all of this package."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedlens.reduce import PCA, TSNE

MAPS_OF_TSNE = "the points fitted are laid out together; transform places each by itself"
EXPECTED = {
    "TSNE": {
        "check_transformer_general": MAPS_OF_TSNE,
        "check_transformer_data_not_an_array": MAPS_OF_TSNE,
    }
}


@parametrize_with_checks(
    [PCA(), PCA(1), TSNE(2, perplexity=2, max_iter=60, n_jobs=1)],
    expected_failed_checks=lambda estimator: EXPECTED.get(type(estimator).__name__, {}),
)
@pytest.mark.filterwarnings("ignore:The map is flat")
def test_scikit_learns_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", [PCA(2), TSNE(2, perplexity=5, max_iter=50)])
def test_columns_have_names_and_an_order(estimator):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3)), columns=["a", "b", "c"])
    table = estimator.set_output(transform="pandas").fit_transform(X)
    name = type(estimator).__name__.lower()
    assert table.columns.tolist() == estimator.get_feature_names_out().tolist()
    assert table.columns.tolist() == [f"{name}0", f"{name}1"]
    assert estimator.feature_names_in_.tolist() == ["a", "b", "c"]
    assert estimator.n_features_in_ == 3
    assert estimator.transform(X[:4]).columns.tolist() == table.columns.tolist()
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.transform(X[["c", "a", "b"]])


@pytest.mark.parametrize(("shape", "kept"), [((9, 2), 2), ((2, 9), 2), ((9, 1), 1), ((9, 8), 3)])
def test_as_many_components_as_there_are_and_at_most_three(shape, kept):
    X = np.random.default_rng(0).normal(size=shape)
    assert PCA().fit_transform(X).shape == (shape[0], kept)


def test_distances_are_a_matter_of_pairs():
    for metric, pairwise in (("precomputed", True), ("gram", True), ("euclidean", False)):
        assert TSNE(metric=metric).__sklearn_tags__().input_tags.pairwise == pairwise
