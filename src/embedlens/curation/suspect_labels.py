"""Labels that are likely wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedlens.curation.finding import Finding
from embedlens.curation.neighborhood import Neighborhood
from embedlens.images import ImageSet
from embedlens.learn.out_of_fold import out_of_fold
from embedlens.metrics.label_errors import confident_learning
from embedlens.metrics.label_noise import label_noise

SURE = 0.5
"""A label is called wrong from this probability on; below it is a label that may be wrong."""
WORTH_A_LOOK = 0.01
"""Below this probability a label is not named, whoever speaks against it."""


@dataclass(frozen=True)
class SuspectLabels:
    """Labels that two witnesses speak against: a head and the neighbours.

    Attributes
    ----------
    rows : ndarray of shape (m,), int64
        Pictures, the likeliest wrong first.
    suggested : ndarray of shape (m,), int64
        The class of each instead.
    wrong : ndarray of shape (m,), float64
        Probability that its label is wrong, given how good the witnesses are on this set.
    confidence : ndarray of shape (m,), float64
        The head's probability of the class suggested.
    votes : ndarray of shape (m,), float64
        The share of its nearest neighbours that are labelled so.
    """

    rows: NDArray[np.int64]
    suggested: NDArray[np.int64]
    wrong: NDArray[np.float64]
    confidence: NDArray[np.float64]
    votes: NDArray[np.float64]


def suspect_labels(
    features: NDArray[np.floating],
    codes: NDArray[np.int64],
    groups: Sequence[str] | None = None,
    seed: int = 0,
    near: Neighborhood | None = None,
) -> SuspectLabels:
    """Find labels that are likely wrong, and how likely each is.

    Witnesses are a linear probe that has not seen the picture and its nearest neighbours; what they
    are worth together is estimated on the set itself (`label_noise`). Listed are labels that are
    likelier wrong than not, and less likely ones, from 1% on, that both speak against: confident
    learning counts the picture under another class and more neighbours bear that class than the
    label, or another class is the probe's likeliest and more than half of the neighbours bear it.

    Parameters
    ----------
    features : ndarray of shape (n, d)
        Of a backbone.
    codes : ndarray of shape (n,), int64
        Classes, 0 to k - 1.
    groups : sequence of str, optional
        Copies of a picture, pictures of one patient, which must not tell of each other. A picture
        whose class no other group has cannot be judged.
    seed : int, default 0
        Of the folds.
    near : Neighborhood, optional
        Of the features, where it is known.

    Returns
    -------
    SuspectLabels

    Raises
    ------
    ValueError
        If the features hold NaN or infinity.
    """
    near = near or Neighborhood.of(features)
    codes = np.asarray(codes)
    names = np.arange(len(codes)) if groups is None else np.asarray(groups)
    shares = out_of_fold(features, codes, groups, strength=3e-2, seed=seed)
    votes, voters = _votes(near, codes, names, shares.shape[1])
    judged = np.flatnonzero(shares[np.arange(len(codes)), codes] > 0)
    if not len(judged) or shares.shape[1] < 2:
        rows, none = np.empty(0, np.int64), np.empty(0)
        return SuspectLabels(rows, rows, none, none, none)
    shares, votes, own = shares[judged], votes[judged], codes[judged]
    # Of a few neighbours that agree, another one may not: a vote is spread over all classes.
    smoothed = (votes * voters[judged, None] + 1 / votes.shape[1]) / (voters[judged, None] + 1)
    noise = label_noise(own, shares, smoothed)
    spoken, suggested = _spoken_against(own, shares, votes)
    sure = noise.wrong >= SURE
    suggested = np.where(sure, noise.suggested, suggested)
    at = np.flatnonzero(sure | (spoken & (noise.wrong >= WORTH_A_LOOK)))
    at = at[np.lexsort((at, -noise.wrong[at]))]
    return SuspectLabels(
        judged[at].astype(np.int64),
        suggested[at],
        noise.wrong[at],
        shares[at, suggested[at]],
        votes[at, suggested[at]],
    )


def describe_suspects(images: ImageSet, suspects: SuspectLabels) -> Iterator[Finding]:
    """Say of each which label it has, which it seems to be, and how likely it is wrong."""
    for row, suggested, wrong, confidence, votes in zip(
        suspects.rows, suspects.suggested, suspects.wrong, suspects.confidence, suspects.votes,
        strict=True,
    ):  # fmt: skip
        name = images.classes[suggested]
        yield Finding(
            "suspect label" if wrong >= SURE else "doubtful label",
            str(images.paths[row]),
            f"labelled {images.labels[row]}, wrongly with a probability of {percent(wrong)}; a "
            f"linear probe says {name} ({percent(confidence)}), and so do {votes:.0%} of its "
            "nearest pictures",
            f"look at it; if it is {name}, move it there",
            str(images.labels[row]),
            str(images.splits[row]),
            suggested=name,
            score=float(wrong),
        )


def percent(share: float) -> str:
    """Write a probability; none is quite sure."""
    if share < 0.005:
        return "under 1%"
    return "over 99%" if share > 0.995 else f"{share:.0%}"


def _spoken_against(
    codes: NDArray[np.int64], shares: NDArray[np.float64], votes: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return whether both witnesses speak against each label, and the class they speak for."""
    rows = np.arange(len(codes))
    errors = confident_learning(codes, shares)
    likeliest = shares.argmax(axis=1)
    suggested = np.where(errors.suspect, errors.suggested, likeliest).astype(np.int64)
    agreed = errors.suspect & (votes[rows, suggested] > votes[rows, codes])
    outvoted = (likeliest != codes) & (likeliest == suggested) & (votes[rows, suggested] > 0.5)
    return agreed | outvoted, suggested


def _votes(
    near: Neighborhood, codes: NDArray[np.int64], names: NDArray[np.generic], classes: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the shares of neighbours by class, copies left out, and how many neighbours vote."""
    n, k = near.indices.shape
    row = np.repeat(np.arange(n), k)
    heard = names[row] != names[near.indices.ravel()]
    row, voter = row[heard], near.indices.ravel()[heard]
    counts = np.zeros((n, classes))
    np.add.at(counts, (row, codes[voter]), 1)
    voters = counts.sum(axis=1)
    return counts / np.maximum(voters, 1)[:, None], voters.astype(np.int64)
