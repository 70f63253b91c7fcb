"""Sampling by class: shares that no class can be lost from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embedlens.metrics.classes import Classes


def stratified_sample(
    classes: Classes, size: int, weights: NDArray[np.generic], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return ``size`` points, ascending, drawn from each class in proportion to its weight.

    Every class gives at least two points (one, if it has but one) and at most all it has.

    Raises
    ------
    ValueError
        If that is not possible with ``size`` points.
    """
    least = np.minimum(classes.counts, 2)
    n, needed = int(classes.counts.sum()), int(least.sum())
    if not needed <= size <= n:
        raise ValueError(
            f"sample_size must be between {needed}, two points of each of {len(classes.counts)}"
            f" classes (one of those that have one), and {n}, all points; got {size}."
        )
    taken = _shares(classes.counts, least, size, weights.astype(np.float64))
    drawn = [
        rng.choice(classes.order[start : start + count], share, replace=False)
        for start, count, share in zip(classes.starts, classes.counts, taken, strict=False)
    ]
    return np.sort(np.concatenate(drawn))


def _shares(
    counts: NDArray[np.int64],
    least: NDArray[np.int64],
    size: int,
    weights: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Return whole numbers between ``least`` and ``counts`` that sum to ``size``.

    They are nearly proportional to ``weights``, the level of proportion being found by bisection.
    """
    low, high = 0.0, float((counts / weights).max())
    for _ in range(200):
        level = (low + high) / 2
        if np.clip(level * weights, least, counts).sum() < size:
            low = level
        else:
            high = level
    ideal = np.clip(high * weights, least, counts)
    shares = np.floor(ideal).astype(np.int64)
    # The largest remainders are rounded up, the first of equals first.
    room = np.flatnonzero(shares < counts)
    order = room[np.argsort(-(ideal - shares)[room], kind="stable")]
    shares[order[: size - int(shares.sum())]] += 1
    return shares
