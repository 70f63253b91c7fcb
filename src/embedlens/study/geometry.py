"""The features as everything after embedding uses them: points, and their Gram matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from embedlens.reduce import gram
from embedlens.results.measurements import GRAM_LIMIT


@dataclass(frozen=True)
class Geometry:
    """Points and their inner products.

    Attributes
    ----------
    points : ndarray of shape (pictures, columns)
        The features, or coordinates with the very same inner products and fewer columns.
    gram : ndarray of shape (pictures, pictures) or None
        Their inner products; None where there are too many pictures for it.
    """

    points: NDArray[np.floating[Any]]
    gram: NDArray[np.floating[Any]] | None


def measure_geometry(values: NDArray[np.floating[Any]]) -> Geometry:
    """Compute the Gram matrix and, where features outnumber pictures, coordinates from it.

    The eigenvectors of a Gram matrix, each times the root of its eigenvalue, are points with the
    same inner products as the features: a rotation of them, without the directions in which no
    picture lies. Linear heads, neighbours and distances cannot tell the two apart.
    """
    pictures, columns = values.shape
    if pictures > GRAM_LIMIT:
        return Geometry(values, None)
    products = gram(values)
    if columns <= pictures:
        return Geometry(np.asarray(values), products)
    eigenvalues, vectors = scipy.linalg.eigh(products)
    points = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))
    return Geometry(points.astype(np.float32), products)
