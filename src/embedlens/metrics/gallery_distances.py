"""Squared distances of queries from a gallery: products in float64, the rest in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from embedlens.arrays.kernel import kernel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_ROUNDING = 1e-12  # of float64, in a sum of thousands of products


def gallery_distances(
    queries: NDArray[Any],
    gallery: NDArray[Any],
    centre: NDArray[np.float64],
    unit: float,
    blocks: Iterable[slice],
) -> NDArray[np.float32]:
    """Return squared distances, from a centre near all: far from it differences would drown.

    Parameters
    ----------
    queries, gallery : ndarray of shape (m, d) and (n, d)
        Points, which ``unit`` is multiplied with first.
    centre : ndarray of shape (d,)
        In those units.
    unit : float
        A power of two.
    blocks : iterable of slice
        Parts of the gallery, so small that their products fit into memory.

    Returns
    -------
    ndarray of shape (m, n), float32
        0 where float64 does not tell two points apart.
    """
    asked = queries * unit - centre
    own = np.einsum("ij,ij->i", asked, asked)
    found = np.empty((len(queries), len(gallery)), np.float32)
    for block in blocks:
        points = gallery[block] * unit - centre
        lengths = np.einsum("ij,ij->i", points, points)
        _apart(asked @ points.T, own, lengths, found, block.start)
    return found


@kernel()
def _apart(
    products: NDArray[np.float64],
    own: NDArray[np.float64],
    lengths: NDArray[np.float64],
    found: NDArray[np.float32],
    first: int,
) -> None:
    for i in range(len(own)):
        row = found[i, first : first + len(lengths)]
        for j in range(len(lengths)):
            length = own[i] + lengths[j]
            far = length - 2.0 * products[i, j]
            row[j] = far if far > _ROUNDING * length else 0.0
