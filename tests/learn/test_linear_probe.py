from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, make_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_score

from embedlens.learn import LinearProbe
from embedlens.learn.softmax_regression import Coordinates


def split(X, y):
    """Half for training, a quarter for validation, a quarter for testing."""
    half, quarter = len(X) // 2, len(X) // 4
    ends = [slice(half), slice(half, half + quarter), slice(half + quarter, None)]
    return [(X[each], y[each]) for each in ends]


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return split(X[:600], y[:600])


@pytest.fixture(scope="module")
def noisy():
    """Features by which a weak penalty learns the training labels' mistakes."""
    X, y = make_classification(
        400, 60, n_informative=6, n_classes=3, flip_y=0.3, class_sep=0.8, random_state=0
    )
    return split(X, y)


def reference(strength, train, given):
    """Probabilities by scikit-learn in float64, features brought to a common scale."""
    mean = train[0].mean(0)
    scale = np.sqrt(((train[0] - mean) ** 2).mean())
    model = LogisticRegression(C=strength, max_iter=10_000, tol=1e-8)
    model.fit((train[0] - mean) / scale, train[1])
    return model.predict_proba((given - mean) / scale)


def assert_near(given, expected):
    """Equal up to where L-BFGS stops by scikit-learn's default."""
    differences = np.abs(given - expected)
    assert differences.mean() < 0.003
    assert differences.max() < 0.06


@pytest.mark.parametrize("data", ["digits", "noisy"])
def test_it_is_the_best_regression_of_the_grid_by_loss_on_validation(data, request):
    train, validation, test = request.getfixturevalue(data)
    probe = LinearProbe(strengths=(1e-3, 1e-2, 1e-1, 1.0, 10.0)).fit(*train, validation=validation)
    losses = {
        strength: log_loss(validation[1], reference(strength, train, validation[0]))
        for strength in probe.validation_loss_
    }
    assert probe.validation_loss_ == pytest.approx(losses, rel=0.02)
    assert probe.strength_ == min(losses, key=losses.get)
    both = [np.concatenate(each) for each in zip(train, validation, strict=True)]
    assert_near(probe.predict_proba(test[0]), reference(probe.strength_, both, test[0]))


def test_the_strength_is_not_the_one_that_fits_training_best(noisy):
    train, validation, _ = noisy
    probe = LinearProbe().fit(*train, validation=validation)
    assert probe.strength_ < max(probe.strengths)
    assert log_loss(train[1], reference(100.0, train, train[0])) < log_loss(
        train[1], reference(probe.strength_, train, train[0])
    )


@pytest.mark.parametrize("data", ["digits", "noisy"])
def test_the_strengths_that_were_not_tried_would_not_have_been_chosen(data, request):
    train, validation, _ = request.getfixturevalue(data)
    probe = LinearProbe().fit(*train, validation=validation)
    every = {
        s: log_loss(validation[1], reference(s, train, validation[0])) for s in probe.strengths
    }
    assert every[probe.strength_] <= min(every.values()) * 1.01


def test_without_validation_the_strength_is_one(digits):
    train, _, test = digits
    probe = LinearProbe().fit(*train)
    assert probe.strength_ == 1.0
    assert probe.validation_loss_ == {}
    assert_near(probe.predict_proba(test[0]), reference(1.0, train, test[0]))


def rotation(d: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(0).standard_normal((d, d)))[0]


@pytest.mark.parametrize(
    "change",
    [
        lambda X: X * 1e4,
        lambda X: X * 1e-4,
        lambda X: X + 1000.0,
        lambda X: X @ rotation(X.shape[1]),
        lambda X: X.astype(np.float32),
        lambda X: np.asfortranarray(X),
        lambda X: np.hstack([X, np.zeros_like(X)]) * 3.0,
    ],
    ids=["larger unit", "smaller unit", "shift", "rotation", "float32", "columns", "idle columns"],
)
def test_the_answer_does_not_depend_on_how_features_are_written_down(noisy, change):
    train, validation, test = noisy
    before = LinearProbe().fit(*train, validation=validation)
    after = LinearProbe().fit(
        change(train[0]), train[1], validation=(change(validation[0]), validation[1])
    )
    if change(train[0]).shape == train[0].shape:
        assert after.strength_ == before.strength_
        assert_near(after.predict_proba(change(test[0])), before.predict_proba(test[0]))
    else:  # columns that say nothing halve the common scale, which the grid makes up for
        assert after.score(change(test[0]), test[1]) == pytest.approx(before.score(*test), abs=0.03)


@pytest.mark.parametrize("names", [np.array(["wolf", "Fuchs", "løve"]), np.array([10, -3, 7])])
def test_labels_of_any_type_come_back(noisy, names):
    (X, y), (X_validation, y_validation), (X_test, y_test) = noisy
    probe = LinearProbe().fit(X, names[y], validation=(X_validation, names[y_validation]))
    assert probe.classes_.tolist() == sorted(names.tolist())
    predicted = probe.predict(X_test)
    assert predicted.dtype.kind == names.dtype.kind
    plain = LinearProbe().fit(X, y, validation=(X_validation, y_validation))
    assert probe.score(X_test, names[y_test]) == plain.score(X_test, y_test)


