"""Probes trained on ever more labels: which labels, and what comes of them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from embedlens.learn import LinearProbe
from embedlens.learn.label_draws import numbers_of_labels, order_of_labels, train_on_draws
from embedlens.learn.softmax_regression import Coordinates


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X.astype(np.float32), y.astype(str)


def rows(total, train=0.75):
    cut = int(total * train)
    return np.arange(cut), np.arange(cut, total)


@pytest.mark.parametrize(
    ("total", "classes", "expected"),
    [(1000, 10, [20, 50, 100, 200, 500, 1000]), (25, 10, [25]), (26, 10, [20, 26])],
)
def test_numbers_of_labels_end_with_all_and_none_is_nearly_all(total, classes, expected):
    assert numbers_of_labels(total, classes) == expected


def test_more_labels_are_more_right(digits):
    X, y = digits
    train, test = rows(len(y))
    table = train_on_draws(Coordinates.of(X), y, train, test, strength=1e-2)
    share = table.groupby("labels")["hits"].sum() / table.groupby("labels")["shown"].sum()
    assert share.index.tolist() == numbers_of_labels(len(train), 10)[:-1]
    assert share.is_monotonic_increasing
    assert share.iloc[-1] > share.iloc[0] + 0.1
    assert set(table["picture"]) == set(test)


def test_a_hit_is_that_of_a_probe_on_the_first_of_the_order(digits):
    X, y = digits
    train, test = rows(160)
    table = train_on_draws(Coordinates.of(X), y, train, test, strength=0.1, draw=3, seed=5)
    rng = np.random.default_rng([5, 3])
    for labels, own in table.groupby("labels"):
        if own["shown"].iloc[0] > 1:
            for _ in range(own["shown"].iloc[0]):
                order_of_labels(y[train], None, train, rng)
            continue
        first = train[order_of_labels(y[train], None, train, rng)[:labels]]
        probe = LinearProbe().fit_at(X[first], y[first], 0.1 * len(train) / labels)
        assert own["hits"].tolist() == (probe.predict(X[test]) == y[test]).astype(int).tolist()


def test_every_beginning_of_an_order_holds_the_classes_in_their_shares():
    labels = np.repeat(["a", "b", "c"], [600, 300, 100])
    order = order_of_labels(labels, None, np.arange(1000), np.random.default_rng(0))
    assert sorted(order.tolist()) == list(range(1000))
    for n in (20, 50, 200):
        counts = np.unique(labels[order[:n]], return_counts=True)[1]
        assert np.abs(counts - n * np.array([0.6, 0.3, 0.1])).max() <= 1


def test_groups_come_as_wholes():
    groups = np.repeat(np.arange(50), 4)
    labels = np.where(groups % 2, "a", "b")
    order = order_of_labels(labels, groups, np.arange(200), np.random.default_rng(0))
    assert all(len(set(groups[order[i : i + 4]])) == 1 for i in range(0, 200, 4))


def test_draws_differ_and_are_the_same_again(digits):
    X, y = digits
    train, test = rows(400)
    one, same, other = (
        train_on_draws(Coordinates.of(X), y, train, test, strength=0.1, draw=draw)
        for draw in (0, 0, 1)
    )
    assert one.equals(same)
    assert not one["hits"].equals(other["hits"])


def test_too_few_labels_have_no_draws(digits):
    X, y = digits
    assert train_on_draws(Coordinates.of(X), y, *rows(20), strength=1.0).empty
