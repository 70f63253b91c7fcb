from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from embedlens.curation.suspect_labels import SURE, suspect_labels


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:900].astype(np.float32), y[:900].astype(np.int64)


def moved(y, share):
    rng = np.random.default_rng(0)
    bad = rng.choice(len(y), round(share * len(y)), replace=False)
    labels = y.copy()
    labels[bad] = (y[bad] + rng.integers(1, 10, len(bad))) % 10
    return labels


def test_planted_errors_are_found_and_their_share_is_stated(digits):
    X, y = digits
    labels = moved(y, 0.05)
    found = suspect_labels(X, labels)
    sure = found.wrong >= SURE
    right = labels[found.rows] != y[found.rows]
    assert right[sure].sum() >= 0.8 * (labels != y).sum()
    assert right[sure].mean() >= 0.9
    assert found.wrong[sure].sum() == pytest.approx(right[sure].sum(), rel=0.15)
    assert (found.suggested[sure & right] == y[found.rows[sure & right]]).mean() > 0.9
    assert (np.diff(found.wrong) <= 0).all()


@pytest.mark.parametrize("components", [3, 64])
def test_right_labels_are_not_called_wrong_by_a_good_or_a_weak_classifier(digits, components):
    """With three components a probe is right in two of three cases."""
    X, y = digits
    found = suspect_labels(PCA(components, random_state=0).fit_transform(X), y)
    assert (found.wrong >= SURE).sum() <= 2


@pytest.mark.parametrize(
    "groups", [["0"] * 60, ["a"] * 30 + ["b"] * 30, [str(i % 2) for i in range(60)]]
)
def test_few_groups_are_no_error(digits, groups):
    found = suspect_labels(digits[0][:60], np.repeat([0, 1], 30), groups)
    assert len(found.rows) == len(found.wrong) <= 60


@pytest.mark.parametrize("dtype", [np.float16, np.int16])
def test_narrow_features_give_what_wide_ones_give(digits, dtype):
    X, y = digits
    labels = moved(y, 0.05)[:300]
    wide = suspect_labels(X[:300] * 100, labels)
    narrow = suspect_labels((X[:300] * 100).astype(dtype), labels)
    assert narrow.rows.tolist() == wide.rows.tolist()


def test_features_that_are_no_numbers_are_refused():
    X = np.ones((20, 4))
    X[3, 2] = np.nan
    with pytest.raises(ValueError, match=r"NaN: X\[3, 2\]"):
        suspect_labels(X, np.arange(20) % 2)
