"""Labels that are likely wrong or missing, where pictures have several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedlens.curation.finding import Finding
from embedlens.curation.neighborhood import Neighborhood
from embedlens.curation.suspect_labels import SURE, percent
from embedlens.images import ImageSet
from embedlens.images.listing import LABEL_JOINT
from embedlens.learn import LabelProbes
from embedlens.learn.out_of_fold import folds_of
from embedlens.metrics.label_noise import label_noise

# As for classes: at this strength a wrong label is not learnt by heart.
_STRENGTH = 3e-2
_FOLDS = 5
# Fewer groups that have a label, or lack it, say too little of who should.
_LEAST = 5


@dataclass(frozen=True)
class DoubtedLabels:
    """Labels that a picture has and likely should not have, or lacks and likely should have.

    Attributes
    ----------
    rows : ndarray of shape (m,), int64
        Pictures, the likeliest wrong first.
    labels : ndarray of shape (m,), int64
        The label of each that is in doubt.
    wrong : ndarray of shape (m,), float64
        Probability that what is said of it is wrong, given how good the witnesses are.
    shares : ndarray of shape (m,), float64
        The probe's probability that the picture has the label.
    votes : ndarray of shape (m,), float64
        The share of its nearest neighbours that have it.
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    wrong: NDArray[np.float64]
    shares: NDArray[np.float64]
    votes: NDArray[np.float64]


def suspect_label_sets(
    features: NDArray[np.floating],
    members: NDArray[np.bool_],
    groups: Sequence[str],
    seed: int = 0,
    near: Neighborhood | None = None,
) -> DoubtedLabels:
    """Find labels that are likelier wrong than not, each by itself, and likely missing ones.

    Witnesses are those of `suspect_labels`: logistic regressions that have not seen the picture,
    and its nearest neighbours; `label_noise` says of each label, told from its absence, what they
    are worth. A label that fewer than five groups have, or lack, is not judged.

    Parameters
    ----------
    features : ndarray of shape (n, d)
        Of a backbone.
    members : ndarray of shape (n, labels), bool
        Which labels each picture has.
    groups : sequence of str
        Copies of a picture, pictures of one patient, which must not tell of each other.
    seed : int, default 0
        Of the folds.
    near : Neighborhood, optional
        Of the features, where it is known.

    Raises
    ------
    ValueError
        If the features hold NaN or infinity.
    """
    near = near or Neighborhood.of(features)
    names = np.unique(np.asarray(groups), return_inverse=True)[1]
    shares = _out_of_fold(features, members, names, seed)
    votes, voters = _votes(near, members, names)
    found = []
    for label in _judgeable(members, names):
        asked = np.flatnonzero(np.isfinite(shares[:, label]))
        if not len(asked):
            continue
        has = members[asked, label]
        # Of a few neighbours that agree, another one may not: as many as usual of one more have it.
        heard = voters[asked]
        smoothed = (votes[asked, label] * heard + has.mean()) / (heard + 1)
        witnesses = (np.stack([1 - p, p], axis=1) for p in (shares[asked, label], smoothed))
        prior = (1 - has.mean(), has.mean())
        wrong = label_noise(has.astype(np.int64), *witnesses, prior=prior).wrong
        found += [
            (-float(wrong[at]), int(asked[at]), label) for at in np.flatnonzero(wrong >= SURE)
        ]
    found.sort()
    rows = np.array([row for _, row, _ in found], np.int64)
    labels = np.array([label for *_, label in found], np.int64)
    wrong = np.array([-each for each, *_ in found], np.float64)
    return DoubtedLabels(rows, labels, wrong, shares[rows, labels], votes[rows, labels])


def describe_doubted(
    images: ImageSet, names: Sequence[str], members: NDArray[np.bool_], doubted: DoubtedLabels
) -> Iterator[Finding]:
    """Say of each which label is given wrongly, or missing, and what the picture's would be."""
    for row, label, wrong, share, votes in zip(
        doubted.rows.tolist(), doubted.labels.tolist(), doubted.wrong, doubted.shares,
        doubted.votes, strict=True,
    ):  # fmt: skip
        name, given = names[label], bool(members[row, label])
        mended = members[row].copy()
        mended[label] = not given
        said = f"{name} is {'given, probably wrongly' if given else 'missing, probably'}"
        yield Finding(
            "suspect label" if given else "missing label",
            str(images.paths[row]),
            f"{said} (with a probability of {percent(wrong)}); a linear probe gives it "
            f"{percent(share)}, and {votes:.0%} of its nearest pictures have it",
            f"look at it; if {name} is {'not ' if given else ''}there, "
            f"{'take the label away' if given else 'add the label'}",
            str(images.labels[row]),
            str(images.splits[row]),
            suggested=LABEL_JOINT.join(names[i] for i in np.flatnonzero(mended).tolist()),
            score=float(wrong),
        )


def _judgeable(members: NDArray[np.bool_], names: NDArray[np.int64]) -> list[int]:
    """Return the labels that enough groups have, and enough lack."""
    return [
        label
        for label, has in enumerate(members.T)
        if min(len(np.unique(names[has])), len(np.unique(names[~has]))) >= _LEAST
    ]


def _out_of_fold(
    features: NDArray[np.floating],
    members: NDArray[np.bool_],
    names: NDArray[np.int64],
    seed: int,
) -> NDArray[np.float64]:
    """Return the probability of each label by probes of the other folds; NaN of what none learned.

    Folds have each list of labels in proportion.
    """
    shares = np.full(members.shape, np.nan)
    lists = np.unique(members, axis=0, return_inverse=True)[1].ravel()
    fold_of = folds_of(lists, names.astype(str).tolist(), _FOLDS, seed)
    strengths = np.full(members.shape[1], _STRENGTH)
    for fold in np.unique(fold_of):
        held, others = fold_of == fold, fold_of != fold
        if others.any():
            probes = LabelProbes().fit_at(features[others], members[others], strengths)
            shares[held] = probes.predict_proba(features[held])
    return shares


def _votes(
    near: Neighborhood, members: NDArray[np.bool_], names: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the share of neighbours with each label, copies left out, and how many vote."""
    heard = names[:, None] != names[near.indices]
    voters = heard.sum(axis=1)
    counts = np.zeros(members.shape)
    for column in range(near.indices.shape[1]):  # one neighbour at a time, to spare memory
        counts += members[near.indices[:, column]] & heard[:, [column]]
    return counts / np.maximum(voters, 1)[:, None], voters.astype(np.int64)
