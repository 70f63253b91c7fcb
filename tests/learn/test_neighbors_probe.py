from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, make_classification
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier

from embedlens.learn import NeighborsProbe


def split(X, y):
    """Half for training, a quarter for validation, a quarter for testing."""
    half, quarter = len(X) // 2, len(X) // 4
    ends = [slice(half), slice(half, half + quarter), slice(half + quarter, None)]
    return [(X[each], y[each]) for each in ends]


@pytest.fixture(scope="module")
def noisy():
    X, y = make_classification(
        600, 20, n_informative=8, n_classes=4, flip_y=0.2, class_sep=1.2, random_state=0
    )
    return split(X, y)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return split(X[:600], y[:600])


def reference(k, temperature, train) -> KNeighborsClassifier:
    """scikit-learn's, with the weights of DINOv2: exp(similarity / temperature)."""
    return KNeighborsClassifier(
        k, metric="cosine", algorithm="brute", weights=lambda d: np.exp((1 - d) / temperature)
    ).fit(*train)


@pytest.mark.parametrize("data", ["digits", "noisy"])
@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_it_is_a_weighted_vote_with_the_most_accurate_k(data, temperature, request):
    train, validation, test = request.getfixturevalue(data)
    probe = NeighborsProbe((1, 5, 20, 100), temperature).fit(*train, validation=validation)
    accuracy = {k: reference(k, temperature, train).score(*validation) for k in (1, 5, 20, 100)}
    assert probe.validation_accuracy_ == pytest.approx(accuracy)
    assert probe.k_ == max(accuracy, key=lambda k: (accuracy[k], -k))
    both = [np.concatenate(each) for each in zip(train, validation, strict=True)]
    expected = reference(probe.k_, temperature, both)
    np.testing.assert_allclose(
        probe.predict_proba(test[0]), expected.predict_proba(test[0]), atol=1e-6
    )
    np.testing.assert_array_equal(probe.predict(test[0]), expected.predict(test[0]))


def test_a_validation_picture_is_not_its_own_neighbour_while_k_is_chosen(noisy):
    train, validation, _ = noisy
    probe = NeighborsProbe((1, 20)).fit(*train, validation=validation)
    assert probe.validation_accuracy_[1] < 0.9
    assert probe.score(*validation) == 1.0 or probe.k_ == 20
    alone = NeighborsProbe((1,)).fit(*train, validation=validation)
    assert alone.score(*validation) == 1.0, "in the end validation pictures are remembered"


def test_k_is_chosen_by_validation_labels_alone(noisy):
    """The same features with labels at random on training choose by what validation says."""
    train, (X, y), _ = noisy
    probe = NeighborsProbe((1, 5, 20)).fit(*train, validation=(X, y))
    order = np.random.default_rng(0).permutation(len(X))
    shuffled = NeighborsProbe((1, 5, 20)).fit(*train, validation=(X[order], y[order]))
    assert shuffled.validation_accuracy_ == pytest.approx(probe.validation_accuracy_)
    other = NeighborsProbe((1, 5, 20)).fit(*train, validation=(X, y[order]))
    assert other.validation_accuracy_ != pytest.approx(probe.validation_accuracy_)


def test_of_equally_accurate_ks_the_smallest_is_taken():
    X = np.array([[1.0, 0.0]] * 10 + [[0.0, 1.0]] * 10)
    y = np.repeat(["a", "b"], 10)
    assert NeighborsProbe((9, 3, 5)).fit(X, y, validation=(X, y)).k_ == 3


def test_without_validation_the_first_k_is_taken(digits):
    probe = NeighborsProbe((7, 3)).fit(*digits[0])
    assert probe.k_ == 7
    assert probe.validation_accuracy_ == {}
    empty = (np.empty((0, 64)), np.empty(0, int))
    assert NeighborsProbe((7, 3)).fit(*digits[0], validation=empty).k_ == 7


