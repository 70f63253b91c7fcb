"""Pulling points to the centroid of their class, the study's other idea."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embedlens.backbones.keras_backend import import_keras
from embedlens.learn.projection import Projection
from embedlens.reduce import PCA

if TYPE_CHECKING:
    import keras


class CentroidProjection(Projection):
    """A map that learns, on training points, to move each to the centroid of its class.

    The centroids are those of the training points in their first ``n_components`` principal
    components; the network of `SilhouetteProjection` is trained to hit them by the mean squared
    error. The centroids come from training points alone: with test points among them they would
    be a table of the answers.

    Classes whose centroids coincide in those components are pulled to one place; the silhouette,
    which asks only that they lie apart, finds them a better one.

    Parameters
    ----------
    n_components, width, depth, input_dropout, dropout, max_inputs, epochs, patience, batch_size, \
learning_rate, validation, random_state
        As for `SilhouetteProjection`.

    Attributes
    ----------
    centroids_ : ndarray of shape (classes, n_components)
        Where the training points were pulled to, in the order of ``classes_``. Their mean
        variance is 1.
    classes_, history_, best_epoch_, model_
        As for `SilhouetteProjection`; losses are squared errors.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> projection = CentroidProjection(2, epochs=3).fit(X[:900], y[:900])
    >>> projection.transform(X[900:]).shape
    (897, 2)
    """

    def _loss(self) -> keras.losses.Loss:
        return import_keras().losses.MeanSquaredError()

    def _targets(self, X: NDArray[np.float32], codes: NDArray[np.int64]) -> NDArray[Any]:
        points = PCA(min(self.n_components, *X.shape)).fit_transform(X)
        # Features of fewer columns than the map leave the last ones at 0.
        points = np.pad(points, ((0, 0), (0, self.n_components - points.shape[1])))
        centroids = np.stack([points[codes == c].mean(axis=0) for c in range(codes.max() + 1)])
        spread = centroids.std()
        self.centroids_ = (centroids / (spread if spread > 0 else 1)).astype(np.float32)
        return self.centroids_[codes]
