"""The linear probe: logistic regression, its regularisation chosen on validation pictures."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from embedlens.arrays.checks import unit_scale
from embedlens.learn.labelled_points import labelled_points, points_of, watched_points

STRENGTHS = tuple(10.0**exponent for exponent in range(-4, 3))


class LinearProbe(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Logistic regression on frozen features.

    Features are centred and divided by one number, their standard deviation over all columns:
    the answer then does not depend on a rotation of the features, nor on their unit, and one grid
    of strengths serves every backbone. L-BFGS runs at most 1,000 iterations, as is the custom
    (Radford et al., "Learning transferable visual models from natural language supervision",
    2021, appendix A.3).

    Parameters
    ----------
    strengths : sequence of float, default 1e-4 to 1e2, a power of ten each
        Values of scikit-learn's ``C`` (the inverse of the L2 penalty) to choose from.
    max_iter : int, default 1000
        Iterations of L-BFGS for each.

    Attributes
    ----------
    strength_ : float
        The value chosen, by the least log loss on validation: with few pictures many strengths
        are equally accurate, and the loss tells them apart.
    validation_loss_ : dict of float to float
        Log loss on validation by strength, up to the second past the best; empty where there was
        no validation set.
    n_iter_ : int
        Iterations of the final fit.
    converged_ : bool
        Whether it ended before ``max_iter``.
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
        watched = watched_points(self, validation, labels)
        self._scale_from(points)
        self.validation_loss_: dict[float, float] = {}
        self.strength_ = 1.0
        if watched is not None and np.isin(watched[1], labels).any():
            self.strength_ = self._choose(points, labels, *watched)
            points = np.concatenate([points, watched[0]])
            labels = np.concatenate([labels, watched[1]])
            self._scale_from(points)
        return self._fit_last(points, labels)

    def fit_at(self, X: ArrayLike, y: ArrayLike, strength: float) -> LinearProbe:
        """Fit at a given strength, with no validation set."""
        points, labels = labelled_points(self, X, y)
        self._scale_from(points)
        self.validation_loss_, self.strength_ = {}, strength
        return self._fit_last(points, labels)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each class, shape (pictures, classes)."""
        check_is_fitted(self, "classes_")
        probabilities: NDArray[np.float64] = self._model.predict_proba(
            self._scaled(points_of(self, X))
        )
        return probabilities

    def layer(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return kernel (d, classes) and bias (classes,) whose softmax is `predict_proba`."""
        check_is_fitted(self, "classes_")
        kernel = self._model.coef_.T.astype(np.float64)
        bias = self._model.intercept_.astype(np.float64)
        if len(self.classes_) == 2:  # one column tells both apart
            kernel, bias = np.c_[-kernel, kernel] / 2, np.r_[-bias, bias] / 2
        kernel = kernel / self._scale
        return kernel, bias - self._mean @ kernel

    def predict(self, X: ArrayLike) -> NDArray[np.generic]:
        """Return the likeliest label of each picture."""
        likeliest = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[np.generic] = self.classes_[likeliest]
        return labels

    def _fit_last(self, X: NDArray[Any], y: NDArray[Any]) -> LinearProbe:
        """Fit the model that is kept, at the strength that is chosen."""
        self._model = self._fit_one(self._scaled(X), y, self.strength_)
        self.classes_ = self._model.classes_
        self.n_iter_ = int(self._model.n_iter_.max())
        self.converged_ = self.n_iter_ < self.max_iter
        return self

    def _choose(
        self,
        X: NDArray[np.generic],
        y: NDArray[np.generic],
        X_validation: NDArray[np.generic],
        y_validation: NDArray[np.generic],
    ) -> float:
        X, X_validation = self._scaled(X), self._scaled(X_validation)
        known = np.isin(y_validation, y)
        model, best, worse = None, min(self.strengths), 0
        for strength in sorted(self.strengths):
            model = self._fit_one(X, y, strength, start=model)
            self.validation_loss_[strength] = float(
                log_loss(
                    y_validation[known],
                    model.predict_proba(X_validation[known]),
                    labels=model.classes_,
                )
            )
            if self.validation_loss_[strength] < self.validation_loss_[best]:
                best = strength
            # The loss has one valley: past it, fits only get slower.
            worse = 0 if best == strength else worse + 1
            if worse == 2:
                break
        return best

    def _fit_one(
        self,
        X: NDArray[np.generic],
        y: NDArray[np.generic],
        strength: float,
        start: LogisticRegression | None = None,
    ) -> LogisticRegression:
        """Fit at one strength, from the solution at a weaker one if there is any."""
        model = LogisticRegression(C=strength, max_iter=self.max_iter, warm_start=True)
        if start is not None:
            model.classes_, model.coef_, model.intercept_ = (
                start.classes_, start.coef_.copy(), start.intercept_.copy(),
            )  # fmt: skip
        # The products are small: a second BLAS thread costs more in waiting than it computes.
        with threadpool_limits(1, "blas"), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # told by converged_
            model.fit(X, y)
        return model

    def _scale_from(self, X: NDArray[Any]) -> None:
        # Near 1 first: squares of large numbers overflow, and of small ones vanish.
        unit = unit_scale(float(np.abs(X).max()))
        near = X.astype(np.float64) * unit
        self._mean = near.mean(axis=0) / unit
        self._scale = float(np.sqrt(near.var(axis=0).mean())) / unit or 1.0

    def _scaled(self, X: NDArray[Any]) -> NDArray[np.float32]:
        scaled: NDArray[np.float32] = ((X - self._mean) / self._scale).astype(np.float32)
        return scaled
