"""Whether a map uses the dimensions that it has."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def is_flat(points: NDArray[np.floating[Any]]) -> bool:
    """Return whether points lie in fewer dimensions than they have: a plane, a line, a place.

    Of the principal axes, which do not depend on how the map is turned, the narrowest then has
    under 1% of the standard deviation of the widest. Under 5 points it is no wonder and not said.

    Parameters
    ----------
    points : ndarray of shape (n, dimensions)
        Coordinates.

    Examples
    --------
    >>> line = np.arange(6.0)[:, None] * [1.0, 2.0, 3.0]
    >>> is_flat(line), is_flat(np.random.default_rng(0).normal(size=(6, 3)))
    (True, False)
    """
    if len(points) < 5:
        return False
    centred = np.asarray(points, np.float64) - points.mean(axis=0)
    spread = np.linalg.svd(centred, compute_uv=False)
    return bool(spread[-1] <= 0.01 * spread[0])
