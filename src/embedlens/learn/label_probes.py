"""Probes of several labels a picture: each label is told from its absence by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from embedlens.learn.labelled_points import EITHER, points_of
from embedlens.learn.linear_probe import RIVAL, ROUGHLY, STRENGTHS
from embedlens.learn.logistic_regressions import fit_each
from embedlens.learn.neighbors_probe import KS
from embedlens.learn.softmax_regression import TOLERANCE, Coordinates
from embedlens.metrics import nearest_neighbors

Validation = tuple[ArrayLike, ArrayLike]


class LabelProbes(BaseEstimator):  # type: ignore[misc]
    """A logistic regression a label, as `LinearProbe` fits one, all on the same scaled features.

    The strength is chosen for each label by itself. Where validation has no picture with a label,
    or none without it, nothing can be chosen by, and ``C`` is 1.

    Parameters
    ----------
    strengths, max_iter
        As for `LinearProbe`.

    Attributes
    ----------
    learned_ : ndarray of shape (labels,), bool
        False for a label that all pictures or none have: there is nothing to learn.
    strengths_ : ndarray of shape (labels,)
        The strength of each; NaN where nothing was learned.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> Y = np.column_stack([X[:, 0] > 0, X[:, 1] > 1])
    >>> probes = LabelProbes().fit(X[:30], Y[:30], validation=(X[30:45], Y[30:45]))
    >>> bool((np.round(probes.predict_proba(X[45:])) == Y[45:]).mean() > 0.8)
    True
    """

    def __init__(self, strengths: Sequence[float] = STRENGTHS, max_iter: int = 1000) -> None:
        self.strengths = strengths
        self.max_iter = max_iter

    def fit(self, X: ArrayLike, Y: ArrayLike, validation: Validation | None = None) -> LabelProbes:
        """Choose strengths on validation, then fit on training and validation together.

        Parameters
        ----------
        X : array of shape (pictures, d)
            Features of the training pictures.
        Y : array of shape (pictures, labels), bool
            Which labels each has.
        validation : (array, array), optional
            Features and labels to choose the strengths by. Without them ``C`` is 1.

        Raises
        ------
        ValueError
            If lengths differ or features are not finite.
        """
        points, members, trained = _together(self, X, Y, validation)
        among, count = Coordinates.of(points), members.shape[1]
        strengths = np.ones(count)
        start = np.zeros((among.values.shape[1] + 1, count))
        chosen = np.flatnonzero(_both(members[:trained]) & _both(members[trained:]))
        if len(chosen):
            strengths[chosen], start[:, chosen] = _choose(
                among, members[:, chosen], trained, self.strengths, self.max_iter
            )
        return self._fit(among, members, strengths, start)

    def fit_at(self, X: ArrayLike, Y: ArrayLike, strengths: ArrayLike) -> LabelProbes:
        """Fit at given strengths, one a label, with no validation set."""
        points, members, _ = _together(self, X, Y, None)
        among = Coordinates.of(points)
        start = np.zeros((among.values.shape[1] + 1, members.shape[1]))
        return self._fit(among, members, np.asarray(strengths, np.float64), start)

    def layer(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return kernel (d, labels) and bias (labels,) whose logistic is `predict_proba`.

        Both are 0 for a label that was not learned.
        """
        check_is_fitted(self, "learned_")
        kernel = self._kernel / self._scale
        return kernel, self._bias - self._mean @ kernel

    def _fit(
        self,
        among: Coordinates,
        members: NDArray[np.bool_],
        strengths: NDArray[np.float64],
        start: NDArray[np.float64],
    ) -> LabelProbes:
        self.learned_ = _both(members)
        self.strengths_ = np.where(self.learned_, strengths, np.nan)
        learned, count = np.flatnonzero(self.learned_), members.shape[1]
        found = fit_each(
            among, members[:, learned], self.strengths_[learned], start=start[:, learned],
            max_iter=self.max_iter,
        )  # fmt: skip
        self._kernel, self._bias = np.zeros((len(among.axes), count)), np.zeros(count)
        self._kernel[:, learned] = among.axes @ found.at[:-1]
        self._bias[learned] = found.at[-1]
        self._mean, self._scale = among.mean, among.scale
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each label, (pictures, labels); NaN of what is not learned."""
        from scipy.special import expit

        check_is_fitted(self, "learned_")
        scaled = (points_of(self, X) - self._mean) / self._scale
        shares: NDArray[np.float64] = expit(scaled @ self._kernel + self._bias)
        return np.where(self.learned_, shares, np.nan)


def _choose(
    among: Coordinates,
    members: NDArray[np.bool_],
    trained: int,
    strengths: Sequence[float],
    max_iter: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the strength of the least log loss on validation of each label, and its solution.

    As `LinearProbe` chooses: roughly first, up to those past the best; those whose losses are close
    are then fitted to the end.
    """
    training, watched = among.part(np.arange(trained)), among.values[trained:]
    count, grid = members.shape[1], sorted(strengths)
    solutions = np.zeros((len(grid), among.values.shape[1] + 1, count))
    losses = np.full((len(grid), count), np.inf)

    def fit(place: int, labels: NDArray[np.intp], start: NDArray[Any], tolerance: float) -> None:
        found = fit_each(
            training, members[:trained, labels], np.full(len(labels), grid[place]),
            start=start[:, labels], tolerance=tolerance, max_iter=max_iter,
        )  # fmt: skip
        solutions[place][:, labels] = found.at
        logits, told = found.logits(watched), members[trained:, labels]
        losses[place, labels] = np.logaddexp(0, np.where(told, -logits, logits)).mean(axis=0)

    labels, worse = np.arange(count), np.zeros(count, np.int64)
    for place in range(len(grid)):
        fit(place, labels, solutions[max(place - 1, 0)], ROUGHLY)
        least = losses[:, labels].min(axis=0)
        worse[labels] = np.where(losses[place, labels] == least, 0, worse[labels] + 1)
        labels = labels[(worse[labels] < 2) & (losses[place, labels] <= RIVAL * least)]
        if not len(labels):
            break
    close = losses <= RIVAL * losses.min(axis=0)
    close &= close.sum(axis=0) > 1
    for place in range(len(grid)):
        rivals = np.flatnonzero(close[place])
        if len(rivals):
            fit(place, rivals, solutions[place], TOLERANCE)
    best = losses.argmin(axis=0)
    return np.array(grid)[best], solutions[best, :, np.arange(count)].T


