"""Learning from the silhouette: moving points so that it grows, and judging by others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedlens.backbones.keras_backend import import_keras
from embedlens.learn.projection import Projection

if TYPE_CHECKING:
    import keras

# On MobileNetV2's and EfficientNetLite1's validation pictures the soft minimum beat the exact one:
# it pushes all classes apart, not the nearest alone.
_TEMPERATURE = 0.15


class SilhouetteProjection(Projection):
    """A map that learns, on training points, to move each where the silhouette grows.

    A network (principal components of the training points, dropout, hidden ReLU layers with
    dropout after each, a linear layer of ``n_components``, division by the norm) is trained by
    `SilhouetteLoss`, a little softened. So the map lies on the unit sphere: how far out a point
    would lie, were it free, says how sure the network is, which spreads classes and parts none.

    How long to train is found first: a share of the training points, of each class, is watched and
    not learned from, until their loss has not fallen for ``patience`` epochs. Then the network is
    trained anew on all of them, for as many epochs as were best.

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
        Most passes over the training points.
    patience : int, default 20
        Epochs without a lower loss of the watched points before training stops.
    batch_size : int, default 128
        Points a step, every class in equal number (`balanced_batches`).
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
        watched points.
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

    def _loss(self) -> keras.losses.Loss:
        from embedlens.learn.silhouette_loss import SilhouetteLoss

        return SilhouetteLoss(temperature=_TEMPERATURE)
