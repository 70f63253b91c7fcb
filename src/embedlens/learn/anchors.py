"""Places on a sphere for classes, far from each other, and pulling points to them.

The silhouette alone moves a point by what its batch has beside it. With many classes in few
dimensions these start upon each other and would have to pass through each other to part: the map
stays a knot. Places that are far apart from the start leave nothing to pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.backbones.keras_backend import import_keras

keras = import_keras()
ops = keras.ops

_STEPS = 300


def spread(means: NDArray[np.floating[Any]], dimensions: int) -> NDArray[np.float32]:
    """Return a place on the unit sphere for each class, like classes near each other.

    They begin at the first principal components of the class means, and repel each other by the
    inverse cube of their distance until they are evenly spread.

    Parameters
    ----------
    means : array of shape (classes, d)
        Mean of each class.
    dimensions : int
        Of the space that the sphere lies in.

    Returns
    -------
    ndarray of shape (classes, dimensions), float32
        Rows of length 1.
    """
    means = np.asarray(means, np.float64)
    axes, lengths, _ = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    kept = min(dimensions, len(lengths))
    places = np.zeros((len(means), dimensions))
    places[:, :kept] = axes[:, :kept] * lengths[:kept] / (lengths[0] or 1)
    # Classes of equal means must part too.
    places = _unit(places + 1e-3 * np.random.default_rng(0).normal(size=places.shape))
    for step in range(_STEPS):
        apart = places[:, None] - places[None]
        squared = np.einsum("ijk,ijk->ij", apart, apart)
        np.fill_diagonal(squared, np.inf)
        force = np.einsum("ij,ijk->ik", 1 / np.maximum(squared, 1e-12) ** 2, apart)
        force -= np.sum(force * places, axis=1, keepdims=True) * places
        longest = np.linalg.norm(force, axis=1).max()
        if longest == 0:
            break
        places = _unit(places + 0.05 * (1 - step / _STEPS) * force / longest)
    return places.astype(np.float32)


def _unit(points: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    return points / np.where(lengths > 0, lengths, 1)


class AnchoredLoss(keras.losses.Loss):  # type: ignore[misc, name-defined]
    """A loss of points on the unit sphere, and the cross-entropy of the nearest anchor beside it.

    Parameters
    ----------
    loss : keras.losses.Loss
        Its ``call`` gives a value for each point.
    anchors : array of shape (classes, d)
        Unit vectors. The share of a class is the softmax of their cosines to the point, divided by
        ``width``.
    weight : float
        Of the cross-entropy, as a share of that of a guess, log(classes).
    width : float
        Cosines that differ by less are hardly told apart.
    """

    def __init__(
        self, loss: Any, anchors: NDArray[np.float32], weight: float, width: float
    ) -> None:
        super().__init__(name="anchored_loss")
        self.loss, self.anchors, self.width = loss, anchors, width
        self.weight = weight / float(np.log(len(anchors)))

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the sum of both for each point; ``y_true`` are codes 0 to classes - 1."""
        codes = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        cosines = ops.matmul(y_pred, ops.transpose(ops.convert_to_tensor(self.anchors)))
        entropy = keras.losses.sparse_categorical_crossentropy(
            codes, cosines / self.width, from_logits=True
        )
        return self.loss.call(codes, y_pred) + self.weight * entropy
