"""Learning from the silhouette: moving points so that it grows, and judging by others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embedlens.backbones.keras_backend import import_keras
from embedlens.learn.projection import Projection
from embedlens.metrics import silhouette_score

if TYPE_CHECKING:
    import keras

# On MobileNetV2's and EfficientNetLite1's validation pictures the soft minimum beat the exact one:
# it pushes all classes apart, not the nearest alone.
_TEMPERATURE = 0.15
# The soft minimum is the nearest class's distance where that is much less than the others'. With
# many classes it is; then as much softness would make far classes count, and a map in which each
# class lies upon another would do well by it.
_SOFTNESS = 0.19  # of the distance from class to nearest class, which 0.15 is for 8 in 3-D
_JUDGED = 4096  # watched points whose silhouette is computed after each epoch, at most
_WEIGHT, _WIDTH = 0.5, 0.1  # of the cross-entropy beside the silhouette


class SilhouetteProjection(Projection):
    """A map that learns, on training points, to move each where the silhouette grows.

    A network (principal components of the training points, dropout, hidden ReLU layers with
    dropout after each, a linear layer of ``n_components``, division by the norm) is trained by
    `SilhouetteLoss`, a little softened, and beside it by the cross-entropy to places of the
    classes that are spread over the sphere first (see `embedlens.learn.anchors`). So the map lies
    on the unit sphere: how far out a point would lie, were it free, says how sure the network is,
    which spreads classes and parts none.

    How long to train is found first: a share of the training points, of each class, is watched and
    not learned from, until their silhouette has not grown for ``patience`` epochs. Then the network
    is trained anew on all of them, for as many epochs as were best.

    The labels go into the map. Judge it by points that `fit` never saw, and never judge a backbone
    by it: in the map of its training points any backbone separates any classes.

    Parameters
    ----------
    n_components : int, default 3
        Dimensions of the map, at least 2. For many classes or as features take more, say 32.
    width : int, default 256
        Of the hidden layers.
    depth : int, default 2
        Number of hidden layers.
    input_dropout : float, default 0.2
        Share of the inputs dropped in training.
    dropout : float, default 0.5
        Share of the hidden units dropped in training.
    max_inputs : int, default 128
        Most principal components that go in; they are divided by one number, so that the answer
        does not depend on a rotation of the features nor on their unit.
    epochs : int, default 80
        Most passes over the training points. An epoch ends after 32 steps, which is a pass over
        4,096 points; of more, each waits for its turn in a later one.
    patience : int, default 20
        Epochs without a higher silhouette of the watched points before training stops.
    batch_size : int, default 128
        Points a step, every class in equal number (`balanced_batches`). More where that is less
        than 8 of each class, up to 1,024.
    learning_rate : float, default 0.003
        Adam's.
    validation : float, default 0.2
        Share of each class that is watched. With too few points for two classes among them, or
        with 0, all ``epochs`` are run at once.
    random_state : int, RandomState or None, default 0
        Of the watched points, the initial weights, the batches and the dropout.

    Attributes
    ----------
    classes_ : ndarray
        The labels.
    history_ : DataFrame
        A row an epoch of the training that chose the epoch: loss, and validation_loss of the
        watched points, (1 - S) / 2 with S their silhouette.
    best_epoch_ : int
        How many epochs the network was trained for.
    validation_silhouette_ : float
        Exact, of the watched points at that epoch, before the training on all; NaN without. They
        chose the epoch, so that it flatters: report the silhouette of other points.
    model_ : keras.Model
        From rotated points to the map.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from embedlens.metrics import silhouette_score
    >>> X, y = load_digits(return_X_y=True)
    >>> projection = SilhouetteProjection(3, epochs=10).fit(X[:900], y[:900])
    >>> moved = projection.transform(X[900:])
    >>> moved.shape
    (897, 3)
    >>> silhouette_score(moved, y[900:]) > silhouette_score(X[900:], y[900:]) + 0.2
    True
    """

    def _last_layers(self) -> list[Any]:
        return [import_keras().layers.UnitNormalization()]

    def _targets(self, X: NDArray[np.float32], codes: NDArray[np.int64]) -> NDArray[Any]:
        from embedlens.learn.anchors import spread

        inputs = self._rotated(X)
        means = np.stack([inputs[codes == c].mean(axis=0) for c in range(codes.max() + 1)])
        self._anchors = spread(means, self.n_components)
        return codes

    def _watch(self, inputs: NDArray[np.float32], codes: NDArray[np.int64]) -> list[Any]:
        from embedlens.learn.watching import Watch

        most = max(_JUDGED, 2 * len(self.classes_))
        sample = most if len(codes) > most else None

        def judge() -> float:
            """Return (1 - S) / 2, S exact: softened it may be high where the exact one is low."""
            moved = self._moved(inputs)
            if not np.isfinite(moved).all():
                return float("nan")
            return (1 - silhouette_score(moved, codes, sample_size=sample, random_state=0)) / 2

        return [Watch(judge)]

    def _loss(self) -> keras.losses.Loss:
        from embedlens.learn.anchors import AnchoredLoss
        from embedlens.learn.silhouette_loss import SilhouetteLoss

        apart = np.linalg.norm(self._anchors[:, None] - self._anchors, axis=2)
        others = apart[~np.eye(len(apart), dtype=bool)].reshape(len(apart), -1)
        near = float(others.min(axis=1).mean() / others.mean())
        loss = SilhouetteLoss(temperature=min(_TEMPERATURE, _SOFTNESS * near))
        return AnchoredLoss(loss, self._anchors, _WEIGHT, _WIDTH)
