"""What scikit-learn asks of an estimator, asked of each; and what is taken as points and labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedlens.learn import (
    CentroidProjection,
    LazyRows,
    LinearProbe,
    NeighborsProbe,
    SilhouetteProjection,
    TopClassifier,
    balanced_batches,
)

TOP = {"units": 32, "epochs": 20, "batch_size": 32, "learning_rate": 0.02}
MAP = {"width": 16, "epochs": 2, "validation": 0.0}

# Where networks compute, sums in float32 depend on the shape of a batch in the last digit, and
# scikit-learn compares to 1e-7.
ROUNDING = {
    "check_methods_sample_order_invariance": "sums in float32",
    "check_methods_subset_invariance": "sums in float32",
}
EXPECTED = {"TopClassifier": ROUNDING, "CentroidProjection": ROUNDING}


def expected(estimator):
    return EXPECTED.get(type(estimator).__name__, {})


# The projections keep the contract in what they share: it is tested on the one that compiles
# faster.
@parametrize_with_checks(
    [LinearProbe(), NeighborsProbe(), TopClassifier(**TOP), CentroidProjection(**MAP)],
    expected_failed_checks=expected,
    # Rounding decides these, which is not the same on every machine.
    xfail_strict=False,
)
def test_scikit_learns_contract(estimator, check):
    check(estimator)


MAKE = {
    "linear": LinearProbe,
    "neighbors": NeighborsProbe,
    "top": lambda: TopClassifier(units=8, epochs=1),
    "silhouette": lambda: SilhouetteProjection(2, **MAP),
    "centroid": lambda: CentroidProjection(2, **MAP),
}
every = pytest.mark.parametrize("make", MAKE.values(), ids=MAKE.keys())


@pytest.fixture(scope="module")
def points():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    return rng.normal(size=(3, 4))[y] * 4 + rng.normal(size=(60, 4)), np.array(
        ["ape", "bee", "cat"]
    )[y]


def answer(estimator, X):
    return (estimator.predict if hasattr(estimator, "predict") else estimator.transform)(X)


@every
@pytest.mark.parametrize("labels", [80, 59])
def test_points_and_labels_of_different_lengths_are_refused(make, labels, points):
    X, y = points
    with pytest.raises(ValueError, match=f"60 rows and y has {labels}"):
        make().fit(X, np.resize(y, labels))


@every
@pytest.mark.parametrize("missing", [np.nan, None, pd.NA, pd.NaT], ids=str)
@pytest.mark.parametrize("form", [list, pd.Series, lambda y: np.array(y, dtype=object)])
def test_a_missing_label_never_becomes_a_class(make, missing, form, points):
    X, y = points
    with pytest.raises(ValueError, match=r"1 of 60 labels are missing, the first at 3"):
        make().fit(X, form([*y[:3], missing, *y[4:]]))


@every
def test_numbers_that_are_missing_are_no_class_either(make, points):
    y = np.arange(60.0) % 3
    y[7] = np.nan
    with pytest.raises(ValueError, match=r"Input y contains NaN.*first at 7"):
        make().fit(points[0], y)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        make().fit(points[0], pd.Categorical(np.where(np.isnan(y), None, points[1])))


@every
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_not_finite_are_refused(make, bad, points):
    X, y = points[0].copy(), points[1]
    X[3, 2] = bad
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        make().fit(X, y)
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        answer(make().fit(*points), X)


@pytest.mark.parametrize("make", [LinearProbe, NeighborsProbe, MAKE["top"]])
def test_validation_is_checked_as_training_is(make, points):
    X, y = points
    bad = X[:20].copy()
    bad[0, 0] = np.nan
    for validation, message in (
        ((X[:19], y[:20]), "19 rows and y has 20"),
        ((bad, y[:20]), "NaN"),
        ((X[:20], [None, *y[1:20]]), "1 of 20 labels are missing"),
        ((X[:20, :3], y[:20]), "3 features"),
        ((X[:20], np.arange(20) % 3), "give both as one type"),
    ):
        with pytest.raises(ValueError, match=message):
            make().fit(X, y, validation=validation)
    empty = (np.empty((0, 4)), np.empty(0, str))
    assert (answer(make().fit(X, y, validation=empty), X) == answer(make().fit(X, y), X)).all()


@every
def test_columns_are_known_by_name_and_number(make, points):
    X, y = points
    frame = pd.DataFrame(X, columns=list("abcd"))
    fitted = make().fit(frame, y)
    assert fitted.n_features_in_ == 4
    assert fitted.feature_names_in_.tolist() == list("abcd")
    assert (answer(fitted, frame) == answer(make().fit(X, y), X)).all()
    with pytest.raises(ValueError, match="same order"):
        answer(fitted, frame[list("dcba")])
    with pytest.raises(ValueError, match="feature names"):
        answer(fitted, frame.rename(columns={"a": "z"}))
    with pytest.raises(ValueError, match=r"X has 1 features, but .* is expecting 4 features"):
        answer(make().fit(X, y), X[:, :1])


@every
def test_sparse_features_are_refused(make, points):
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        make().fit(csr_array(points[0]), points[1])


@every
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int16, object])
def test_features_of_any_real_type_count_as_their_values(make, dtype, points):
    X = points[0].round().astype(dtype)
    expected = answer(make().fit(X.astype(np.float64), points[1]), X.astype(np.float64))
    found = answer(make().fit(X, points[1]), X)
    assert (found == expected).all() or np.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("factor", [1e30, 1e-30, 1e150, 1e-150])
@pytest.mark.parametrize("make", [LinearProbe, NeighborsProbe])
def test_the_unit_of_features_may_be_any_that_float64_holds(make, factor, points):
    X, y = points
    assert (answer(make().fit(X * factor, y), X * factor) == answer(make().fit(X, y), X)).all()


LABELS = {
    "text": lambda y: y,
    "objects": lambda y: y.astype(object),
    "list": lambda y: y.tolist(),
    "categorical": pd.Categorical,
    "series": lambda y: pd.Series(y, index=np.arange(len(y))[::-1]),
    "truth": lambda y: y == "ape",
    "numbers": lambda y: np.char.str_len(y) + np.unique(y, return_inverse=True)[1],
    "numbers as objects": lambda y: np.unique(y, return_inverse=True)[1].astype(object),
    "whole floats": lambda y: np.unique(y, return_inverse=True)[1].astype(float),
    "nullable": lambda y: pd.array(np.unique(y, return_inverse=True)[1], dtype="Int64"),
}


@pytest.mark.parametrize("form", LABELS.values(), ids=LABELS.keys())
@pytest.mark.parametrize("make", [LinearProbe, NeighborsProbe])
def test_labels_of_any_type_come_back_as_they_were(make, form, points):
    X, y = points
    given = form(y)
    fitted = make().fit(X, given)
    assert fitted.classes_.tolist() == sorted(set(np.asarray(given).tolist()))
    assert set(fitted.predict(X).tolist()) == set(np.asarray(given).tolist())
    assert (fitted.predict(X) == np.asarray(given)).mean() > 0.9


@every
def test_a_column_of_labels_is_taken_with_a_warning(make, points):
    X, y = points
    with pytest.warns(DataConversionWarning, match="column-vector"):
        make().fit(X, y[:, None])


@every
def test_labels_of_several_kinds_or_with_fractions_are_refused(make, points):
    X, y = points
    with pytest.raises(ValueError, match="several types, number and str"):
        make().fit(X, [3, *y[1:]])
    with pytest.raises(ValueError, match="Unknown label type"):
        make().fit(X, np.linspace(0, 1, 60))


def test_a_class_may_be_called_nan(points):
    X, y = points
    named = np.where(y == "ape", "nan", y)
    assert "nan" in NeighborsProbe().fit(X, named).classes_


def test_rows_that_are_read_a_batch_at_a_time_are_checked_too(points, tmp_path):
    X, y = points
    X = X.astype(np.float32)
    X[44, 2] = np.nan
    np.save(tmp_path / "X.npy", X)
    stored = np.load(tmp_path / "X.npy", mmap_mode="r")
    top = MAKE["top"]()
    with pytest.raises(ValueError, match=r"X\[43, 2\] is nan"):
        top.fit(LazyRows(stored, np.arange(1, 60)), y[1:])
    with pytest.raises(ValueError, match="40 rows and y has 39"):
        top.fit(LazyRows(stored, np.arange(40)), y[:39])
    top.fit(LazyRows(stored, np.arange(40)), y[:40])
    with pytest.raises(ValueError, match="X has 3 features"):
        top.predict(LazyRows(stored[:, :3], np.arange(40)))


def test_a_training_that_runs_away_is_told(points):
    with pytest.raises(ValueError, match="smaller"):
        TopClassifier(units=8, epochs=30, learning_rate=1e30).fit(*points)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": ["a"] * 9}, "10 rows, y has 9"),
        ({"targets": np.zeros(11)}, "there are 11 targets"),
        ({"y": [np.nan] * 10}, "missing"),
        ({"size": 0}, "got 0"),
        ({"X": np.zeros((0, 2)), "y": []}, "no points"),
    ],
)
def test_balanced_batches_of_what_does_not_fit_are_refused(change, message):
    given = {"X": np.zeros((10, 2)), "y": np.arange(10) % 2, "size": 4} | change
    with pytest.raises(ValueError, match=message):
        balanced_batches(**given)


def test_many_classes_of_few_points_are_no_reason_to_warn(recwarn):
    points = np.random.default_rng(0).normal(size=(40, 3))
    LinearProbe().fit(points, np.repeat(np.arange(30), 2)[:40])
    assert [str(each.message) for each in recwarn if "unique classes" in str(each.message)] == []
