"""Labels that are likely wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedlens.curation.finding import Finding
from embedlens.images import ImageSet
from embedlens.learn.out_of_fold import out_of_fold
from embedlens.metrics import nearest_neighbors
from embedlens.metrics.label_errors import confident_learning

NEIGHBORS = 10


@dataclass(frozen=True)
class SuspectLabels:
    """Labels that two witnesses speak against: a head and the neighbours.

    Attributes
    ----------
    rows : ndarray of shape (m,), int64
        Pictures, the most suspect first.
    suggested : ndarray of shape (m,), int64
        The class of each instead.
    confidence : ndarray of shape (m,), float64
        The head's probability of that class.
    votes : ndarray of shape (m,), float64
        The share of its 10 nearest neighbours that are labelled so.
    """

    rows: NDArray[np.int64]
    suggested: NDArray[np.int64]
    confidence: NDArray[np.float64]
    votes: NDArray[np.float64]


def suspect_labels(
    features: NDArray[np.floating],
    codes: NDArray[np.int64],
    groups: Sequence[str] | None = None,
    seed: int = 0,
) -> SuspectLabels:
    """Find labels that are likely wrong.

    A label is suspect if a linear probe that has not seen the picture speaks against it and the
    neighbours do too: either confident learning counts the picture under another class and more
    neighbours bear that class than the label, or another class is the probe's likeliest and more
    than half of the neighbours bear it. The first finds mistakes between classes that are hard to
    tell apart, the second those that the first is too careful for; neither witness alone is as
    precise (benchmarks/suspect_labels.py).

    Parameters
    ----------
    features : ndarray of shape (n, d)
        Of a backbone.
    codes : ndarray of shape (n,), int64
        Classes, 0 to k - 1.
    groups : sequence of str, optional
        Copies of a picture, which must not tell of each other.
    seed : int, default 0
        Of the folds.

    Returns
    -------
    SuspectLabels
    """
    shares = out_of_fold(features, codes, groups, strength=3e-2, seed=seed)
    errors = confident_learning(codes, shares)
    likeliest = shares.argmax(axis=1)
    suggested = np.where(errors.suspect, errors.suggested, likeliest)
    votes, own = _votes(features, codes, suggested)
    agreed = errors.suspect & (votes > own)
    outvoted = (likeliest != codes) & (likeliest == suggested) & (votes > 0.5)
    rows = np.flatnonzero(agreed | outvoted)
    confidence = shares[rows, suggested[rows]]
    order = np.lexsort((rows, -(confidence - shares[rows, codes[rows]] + votes[rows] - own[rows])))
    rows = rows[order]
    return SuspectLabels(rows, suggested[rows], confidence[order], votes[rows])


def describe_suspects(images: ImageSet, suspects: SuspectLabels) -> Iterator[Finding]:
    """Say of each which label it has and which it seems to be."""
    for row, suggested, confidence, votes in zip(
        suspects.rows, suspects.suggested, suspects.confidence, suspects.votes, strict=True
    ):
        name = images.classes[suggested]
        yield Finding(
            "suspect label",
            str(images.paths[row]),
            f"labelled {images.labels[row]}; a linear probe says {name} ({confidence:.0%}), and so "
            f"do {votes:.0%} of its nearest pictures",
            f"look at it; if it is {name}, move it there",
            str(images.labels[row]),
            str(images.splits[row]),
            suggested=name,
            score=float(confidence + votes) / 2,
        )


def _votes(
    features: NDArray[np.floating], codes: NDArray[np.int64], suggested: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the shares of neighbours that bear the suggested class, and the label."""
    k = min(NEIGHBORS, len(codes) - 1)
    _, neighbors = nearest_neighbors(features, k, metric="cosine")
    near = codes[neighbors]
    return (near == suggested[:, None]).mean(axis=1), (near == codes[:, None]).mean(axis=1)