class LabelNeighbors(BaseEstimator):  # type: ignore[misc]
    """The weighted share of the k nearest neighbours that have each label.

    Neighbours and weights are those of `NeighborsProbe`.

    Parameters
    ----------
    ks, temperature
        As for `NeighborsProbe`.

    Attributes
    ----------
    k_ : int
        The number chosen: that of the least squared error on validation, over all labels. Without
        validation it is the first that fits.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> LabelNeighbors().fit(X, X > 0).predict_proba(X[:3]).shape
    (3, 4)
    """

    def __init__(self, ks: Sequence[int] = KS, temperature: float = 0.07) -> None:
        self.ks = ks
        self.temperature = temperature

    def fit(
        self, X: ArrayLike, Y: ArrayLike, validation: Validation | None = None
    ) -> LabelNeighbors:
        """Choose k on validation, then remember all; parameters are those of `LabelProbes.fit`."""
        points, members, trained = _together(self, X, Y, validation)
        self.learned_ = _both(members)
        self._X, self._members = points[:trained], members[:trained]
        ks = [k for k in self.ks if k <= trained] or [trained]
        self.k_ = ks[0]
        if trained < len(points):
            shares = self._shares(points[trained:], ks)
            errors = {k: float(((shares[k] - members[trained:]) ** 2).mean()) for k in ks}
            self.k_ = min(ks, key=errors.__getitem__)
            self._X, self._members = points, members
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the share of each label, (pictures, labels); NaN where nothing was learned."""
        check_is_fitted(self, "learned_")
        shares = self._shares(points_of(self, X), [self.k_])[self.k_]
        return np.where(self.learned_, shares, np.nan)

    def _shares(self, X: NDArray[Any], ks: Sequence[int]) -> dict[int, NDArray[np.float64]]:
        distances, neighbors = nearest_neighbors(self._X, max(ks), metric="cosine", queries=X)
        # A shift of every similarity by 1 leaves the shares alone and keeps exp() in range.
        weights = np.exp(-np.asarray(distances, np.float64) / self.temperature)
        shares = {}
        for k in ks:
            own = weights[:, :k] / weights[:, :k].sum(axis=1, keepdims=True)
            shares[k] = np.einsum("ij,ijk->ik", own, self._members[neighbors[:, :k]])
        return shares


def _together(
    estimator: Any, X: ArrayLike, Y: ArrayLike, validation: Validation | None
) -> tuple[NDArray[Any], NDArray[np.bool_], int]:
    """Return training points, validation below them, their labels, and how many are training."""
    points = validate_data(estimator, X, dtype=EITHER)
    members, trained = np.asarray(Y, bool), len(points)
    if validation is not None and len(np.asarray(validation[1])):
        points = np.concatenate([points, points_of(estimator, validation[0])])
        members = np.concatenate([members, np.asarray(validation[1], bool)])
    if members.ndim != 2 or len(members) != len(points):
        raise ValueError(
            f"{len(points)} points have labels of shape {members.shape}; give (points, labels)."
        )
    return points, members, trained


def _both(members: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which labels some points have and others have not."""
    return np.asarray(members.any(axis=0) & ~members.all(axis=0))