def test_ks_larger_than_the_set_are_left_out():
    X, y = np.random.default_rng(0).standard_normal((8, 3)), np.arange(8) % 2
    probe = NeighborsProbe((5, 10, 200)).fit(X, y, validation=(X, y))
    assert set(probe.validation_accuracy_) == {5}
    assert NeighborsProbe((10, 200)).fit(X, y).k_ == 8


def test_a_set_of_one_picture_decides_everything():
    probe = NeighborsProbe().fit(np.ones((1, 3)), ["cat"])
    assert probe.predict(np.random.default_rng(0).standard_normal((4, 3))).tolist() == ["cat"] * 4


@pytest.mark.parametrize(
    "change",
    [
        lambda X: X * 1e3,
        lambda X: X * np.random.default_rng(1).uniform(0.1, 10, (len(X), 1)),
        lambda X: X @ np.linalg.qr(np.random.default_rng(0).standard_normal((20, 20)))[0],
        lambda X: np.asfortranarray(X),
    ],
    ids=["unit", "length", "rotation", "columns"],
)
def test_only_the_angles_between_features_count(noisy, change):
    train, validation, test = noisy
    before = NeighborsProbe().fit(*train, validation=validation)
    after = NeighborsProbe().fit(
        change(train[0]), train[1], validation=(change(validation[0]), validation[1])
    )
    assert after.k_ == before.k_
    np.testing.assert_allclose(
        after.predict_proba(change(test[0])), before.predict_proba(test[0]), atol=1e-6
    )


def test_labels_of_any_type_come_back(noisy):
    names = np.array(["wolf", "Fuchs", "løve", "a b"])
    (X, y), (X_validation, y_validation), (X_test, y_test) = noisy
    probe = NeighborsProbe().fit(X, names[y], validation=(X_validation, names[y_validation]))
    plain = NeighborsProbe().fit(X, y, validation=(X_validation, y_validation))
    assert probe.classes_.tolist() == sorted(names.tolist())
    np.testing.assert_array_equal(probe.predict(X_test), names[plain.predict(X_test)])
    assert probe.score(X_test, names[y_test]) == plain.score(X_test, y_test)


def test_a_class_that_only_validation_has_is_found_in_the_end(digits):
    (X, y), validation, test = digits
    kept = y != 7
    probe = NeighborsProbe().fit(X[kept], y[kept], validation=validation)
    assert probe.classes_.tolist() == list(range(10))
    sevens = test[1] == 7
    assert probe.score(test[0][sevens], test[1][sevens]) > 0.5


def test_one_class_is_the_only_answer(digits):
    X = digits[0][0]
    probe = NeighborsProbe().fit(X, np.full(len(X), "cat"))
    np.testing.assert_array_equal(probe.predict_proba(digits[2][0]), 1.0)


def test_a_feature_vector_of_zeros_has_a_vote_like_any_other():
    X = np.vstack([np.zeros(3), np.eye(3)]).astype(np.float32)
    probe = NeighborsProbe((2,)).fit(X, ["none", "x", "y", "z"])
    probabilities = probe.predict_proba(X)
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(1), 1.0)
    assert probe.predict(X[1:]).tolist() == ["x", "y", "z"]


def test_the_least_temperature_asks_the_nearest_alone(noisy):
    train, _, test = noisy
    cold = NeighborsProbe((50,), temperature=0.003).fit(*train)
    nearest = KNeighborsClassifier(1, metric="cosine").fit(*train)
    assert (cold.predict(test[0]) == nearest.predict(test[0])).mean() > 0.95
    assert np.isfinite(cold.predict_proba(test[0])).all()


def test_it_is_an_estimator_of_scikit_learn(digits):
    probe = NeighborsProbe((3, 5), temperature=0.1)
    assert probe.get_params() == {"ks": (3, 5), "temperature": 0.1}
    assert clone(probe).get_params() == probe.get_params()
    with pytest.raises(NotFittedError):
        probe.predict(digits[0][0])
    fitted = probe.fit(*digits[0])
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(digits[2][0]), fitted.predict(digits[2][0]))
