"""The silhouette as a loss: how far a batch is from tight classes that lie far apart."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from embedlens.backbones.keras_backend import import_keras
from embedlens.learn.batch_silhouette import silhouette_losses

keras = import_keras()
ops = keras.ops

SilhouetteLossMetric = Literal["euclidean", "sqeuclidean"]


@keras.saving.register_keras_serializable(package="embedlens")
class SilhouetteLoss(keras.losses.Loss):  # type: ignore[misc, name-defined]
    """(1 - S) / 2, with S the silhouette of each embedding among those of its batch.

    With a the mean distance of a point to the others of its class and b the least mean distance
    to another class, S = (b - a) / max(a, b) (Rousseeuw 1987), and the loss is 0 for a perfectly
    clustered point, 1/2 between two classes and 1 for a perfectly misclustered one. It does not
    depend on the scale of the embeddings, nor on a rotation or shift of them.

    Within a batch the silhouette is exact: every pair counts. It is the silhouette of the batch,
    so that a batch wants several members of each class, as `balanced_batches` draws it. Where a
    silhouette is not defined it is 0, the loss 1/2, and nothing moves: for a class's only member in
    the batch (as in scikit-learn), and where the batch has one class only. Points at distance 0
    do not push each other, so that gradients stay finite at duplicates.

    Parameters
    ----------
    metric : {"euclidean", "sqeuclidean"}, default "euclidean"
        Distance. Squared distances weigh far pairs more, and their silhouette is the larger: name
        the metric beside a value.
    temperature : float, default 0.0
        0 takes b from the nearest other class. Above, b is the mean over all other classes with
        weights exp(-distance / (temperature x their mean distance)): it pushes all classes away at
        once, the nearest most. 0.1 is a mild softening; b then is never below the exact one.
    reduction : {"sum_over_batch_size", "mean", "sum", "none"}, default "sum_over_batch_size"
        As for every Keras loss; "none" gives a value for each point.
    name : str, default "silhouette_loss"
        Of the loss.
    dtype : str, optional
        Of the value; Keras's default, float32. Computed is in float32 (float64 for float64), since
        the squares of embeddings of half precision overflow.

    Notes
    -----
    ``y_true`` are class numbers, shape (n,) or (n, 1), or one-hot rows, shape (n, classes);
    ``y_pred`` are embeddings, shape (n, d). Numbers keep all their digits, whatever the precision;
    what is no tensor yet may be of any size, and what Keras's ``fit`` hands on under JAX is below
    2^31. NaN or infinity among embeddings or labels makes the loss NaN, and all gradients, so that
    ``TerminateOnNaN`` sees it. The cost is O(n² d), whatever the number of classes.

    The published relative, Soft Silhouette Loss (Todescato and Carbonera 2026, arXiv 2604.08573),
    adds a softened silhouette to the cross-entropy.

    References
    ----------
    Rousseeuw (1987), "Silhouettes: a graphical aid to the interpretation and validation of
    cluster analysis", J. Comput. Appl. Math. 20, 53-65.

    Examples
    --------
    >>> loss = SilhouetteLoss()
    >>> embeddings = [[0.0], [1.0], [4.0], [5.0]]
    >>> round(float(loss([0, 0, 1, 1], embeddings)), 4)
    0.127
    >>> round(float(loss([0, 1, 0, 1], embeddings)), 4)
    0.6875
    """

    def __init__(
        self,
        metric: SilhouetteLossMetric = "euclidean",
        temperature: float = 0.0,
        reduction: str = "sum_over_batch_size",
        name: str = "silhouette_loss",
        dtype: str | None = None,
    ) -> None:
        policy = keras.dtype_policies.get(dtype or keras.config.floatx())
        self._returned: str = policy.compute_dtype
        # Half precision has neither the range for squares nor the digits for row numbers.
        computed = "float64" if self._returned == "float64" else "float32"
        super().__init__(name=name, reduction=reduction, dtype=computed)
        if metric not in get_args(SilhouetteLossMetric):
            raise ValueError(f'metric must be "euclidean" or "sqeuclidean"; got {metric!r}.')
        if not temperature >= 0:
            raise ValueError(f"temperature must be 0 or more; got {temperature!r}.")
        self.metric = metric
        self.temperature = temperature

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the loss of a batch; Keras's own casts labels to the loss's precision first."""
        first = _first_of_class(y_true, self.dtype)
        return ops.cast(super().__call__(first, y_pred, sample_weight), self._returned)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return (1 - S) / 2 of each point, shape (n,)."""
        points = ops.cast(ops.convert_to_tensor(y_pred), self.dtype)
        first = _first_of_class(y_true, self.dtype)
        _check_shapes(first, points)
        return silhouette_losses(ops, points, first, self.metric, self.temperature)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make the same loss."""
        return {
            **super().get_config(),
            "metric": self.metric,
            "temperature": self.temperature,
            "dtype": self._returned,
        }


def _first_of_class(y_true: Any, dtype: str) -> Any:
    """Return for each point the row of its class's first member in the batch, as ``dtype``.

    Rows are few enough for any precision; labels need not be. All are NaN if a label is, or if a
    row that should be one-hot has no single largest number.
    """
    if not (ops.is_tensor(y_true) or isinstance(y_true, keras.KerasTensor)):
        y_true = _numbered(y_true)
    labels = ops.convert_to_tensor(y_true)
    known = ops.all(labels == labels)
    if len(labels.shape) > 1 and labels.shape[-1] != 1:
        largest = labels == ops.max(labels, axis=-1, keepdims=True)
        known = known & ops.all(ops.sum(ops.cast(largest, "int32"), axis=-1) == 1)
        labels = ops.argmax(labels, axis=-1)
    labels = ops.reshape(labels, (-1,))
    same = ops.cast(labels[:, None] == labels[None, :], "int32")
    return ops.where(known, ops.cast(ops.argmax(same, axis=1), dtype), float("nan"))


def _numbered(y_true: Any) -> NDArray[np.int32]:
    """Return class numbers from 0 of labels that are no tensor yet.

    A backend may keep fewer digits of them: JAX takes int64 as int32.
    """
    labels = np.asarray(y_true)
    if labels.dtype.kind not in "biuf":
        raise ValueError(
            f"Labels must be class numbers or one-hot rows; got {labels.dtype}."
            " np.unique(labels, return_inverse=True)[1] makes numbers of names."
        )
    if np.isnan(labels).any():
        raise ValueError(f"Labels contain NaN, at {np.argwhere(np.isnan(labels))[0].tolist()}.")
    if labels.ndim == 2 and labels.shape[1] != 1:
        largest = (labels == labels.max(axis=1, keepdims=True)).sum(axis=1)
        if (largest != 1).any():
            row = int(np.flatnonzero(largest != 1)[0])
            raise ValueError(
                f"Labels of shape {labels.shape} must be one-hot; row {row} is"
                f" {labels[row].tolist()}."
            )
        labels = labels.argmax(axis=1)
    if labels.ndim > 2 or not labels.ndim:
        raise ValueError(
            f"Labels must have shape (n,), (n, 1) or (n, classes); got {labels.shape}."
        )
    return np.unique(labels.ravel(), return_inverse=True)[1].astype(np.int32)


def _check_shapes(first: Any, points: Any) -> None:
    if len(points.shape) != 2:
        raise ValueError(f"Embeddings must have shape (n, d); got {tuple(points.shape)}.")
    labels, n = first.shape[0], points.shape[0]
    if None not in (labels, n) and labels != n:
        raise ValueError(f"There are {labels} labels and {n} embeddings; give one for each.")
