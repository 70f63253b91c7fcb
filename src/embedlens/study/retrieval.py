"""What test pictures find, as queries, among the pictures that are not tested."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.images import ImageSet
from embedlens.metrics.retrieval import Retrieved, retrieve
from embedlens.results.measurements import Measurements

QUERIES = 1_000
"""Of each split: more say little more, and each is compared with the whole gallery."""


def measure_retrieval(
    points: NDArray[np.floating[Any]], split: ImageSet, repeat: int, seed: int
) -> Measurements:
    """Ask for each test picture among training and validation pictures, by Euclidean distance.

    Of more than `QUERIES` test pictures so many are drawn. The gallery is whole.

    Parameters
    ----------
    points : ndarray of shape (pictures, d)
        Features, or points with the same distances.
    split : ImageSet
        The pictures as this repeat splits them.
    repeat, seed : int
        Which one, and of the draw.
    """
    gallery, queries = split.where(["train", "validation"]), drawn_queries(split, repeat, seed)
    if not len(queries):
        return Measurements()
    found = retrieve(points[gallery], split.labels[gallery], points[queries], split.labels[queries])
    return told_queries(found, queries, repeat)


def drawn_queries(
    split: ImageSet, repeat: int, seed: int, asked: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Return the rows of test pictures that are asked for, `QUERIES` of them where there are more.

    Parameters
    ----------
    split, repeat, seed
        As for `measure_retrieval`.
    asked : ndarray of shape (pictures,), bool, optional
        Which may be; by default all.
    """
    queries = split.where("test")
    queries = queries if asked is None else queries[asked[queries]]
    if len(queries) > QUERIES:
        rng = np.random.default_rng([seed, repeat])
        queries = np.sort(rng.choice(queries, QUERIES, replace=False))
    return queries


def told_queries(found: Retrieved, queries: NDArray[np.int64], repeat: int) -> Measurements:
    """Return what queries found, by their rows."""
    rows = pd.DataFrame(
        {
            "repeat": repeat,
            "picture": queries,
            "first": found.first,
            "average_precision": found.average_precision,
        }
    )
    return Measurements(retrievals=(rows,))
