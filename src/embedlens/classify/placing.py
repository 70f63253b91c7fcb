"""Where new pictures lie on the maps of a finished study, which stay as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.learn import SilhouetteProjection
from embedlens.reduce import PCA, TSNE
from embedlens.results.measurements import GRAM_LIMIT

Numbers = NDArray[np.floating[Any]]

_BLOCK = 2**24  # numbers looked at at once: 64 MB


def perplexity_of(pictures: int) -> float:
    """Return the perplexity of a study's t-SNE.

    It is scikit-learn's default, and no more than a third of the other pictures.
    """
    return min(30.0, max(1.0, (pictures - 1) / 3))


def reduced_for_tsne(values: Numbers) -> PCA:
    """Return the axes on which t-SNE sees features of more pictures than have a Gram matrix."""
    return PCA(min(50, *values.shape), random_state=0).fit(values)


@dataclass(frozen=True)
class PlacedMaps:
    """The maps of one backbone's features, ready to be given new pictures.

    Attributes
    ----------
    values : ndarray of shape (pictures, d), float32
        The features, perhaps memory-mapped.
    maps : mapping of str to ndarray of shape (pictures, 3)
        Coordinates by the key of the map.
    projection : Path
        Where the fitted silhouette projection is kept; an earlier study has none.
    """

    values: Numbers
    maps: Mapping[str, Numbers]
    projection: Path

    def place(self, new: Numbers) -> dict[str, NDArray[np.float32]]:
        """Return the places of new pictures, (m, 3), on each map that can tell.

        PCA and the silhouette projection move them as they moved the others. t-SNE puts each where
        its own divergence is least, by its nearest among the study's pictures; new pictures do not
        see each other.

        Parameters
        ----------
        new : ndarray of shape (m, d)
            Their features.
        """
        ways = {"pca": self._on_pca, "tsne": self._on_tsne}
        if self.projection.is_file():
            ways["silhouette_projection"] = self._on_projection
        values = np.asarray(new, np.float32)
        return {key: way(values) for key, way in ways.items() if key in self.maps}

    @cached_property
    def _axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The mean, and the axes (d, 3), that made the PCA map.

        With X = U S Vᵀ, centred, the map is Y = U S: so that the axes are Xᵀ Y / S².
        """
        places = np.asarray(self.maps["pca"], np.float64)
        squares = np.square(places).sum(axis=0)
        columns = self.values.shape[1]
        axes, total = np.zeros((columns, places.shape[1])), np.zeros(columns)
        step = max(1, _BLOCK // columns)
        for start in range(0, len(places), step):
            block = np.asarray(self.values[start : start + step], np.float64)
            axes += block.T @ places[start : start + step]
            total += block.sum(axis=0)
        lost = squares <= 1e-12 * squares.max()
        return total / len(places), np.where(lost, 0.0, axes / np.where(lost, 1.0, squares))

    def _on_pca(self, new: Numbers) -> NDArray[np.float32]:
        mean, axes = self._axes
        return np.asarray((new - mean) @ axes, np.float32)

    @cached_property
    def _tsne(self) -> tuple[PCA | None, TSNE]:
        pca = reduced_for_tsne(self.values) if len(self.values) > GRAM_LIMIT else None
        points = self.values if pca is None else pca.transform(self.values)
        perplexity = perplexity_of(len(points))
        return pca, TSNE.of_map(points, self.maps["tsne"], perplexity=perplexity)

    def _on_tsne(self, new: Numbers) -> NDArray[np.float32]:
        pca, tsne = self._tsne
        return tsne.transform(new if pca is None else pca.transform(new))

    def _on_projection(self, new: Numbers) -> NDArray[np.float32]:
        return SilhouetteProjection.load(self.projection).transform(new)
