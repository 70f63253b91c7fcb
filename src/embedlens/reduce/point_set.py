"""What t-SNE starts from: features, distances or products, and what it asks of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlens.arrays.checks import as_points, non_finite_error
from embedlens.arrays.gram import as_gram, gram
from embedlens.reduce.neighbors import (
    Neighbors,
    nearest_in_distances,
    nearest_in_gram,
    nearest_points,
)
from embedlens.reduce.pca import PCA


@dataclass(frozen=True)
class PointSet(ABC):
    """A set of points, given by a matrix with a row for each."""

    matrix: NDArray[Any]

    @abstractmethod
    def nearest(self, k: int) -> Neighbors:
        """Return the squared distances and indices of the k nearest other points of each."""

    @abstractmethod
    def nearest_of(self, X: ArrayLike, k: int) -> Neighbors:
        """Return the same of new points."""

    @abstractmethod
    def principal(self, n_components: int, random_state: int) -> NDArray[Any]:
        """Return at most ``n_components`` principal coordinates."""


def point_set(X: ArrayLike, metric: str) -> PointSet:
    """Return the points that ``X`` stands for.

    Raises
    ------
    ValueError
        If the metric is not known, or X is not what it calls for.
    """
    points: PointSet
    if metric == "euclidean":
        points = _features(X)
    elif metric == "cosine":
        points = Directions(_unit(as_points(X)))
    elif metric == "precomputed":
        points = DistanceMatrix(_distances(X))
    elif metric == "gram":
        points = GramMatrix(as_gram(X))
    else:
        raise ValueError(
            f"metric must be 'euclidean', 'cosine', 'precomputed' or 'gram', not {metric!r}."
        )
    if len(points.matrix) < 2:
        raise ValueError(f"t-SNE needs at least two points, got n_samples = {len(points.matrix)}.")
    return points


@dataclass(frozen=True)
class Features(PointSet):
    """Points by their coordinates, under Euclidean distance."""

    def nearest(self, k: int) -> Neighbors:
        """Find the neighbours over blocks of products."""
        return nearest_points(self.matrix, k)

    def nearest_of(self, X: ArrayLike, k: int) -> Neighbors:
        """Find the neighbours of new rows of features."""
        return nearest_points(self.matrix, k, _like(X, self.matrix))

    def principal(self, n_components: int, random_state: int) -> NDArray[Any]:
        """Take the principal components of the features."""
        k = min(n_components, *self.matrix.shape)
        return PCA(k, random_state=random_state).fit_transform(self.matrix)


@dataclass(frozen=True)
class WideFeatures(Features):
    """Points of more coordinates than there are points: one pass makes their Gram matrix."""

    products: NDArray[np.float64]

    def nearest(self, k: int) -> Neighbors:
        """Find the neighbours in the Gram matrix."""
        return nearest_in_gram(self.products, k)

    def principal(self, n_components: int, random_state: int) -> NDArray[Any]:
        """Take the principal coordinates of the Gram matrix."""
        return _principal(self.products, n_components, random_state)


@dataclass(frozen=True)
class Directions(Features):
    """Points of unit length, under cosine distance: half the squared Euclidean distance."""

    def nearest(self, k: int) -> Neighbors:
        """Find the neighbours over blocks of products."""
        return _cosine(nearest_points(self.matrix, k))

    def nearest_of(self, X: ArrayLike, k: int) -> Neighbors:
        """Find the neighbours of new rows of features, of any length."""
        return _cosine(nearest_points(self.matrix, k, _unit(_like(X, self.matrix))))


@dataclass(frozen=True)
class DistanceMatrix(PointSet):
    """Points by their distances."""

    def nearest(self, k: int) -> Neighbors:
        """Find the least distances of each row."""
        return nearest_in_distances(self.matrix, k, skip_self=True)

    def nearest_of(self, X: ArrayLike, k: int) -> Neighbors:
        """Find the least of the distances from new points to these."""
        return nearest_in_distances(_like(_distances(X, square=False), self.matrix), k)

    def principal(self, n_components: int, random_state: int) -> NDArray[Any]:
        """Scale classically: -D²/2, doubly centred, is a Gram matrix."""
        products = -0.5 * np.square(self.matrix, dtype=np.float64)
        return _principal(products, n_components, random_state)


@dataclass(frozen=True)
class GramMatrix(PointSet):
    """Points by their products."""

    def nearest(self, k: int) -> Neighbors:
        """Find the neighbours in the Gram matrix."""
        return nearest_in_gram(self.matrix, k)

    def nearest_of(self, X: ArrayLike, k: int) -> Neighbors:
        """Refuse: products with new points do not tell the new points' lengths."""
        raise ValueError(
            "A map of a Gram matrix cannot place new points: fit on features, or on distances "
            "with metric='precomputed' and give transform the distances to the points fitted."
        )

    def principal(self, n_components: int, random_state: int) -> NDArray[Any]:
        """Take the principal coordinates of the Gram matrix."""
        return _principal(self.matrix, n_components, random_state)


def _features(X: ArrayLike) -> Features:
    X = as_points(X)
    return WideFeatures(X, gram(X, center=True)) if X.shape[1] > X.shape[0] else Features(X)


def _distances(X: ArrayLike, *, square: bool = True) -> NDArray[Any]:
    D = as_points(X)
    if square and D.shape[0] != D.shape[1]:
        raise ValueError(f"A matrix of distances is square; this one has shape {D.shape}.")
    if not np.isfinite(D.sum(dtype=np.float64)):
        raise non_finite_error(D)
    if D.min() < 0:
        raise ValueError(f"Distances cannot be negative; the least of these is {D.min()}.")
    return D


def _like(X: ArrayLike, fitted: NDArray[Any]) -> NDArray[Any]:
    X = as_points(X)
    if X.shape[1] != fitted.shape[1]:
        raise ValueError(
            f"X has {X.shape[1]} columns, but the points fitted call for {fitted.shape[1]}."
        )
    return X


def _unit(X: NDArray[Any]) -> NDArray[Any]:
    X = X.astype(np.result_type(X.dtype, np.float32))
    if not np.isfinite(X.sum(dtype=np.float64)):
        raise non_finite_error(X)
    largest = np.abs(X).max(axis=1, keepdims=True)
    if not largest.all():
        row = int(np.argmin(largest))
        raise ValueError(f"Row {row} is zero and has no direction: remove it, or use 'euclidean'.")
    X /= largest  # lest the squares overflow
    return np.asarray(X / np.linalg.norm(X, axis=1, keepdims=True))


def _cosine(found: Neighbors) -> Neighbors:
    return np.square(found[0] / 2), found[1]


def _principal(G: NDArray[Any], n_components: int, random_state: int) -> NDArray[Any]:
    k = min(n_components, len(G))
    return PCA(k, random_state=random_state).fit_transform_gram(G)
