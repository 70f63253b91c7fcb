"""The linear probe: logistic regression, its regularisation chosen on validation pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from embedlens.learn.labelled_points import labelled_points, points_of, watched_points
from embedlens.learn.softmax_regression import TOLERANCE, Coordinates, Solution, softmax

STRENGTHS = tuple(10.0**exponent for exponent in range(-4, 3))

ROUGHLY = 1e-3  # of the loss, promised: how near the least strengths are compared ...
RIVAL = 1.02  # ... except those whose loss is within 2% of the least ...
_CLOSELY = 1e-5  # ... which are compared so near; in float32 rounding begins below
_LEAST = np.finfo(np.float64).eps  # a share of 0 has no logarithm


class LinearProbe(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Logistic regression on frozen features.

    Features are centred and divided by one number, their standard deviation over all columns:
    the answer then does not depend on a rotation of the features, nor on their unit, and one grid
    of strengths serves every backbone, as is the custom (Radford et al., "Learning transferable
    visual models from natural language supervision", 2021, appendix A.3). Newton's method runs
    until the loss is within 1e-6 of the least, by a bound from its gradient. Strengths are first
    compared roughly, from the least up; the losses on validation have one valley, so that the first
    above it by more than 2%, or the second, ends the comparison. Those that are close are fitted
    again until Newton's method promises no more than 1e-5.

    Parameters
    ----------
    strengths : sequence of float, default 1e-4 to 1e2, a power of ten each
        Values of scikit-learn's ``C`` (the inverse of the L2 penalty) to choose from.
    max_iter : int, default 1000
        Steps of Newton's method for each, at most.

    Attributes
    ----------
    strength_ : float
        The value chosen, by the least log loss on validation: with few pictures many strengths
        are equally accurate, and the loss tells them apart.
    validation_loss_ : dict of float to float
        Log loss on validation by strength, up to those past the best; empty where there was no
        validation set. To about a hundredth, and to the last digits where two are close.
    n_iter_ : int
        Steps of the final fit.
    converged_ : bool
        Whether its loss is certain to be within 1e-6 of the least.
    classes_ : ndarray
        Labels in the order of ``predict_proba``'s columns.
    solution_ : Solution
        Weights and intercepts of the final fit, along the principal axes of the points.
    n_features_in_ : int
        Columns of the features.
    feature_names_in_ : ndarray of str
        Their names, where they came as a DataFrame.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> probe = LinearProbe().fit(X[::2], y[::2], validation=(X[1::4], y[1::4]))
    >>> bool(probe.score(X[3::4], y[3::4]) > 0.9)
    True
    """

    def __init__(self, strengths: Sequence[float] = STRENGTHS, max_iter: int = 1000) -> None:
        self.strengths = strengths
        self.max_iter = max_iter

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        validation: tuple[ArrayLike, ArrayLike] | None = None,
    ) -> LinearProbe:
        """Choose the strength on validation, then fit on training and validation together.

        Parameters
        ----------
        X : array of shape (pictures, d)
            Features of the training pictures.
        y : array of shape (pictures,)
            Their labels: names or whole numbers.
        validation : (array, array), optional
            Features and labels to choose the strength by. Without them ``C`` is 1.

        Returns
        -------
        LinearProbe
            Itself.

        Raises
        ------
        ValueError
            If lengths differ, features are not finite, or a label is missing,
            or all labels are one.
        """
        points, labels = labelled_points(self, X, y)
        trained, watched = len(points), watched_points(self, validation, labels)
        if watched is not None and np.isin(watched[1], labels).any():
            points = np.concatenate([points, watched[0]])
            labels = np.concatenate([labels, watched[1]])
        return self._fit(Coordinates.of(points), labels, trained, 1.0)

    def fit_among(
        self,
        among: Coordinates,
        y: NDArray[Any],
        train: NDArray[np.intp],
        validation: NDArray[np.intp],
    ) -> LinearProbe:
        """Fit to some of many points as `fit` does, where all of them were turned before.

        So splits of one set share its principal axes. They do not begin where another split ended:
        that lies further from their own answer than the path along the strengths does.

        Parameters
        ----------
        among : Coordinates
            All points.
        y : ndarray of shape (n,)
            Labels of all points.
        train, validation : ndarray of int
            Rows to learn from, and to choose the strength by; perhaps none of the latter.
        """
        self.n_features_in_ = len(among.axes)
        watched = validation if np.isin(y[validation], y[train]).any() else validation[:0]
        known = np.concatenate([train, watched])
        return self._fit(among.part(known), y[known], len(train), 1.0)

    def fit_at(self, X: ArrayLike, y: ArrayLike, strength: float) -> LinearProbe:
        """Fit at a given strength, with no validation set."""
        points, labels = labelled_points(self, X, y)
        return self._fit(Coordinates.of(points), labels, len(points), strength)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each class, shape (pictures, classes)."""
        check_is_fitted(self, "classes_")
        scaled = ((points_of(self, X) - self._mean) / self._scale).astype(np.float32)
        return softmax(scaled @ self._kernel + self._bias)

    def layer(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return kernel (d, classes) and bias (classes,) whose softmax is `predict_proba`."""
        check_is_fitted(self, "classes_")
        kernel = self._kernel / self._scale
        return kernel, self._bias - self._mean @ kernel

    def predict(self, X: ArrayLike) -> NDArray[np.generic]:
        """Return the likeliest label of each picture."""
        likeliest = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[np.generic] = self.classes_[likeliest]
        return labels

    def _fit(
        self, among: Coordinates, y: NDArray[Any], trained: int, strength: float
    ) -> LinearProbe:
        """Fit to all points; where not all are for training, choose the strength first."""
        self.validation_loss_: dict[float, float] = {}
        self.strength_, start = strength, None
        self.classes_, codes = _classes_of(y)
        if trained < len(y):
            self.strength_, start = self._choose(among, y, trained)
        if start is not None and start.weights.shape[1] != len(self.classes_):
            start = None
        found = among.fit(
            codes, len(self.classes_), self.strength_, start=start, max_iter=self.max_iter
        )
        self.solution_, self._mean, self._scale = found, among.mean, among.scale
        self._kernel, self._bias = among.axes @ found.weights, found.intercepts
        self.n_iter_ = max(1, found.steps)
        self.converged_ = found.reached(TOLERANCE)
        return self

    def _choose(self, among: Coordinates, y: NDArray[Any], trained: int) -> tuple[float, Solution]:
        """Return the strength of the least loss on validation, and its solution on training."""
        training = among.part(np.arange(trained))
        classes, codes = _classes_of(y[:trained])
        watched = trained + np.flatnonzero(np.isin(y[trained:], classes))
        own = np.searchsorted(classes, y[watched])
        points = among.values[watched]
        found: dict[float, Solution] = {}

        def loss_at(strength: float, start: Solution | None, promise: float) -> float:
            found[strength] = training.fit(
                codes, len(classes), strength, start=start, promise=promise,
                max_iter=self.max_iter,
            )  # fmt: skip
            shares = found[strength].shares(points)[np.arange(len(own)), own]
            self.validation_loss_[strength] = float(-np.log(np.maximum(shares, _LEAST)).mean())
            return self.validation_loss_[strength]

        losses, worse, last = self.validation_loss_, 0, None
        for strength in sorted(self.strengths):
            loss = loss_at(strength, last, ROUGHLY)
            last = found[strength]
            # The loss has one valley: past it, fits only get slower.
            least = min(losses.values())
            worse = 0 if loss == least else worse + 1
            if worse == 2 or loss > RIVAL * least:
                break
        rivals = [strength for strength in losses if losses[strength] <= RIVAL * least]
        for strength in rivals if len(rivals) > 1 else ():
            loss_at(strength, found[strength], _CLOSELY)
        best = min(losses, key=losses.__getitem__)
        return best, found[best]


def _classes_of(y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"All labels are of one class, {classes[0]!r}; a probe needs at least 2.")
    return classes, codes