def test_labels_may_have_names_longer_in_validation_than_in_training():
    X = np.random.default_rng(0).standard_normal((60, 4))
    y = np.where(X[:, 0] > 0, "b", "a")
    longer = np.where(X[:, 0] > 0, "b", "a" * 30)
    probe = LinearProbe().fit(X[:40], y[:40], validation=(X[40:], longer[40:]))
    assert "a" * 30 in probe.classes_


def test_a_class_that_only_validation_has_is_learned_in_the_end(digits):
    (X, y), validation, test = digits
    kept = y != 7
    probe = LinearProbe().fit(X[kept], y[kept], validation=validation)
    assert probe.classes_.tolist() == list(range(10))
    sevens = test[1] == 7
    assert probe.score(test[0][sevens], test[1][sevens]) > 0.5
    known = np.isin(validation[1], y[kept])
    strengths = LinearProbe().fit(
        X[kept], y[kept], validation=(validation[0][known], validation[1][known])
    )
    assert probe.strength_ == strengths.strength_
    # Strengths that are no rivals of the best are compared roughly.
    assert probe.validation_loss_ == pytest.approx(strengths.validation_loss_, rel=5e-3)


def test_validation_of_other_classes_alone_chooses_nothing(digits):
    (X, y), _, _ = digits
    probe = LinearProbe().fit(X[y < 5], y[y < 5], validation=(X[y >= 5], y[y >= 5]))
    assert probe.strength_ == 1.0
    assert probe.validation_loss_ == {}


def test_a_class_that_only_the_test_has_is_no_error(digits):
    train, _, test = digits
    kept = train[1] != 7
    predicted = LinearProbe().fit(train[0][kept], train[1][kept]).predict(test[0])
    assert 7 not in predicted


@pytest.mark.parametrize("validation", [False, True])
def test_one_class_is_an_error(digits, validation):
    X = digits[0][0][:20]
    y = np.full(20, "cat")
    with pytest.raises(ValueError, match="class"):
        LinearProbe().fit(X, y, validation=(X, y) if validation else None)


def test_two_classes_have_two_columns_of_probabilities():
    X, y = make_classification(100, 5, random_state=0)
    probabilities = LinearProbe().fit(X[:60], y[:60], validation=(X[60:], y[60:])).predict_proba(X)
    assert probabilities.shape == (100, 2)
    np.testing.assert_allclose(probabilities.sum(1), 1.0, rtol=1e-6)


def test_a_fit_that_was_stopped_says_so(noisy):
    train, _, _ = noisy
    assert LinearProbe().fit(*train).converged_
    with np.testing.assert_no_warnings():
        assert not LinearProbe(max_iter=2).fit(*train).converged_


def test_features_that_do_not_vary_are_no_error():
    probe = LinearProbe().fit(np.ones((10, 3)), np.arange(10) % 2)
    np.testing.assert_allclose(probe.predict_proba(np.ones((1, 3))), 0.5, atol=1e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_not_finite_are_an_error(digits, bad):
    X = digits[0][0].copy()
    X[3, 4] = bad
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=r"NaN|infinity"):
        LinearProbe().fit(X, digits[0][1])


def test_it_is_an_estimator_of_scikit_learn(digits):
    probe = LinearProbe(strengths=(0.1, 1.0), max_iter=50)
    assert probe.get_params() == {"strengths": (0.1, 1.0), "max_iter": 50}
    assert clone(probe).get_params() == probe.get_params()
    with pytest.raises(NotFittedError):
        probe.predict(digits[0][0])
    assert cross_val_score(LinearProbe(), *digits[0], cv=2).min() > 0.8
    again = pickle.loads(pickle.dumps(probe.fit(*digits[0])))
    X = digits[2][0]
    np.testing.assert_array_equal(again.predict_proba(X), probe.predict_proba(X))


def test_the_same_data_give_the_same_numbers_and_stay_as_they_were(noisy):
    train, validation, test = noisy
    before = train[0].copy()
    first, second = (
        LinearProbe().fit(*train, validation=validation).predict_proba(test[0]) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(train[0], before)


def test_splits_that_share_principal_axes_get_the_answers_of_their_points_alone():
    X, y = load_digits(return_X_y=True)
    among = Coordinates.of(X[:600])
    rows = np.random.default_rng(0).permutation(600)
    train, validation, test = rows[:300], rows[300:400], rows[400:]
    alone = LinearProbe().fit(X[train], y[train], validation=(X[validation], y[validation]))
    shared = LinearProbe().fit_among(among, y[:600], train, validation)
    assert shared.strength_ == alone.strength_
    np.testing.assert_allclose(
        shared.predict_proba(X[test]), alone.predict_proba(X[test]), atol=1e-3
    )
    assert shared.n_features_in_ == 64
    unseen = np.flatnonzero(y[:600] == 9)
    assert LinearProbe().fit_among(among, y[:600], train[y[train] < 9], unseen).strength_ == 1.0
