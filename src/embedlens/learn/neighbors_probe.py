"""The k-nearest-neighbour probe, as DINOv2 evaluates features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from embedlens.learn.labelled_points import labelled_points, points_of, watched_points
from embedlens.learn.nearest_among import NearestAmong, Rows
from embedlens.metrics import nearest_neighbors

KS = (5, 10, 20, 100, 200)


class NeighborsProbe(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Weighted vote of the k nearest neighbours by cosine similarity.

    A neighbour of similarity s votes with weight exp(s / temperature) (Wu et al., "Unsupervised
    feature learning via non-parametric instance discrimination", 2018; Oquab et al., "DINOv2",
    2023).

    Parameters
    ----------
    ks : sequence of int, default (5, 10, 20, 100, 200)
        Numbers of neighbours to choose from: DINOv2's, and 5 for small sets. Those larger than
        the training set are left out.
    temperature : float, default 0.07
        DINOv2's.

    Attributes
    ----------
    k_ : int
        The number chosen: the most accurate on validation, and among those the smallest. Without
        validation it is the first that fits.
    validation_accuracy_ : dict of int to float
        Accuracy on validation by k; empty where there was no validation set.
    classes_ : ndarray
        Labels in the order of ``predict_proba``'s columns.
    n_features_in_ : int
        Columns of the features.
    feature_names_in_ : ndarray of str
        Their names, where they came as a DataFrame.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> probe = NeighborsProbe().fit(X[::2], y[::2], validation=(X[1::4], y[1::4]))
    >>> bool(probe.score(X[3::4], y[3::4]) > 0.9)
    True
    """

    def __init__(self, ks: Sequence[int] = KS, temperature: float = 0.07) -> None:
        self.ks = ks
        self.temperature = temperature

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        validation: tuple[ArrayLike, ArrayLike] | None = None,
    ) -> NeighborsProbe:
        """Choose k on validation, then remember training and validation together.

        Parameters
        ----------
        X : array of shape (pictures, d)
            Features of the training pictures.
        y : array of shape (pictures,)
            Their labels: names or whole numbers.
        validation : (array, array), optional
            Features and labels to choose k by.

        Returns
        -------
        NeighborsProbe
            Itself.

        Raises
        ------
        ValueError
            If lengths differ, features are not finite, or a label is missing.
        """
        self._X, y = labelled_points(self, X, y)
        watched = watched_points(self, validation, y)
        self.classes_, self._codes = np.unique(y, return_inverse=True)
        ks = [k for k in self.ks if k <= len(y)] or [len(y)]
        self.k_ = ks[0]
        self.validation_accuracy_: dict[int, float] = {}
        if watched is not None:
            X_validation, y_validation = watched
            votes = self._votes(X_validation, ks)
            self._choose(
                ks, {k: self.classes_[votes[k].argmax(axis=1)] == y_validation for k in ks}
            )
            self._X = np.concatenate([self._X, X_validation])
            self.classes_, self._codes = np.unique(
                np.concatenate([y, y_validation]), return_inverse=True
            )
        return self

    def vote_among(
        self, near: NearestAmong, y: NDArray[Any], train: Rows, validation: Rows, asked: Rows
    ) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Fit to some of many points and ask it of others, where all neighbours were found before.

        As `fit` and `predict_proba`, but that of equal distances another may be nearer.

        Parameters
        ----------
        near : NearestAmong
            All points, with enough neighbours for the largest of ``ks``.
        y : ndarray of shape (n,)
            Labels of all points.
        train, validation, asked : ndarray of int
            Rows to learn from, to choose k by (perhaps none), and to ask of.

        Returns
        -------
        classes : ndarray of shape (k,)
        shares : ndarray of shape (asked, k), float64
            Each class's share of the vote.
        """
        classes, codes = np.unique(y[train], return_inverse=True)
        ks = [k for k in self.ks if k <= len(train)] or [len(train)]
        self.k_, self.validation_accuracy_ = ks[0], {}
        known = train
        if len(validation):
            distances, places = near.within(validation, train, max(ks))
            votes = self._count(distances, codes[places], len(classes), ks)
            self._choose(ks, {k: classes[votes[k].argmax(axis=1)] == y[validation] for k in ks})
            known = np.concatenate([train, validation])
            classes, codes = np.unique(y[known], return_inverse=True)
        distances, places = near.within(asked, known, self.k_)
        return classes, self._count(distances, codes[places], len(classes), [self.k_])[self.k_]

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return each class's share of the vote, shape (pictures, classes)."""
        check_is_fitted(self, "classes_")
        return self._votes(points_of(self, X), [self.k_])[self.k_]

    def remembered(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return the points (n, d) that vote, and the rows of ``classes_`` that they vote for."""
        check_is_fitted(self, "classes_")
        return np.asarray(self._X, np.float32), np.asarray(self._codes, np.int64)

    def predict(self, X: ArrayLike) -> NDArray[np.generic]:
        """Return the label with the most votes for each picture."""
        most = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[np.generic] = self.classes_[most]
        return labels

    def _choose(self, ks: Sequence[int], hits: dict[int, NDArray[np.bool_]]) -> None:
        self.validation_accuracy_ = {k: float(hits[k].mean()) for k in ks}
        self.k_ = max(ks, key=lambda k: (self.validation_accuracy_[k], -k))

    def _votes(self, X: NDArray[np.generic], ks: Sequence[int]) -> dict[int, NDArray[np.float64]]:
        distances, neighbors = nearest_neighbors(self._X, max(ks), metric="cosine", queries=X)
        return self._count(distances, self._codes[neighbors], len(self.classes_), ks)

    def _count(
        self,
        distances: NDArray[np.float64],
        codes: NDArray[np.intp],
        classes: int,
        ks: Sequence[int],
    ) -> dict[int, NDArray[np.float64]]:
        """Return each class's share of the votes, by how many neighbours vote."""
        # A shift of every similarity by 1 leaves the shares alone and keeps exp() in range.
        weights = np.exp(-np.asarray(distances, np.float64) / self.temperature)
        shares = {}
        for k in ks:
            votes = np.zeros((len(codes), classes))
            np.add.at(votes, (np.arange(len(codes))[:, None], codes[:, :k]), weights[:, :k])
            shares[k] = votes / votes.sum(axis=1, keepdims=True)
        return shares
