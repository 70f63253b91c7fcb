"""The silhouette of a batch as a loss, one formula for every framework that trains by it.

``ops`` are the operations of a framework under the names of ``keras.ops``: those of Keras on any
backend, or `torch_silhouette`'s. `SilhouetteLoss` says what is computed.
"""

from __future__ import annotations

from typing import Any

# Squared distances below this share of the squared radii they are computed from are rounding.
_RESOLUTION = 1e-6


def silhouette_losses(
    ops: Any, points: Any, first: Any, metric: str = "euclidean", temperature: float = 0.0
) -> Any:
    """Return (1 - S) / 2 of each point.

    Parameters
    ----------
    ops : module or namespace
        Operations of the framework that the tensors are of.
    points : tensor of shape (n, d), float32 or float64
        Embeddings.
    first : tensor of shape (n,), of the type of ``points``
        For each point the row of its class's first member in the batch; NaN where no class is
        known.
    metric : {"euclidean", "sqeuclidean"}, default "euclidean"
        As for `SilhouetteLoss`.
    temperature : float, default 0.0
        As for `SilhouetteLoss`.

    Returns
    -------
    tensor of shape (n,)
        NaN, and all gradients, if a number of ``points`` or ``first`` is not finite.
    """
    # NaN of weight and points alike: the gradient of what is masked would be 0.
    known = ops.all(ops.isfinite(points)) & ops.all(ops.isfinite(first))
    nothing = ops.sum(points * ops.where(known, 0.0, float("nan")), axis=1)
    # NaN has no integer: TensorFlow makes it a row number that it then refuses to look up.
    rows = ops.cast(ops.where(known, first, 0), "int32")
    return _losses(ops, points, rows, metric, temperature) + nothing


def _losses(ops: Any, points: Any, first: Any, metric: str, temperature: float) -> Any:
    same = first[:, None] == first[None, :]
    distances = _squared_distances(ops, points, first, same)
    if metric == "euclidean":
        distances = _root(ops, distances)
    n = ops.shape(points)[0]
    # Row c is the class whose first member is point c; other rows are empty.
    members = _sums(ops, ops.ones_like(distances[:, 0]), first, n)
    sums = _sums(ops, distances, first, n)
    counts = ops.take(members, first, axis=0)
    own = ops.take_along_axis(sums, first[None, :], axis=0)[0]
    a = own / ops.where(counts > 1, counts - 1, 1)
    means = sums / ops.where(members > 0, members, 1)[:, None]
    rivals = (members > 0)[:, None] & (ops.arange(n)[:, None] != first[None, :])
    b = _rival(ops, means, rivals, temperature)
    larger = ops.maximum(a, b)
    defined = (counts > 1) & ops.any(rivals, axis=0) & (larger > 0)
    return 0.5 - 0.5 * ops.where(defined, b - a, 0) / ops.where(defined, larger, 1)


def _rival(ops: Any, means: Any, rivals: Any, temperature: float) -> Any:
    """Return b: the least mean distance to a rival class, or a soft minimum of them."""
    if temperature == 0:
        nearest = ops.argmin(ops.where(rivals, means, float("inf")), axis=0)
        return ops.take_along_axis(means, nearest[None, :], axis=0)[0]
    number = ops.sum(ops.cast(rivals, means.dtype), axis=0)
    typical = ops.sum(ops.where(rivals, means, 0), axis=0) / ops.where(number > 0, number, 1)
    unit = temperature * ops.where(typical > 0, typical, 1)
    weights = ops.softmax(ops.where(rivals, -means / unit, -1e30), axis=0)
    return ops.sum(weights * means, axis=0)


def _squared_distances(ops: Any, points: Any, first: Any, same: Any) -> Any:
    """Return squared Euclidean distances, precise within classes however far these lie apart.

    Expanding |x - y|² loses the digits of distances that are small beside |x|, which those within
    a tight class are: so they are computed from each point's offset to its class's mean.
    """
    n = ops.shape(points)[0]
    # Divided before they are added up, which large numbers would not survive the other way round.
    points = points - ops.sum(points / ops.sum(ops.ones_like(points[:, 0])), axis=0)
    # A silhouette has no scale, so that dividing by a constant leaves loss and gradient alone, and
    # squares of numbers near 1 neither overflow nor vanish.
    reach = ops.stop_gradient(ops.max(ops.abs(points)))
    points = points / ops.where(reach > 0, reach, 1)
    members = _sums(ops, ops.ones_like(points[:, :1]), first, n)
    means = _sums(ops, points, first, n) / ops.where(members > 0, members, 1)
    offsets = points - ops.take(means, first, axis=0)
    squared = ops.where(same, _expanded(ops, offsets), _expanded(ops, points))
    return ops.where(ops.eye(n, dtype="bool"), 0, squared)


def _expanded(ops: Any, points: Any) -> Any:
    norms = ops.sum(ops.square(points), axis=1)
    radii = norms[:, None] + norms[None, :]
    squared = radii - 2 * ops.matmul(points, ops.transpose(points))
    return ops.where(squared > _RESOLUTION * radii, squared, 0)


def _root(ops: Any, squared: Any) -> Any:
    """Return the square root, of gradient 0 at 0."""
    positive = squared > 0
    return ops.where(positive, ops.sqrt(ops.where(positive, squared, 1)), 0)


def _sums(ops: Any, values: Any, segments: Any, number: Any) -> Any:
    return ops.segment_sum(values, segments, num_segments=number)
