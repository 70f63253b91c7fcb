"""The silhouette as a loss: how far a batch is from tight classes that lie far apart."""

from __future__ import annotations

from typing import Any, Literal, get_args

from embedlens.backbones.keras_backend import import_keras

keras = import_keras()
ops = keras.ops

SilhouetteLossMetric = Literal["euclidean", "sqeuclidean"]

# Squared distances below this share of the squared radii they are computed from are rounding.
_RESOLUTION = 1e-6


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
        To compute in; Keras's default, float32.

    Notes
    -----
    ``y_true`` are class numbers, shape (n,) or (n, 1), or one-hot rows, shape (n, classes);
    ``y_pred`` are embeddings, shape (n, d). The cost is O(n² d), whatever the number of classes.

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
    0.6806
    """

    def __init__(
        self,
        metric: SilhouetteLossMetric = "euclidean",
        temperature: float = 0.0,
        reduction: str = "sum_over_batch_size",
        name: str = "silhouette_loss",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if metric not in get_args(SilhouetteLossMetric):
            raise ValueError(f'metric must be "euclidean" or "sqeuclidean"; got {metric!r}.')
        if not temperature >= 0:
            raise ValueError(f"temperature must be 0 or more; got {temperature!r}.")
        self.metric = metric
        self.temperature = temperature

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return (1 - S) / 2 of each point, shape (n,)."""
        first = _first_of_class(y_true)
        same = first[:, None] == first[None, :]
        distances = _squared_distances(y_pred, first, same)
        if self.metric == "euclidean":
            distances = _root(distances)
        n = ops.shape(y_pred)[0]
        # Row c is the class whose first member is point c; other rows are empty.
        members = _sums(ops.ones_like(distances[:, 0]), first, n)
        sums = _sums(distances, first, n)
        counts = ops.take(members, first)
        own = ops.take_along_axis(sums, first[None, :], axis=0)[0]
        a = own / ops.maximum(counts - 1, 1)
        means = sums / ops.maximum(members, 1)[:, None]
        rivals = (members > 0)[:, None] & (ops.arange(n)[:, None] != first[None, :])
        b = self._rival(means, rivals)
        defined = (counts > 1) & ops.any(rivals, axis=0) & (ops.maximum(a, b) > 0)
        larger = ops.where(defined, ops.maximum(a, b), 1)
        return 0.5 - 0.5 * ops.where(defined, b - a, 0) / larger

    def _rival(self, means: Any, rivals: Any) -> Any:
        """Return b: the least mean distance to a rival class, or a soft minimum of them."""
        if self.temperature == 0:
            nearest = ops.argmin(ops.where(rivals, means, float("inf")), axis=0)
            return ops.take_along_axis(means, nearest[None, :], axis=0)[0]
        inside = ops.cast(rivals, means.dtype)
        typical = ops.sum(means * inside, axis=0) / ops.maximum(ops.sum(inside, axis=0), 1)
        unit = self.temperature * ops.where(typical > 0, typical, 1)
        weights = ops.softmax(ops.where(rivals, -means / unit, -1e30), axis=0)
        return ops.sum(weights * means, axis=0)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make the same loss."""
        return {**super().get_config(), "metric": self.metric, "temperature": self.temperature}


def _first_of_class(y_true: Any) -> Any:
    """Return for each point the row of its class's first member in the batch."""
    y_true = ops.convert_to_tensor(y_true)
    if len(y_true.shape) > 1 and y_true.shape[-1] != 1:
        y_true = ops.argmax(y_true, axis=-1)
    labels = ops.reshape(y_true, (-1,))
    same = ops.cast(labels[:, None] == labels[None, :], "int32")
    return ops.cast(ops.argmax(same, axis=1), "int32")


def _squared_distances(points: Any, first: Any, same: Any) -> Any:
    """Return squared Euclidean distances, precise within classes however far these lie apart.

    Expanding |x - y|² loses the digits of distances that are small beside |x|, which those within
    a tight class are: so they are computed from each point's offset to its class's mean.
    """
    n = ops.shape(points)[0]
    points = points - ops.mean(points, axis=0)
    members = _sums(ops.ones_like(points[:, :1]), first, n)
    means = _sums(points, first, n) / ops.maximum(members, 1)
    offsets = points - ops.take(means, first, axis=0)
    squared = ops.where(same, _expanded(offsets), _expanded(points))
    return ops.where(ops.eye(n, dtype="bool"), 0, squared)


def _expanded(points: Any) -> Any:
    norms = ops.sum(ops.square(points), axis=1)
    radii = norms[:, None] + norms[None, :]
    squared = radii - 2 * ops.matmul(points, ops.transpose(points))
    return ops.where(squared > _RESOLUTION * radii, squared, 0)


def _root(squared: Any) -> Any:
    """Return the square root, of gradient 0 at 0."""
    positive = squared > 0
    return ops.where(positive, ops.sqrt(ops.where(positive, squared, 1)), 0)


def _sums(values: Any, segments: Any, number: Any) -> Any:
    return ops.segment_sum(values, segments, num_segments=number)
