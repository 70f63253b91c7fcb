"""Training a classifier of several labels on all pictures, and what it can be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.classify.heads import LinearHead
from embedlens.classify.training import FOLDS, coordinates
from embedlens.classify.unknown import UnknownByDistance
from embedlens.learn import LabelProbes
from embedlens.learn.out_of_fold import folds_of
from embedlens.metrics import nearest_neighbors
from embedlens.metrics.calibration import platt_scaling

Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class TrainedLabels:
    """A layer of one logit a label, with its calibration.

    Attributes
    ----------
    head : LinearHead
        Its logits are calibrated.
    labels : tuple of str
        Those that some pictures have and others have not.
    precision, recall : tuple of (float or None)
        Of each label, at a probability of one half, of all pictures out of fold: the share of those
        given it that have it, and of those that have it that are given it. None of no picture.
    unknown : UnknownByDistance
    """

    head: LinearHead
    labels: tuple[str, ...]
    precision: tuple[float | None, ...]
    recall: tuple[float | None, ...]
    unknown: UnknownByDistance

    def facts(self) -> dict[str, Any]:
        """Return all but the head's arrays, as plain JSON."""
        return {
            "labels": list(self.labels), "precision": list(self.precision),
            "recall": list(self.recall), "unknown": asdict(self.unknown),
        }  # fmt: skip

    @classmethod
    def read(cls, arrays: Mapping[str, Numbers], facts: Mapping[str, Any]) -> TrainedLabels:
        """Return what `facts` and the head gave."""
        return cls(
            LinearHead.read(arrays), tuple(facts["labels"]), tuple(facts["precision"]),
            tuple(facts["recall"]), UnknownByDistance(**facts["unknown"]),
        )  # fmt: skip


def train_labels(
    values: Numbers,
    members: NDArray[np.bool_],
    names: Sequence[str],
    watched: NDArray[np.bool_],
    groups: Sequence[str],
) -> TrainedLabels:
    """Train a logistic regression a label, as the study's probes, their strengths chosen on some.

    Calibration and the limit of the unknown are those of probes with these strengths that are each
    trained on four fifths of the pictures and asked of the rest: the layer that is kept has seen
    them all. `platt_scaling` of these answers, a label at a time, is made part of the layer; it
    leaves the order of pictures alone. Precision and recall are by a scaling of the other folds.

    Parameters
    ----------
    values : ndarray of shape (n, d)
        Features.
    members : ndarray of shape (n, labels), bool
        Which labels each picture has.
    names : sequence of str
        Of the labels.
    watched : ndarray of shape (n,), bool
        Pictures on which strengths are chosen; the probes are then trained on them too.
    groups : sequence of str
        What no fold may part.
    """
    learned = np.asarray(members.any(axis=0) & ~members.all(axis=0))
    members = members[:, learned]
    points, basis = coordinates(values)
    probes = LabelProbes().fit(
        points[~watched], members[~watched], validation=(points[watched], members[watched])
    )
    fold_of = _folds(members, groups)
    logits, nearest = _out_of_fold(points, members, fold_of, probes.strengths_)
    scalings = [_scaling(own, has) for own, has in zip(logits.T, members.T, strict=True)]
    slopes, intercepts = np.array(scalings).reshape(-1, 2).T
    layer = LinearHead.of(probes, basis)
    precision, recall = _at_one_half(logits, members, fold_of)
    return TrainedLabels(
        LinearHead(
            (layer.kernel * slopes).astype(np.float32),
            (layer.bias * slopes + intercepts).astype(np.float32),
        ),
        tuple(name for name, is_told in zip(names, learned.tolist(), strict=True) if is_told),
        precision,
        recall,
        UnknownByDistance.of(nearest),
    )


def _folds(members: NDArray[np.bool_], groups: Sequence[str]) -> NDArray[np.int64]:
    """Return the fold of each picture; folds share lists of labels evenly, as they do classes."""
    _, lists = np.unique(members, axis=0, return_inverse=True)
    return folds_of(lists.ravel(), groups, FOLDS, 0)


def _scaling(logits: NDArray[np.float64], has: NDArray[np.bool_]) -> tuple[float, float]:
    told = ~np.isnan(logits)
    return platt_scaling(logits[told], has[told])


def _at_one_half(
    logits: NDArray[np.float64], members: NDArray[np.bool_], fold_of: NDArray[np.int64]
) -> tuple[tuple[float | None, ...], tuple[float | None, ...]]:
    """Return precision and recall of each label, by scalings that have not seen the pictures."""
    given = np.zeros(members.shape, bool)
    for fold in np.unique(fold_of):
        held, rest = fold_of == fold, fold_of != fold
        for label in range(members.shape[1]):
            slope, intercept = _scaling(logits[rest, label], members[rest, label])
            given[held, label] = logits[held, label] * slope + intercept >= 0
    right = (given & members).sum(axis=0)
    return _shares(right, given.sum(axis=0)), _shares(right, members.sum(axis=0))


def _shares(right: NDArray[np.int64], of: NDArray[np.int64]) -> tuple[float | None, ...]:
    both = zip(right.tolist(), of.tolist(), strict=True)
    return tuple(one / all_ if all_ else None for one, all_ in both)


def _out_of_fold(
    values: Numbers,
    members: NDArray[np.bool_],
    fold_of: NDArray[np.int64],
    strengths: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return logits, NaN where others have nothing to learn a label by, and distances."""
    logits, nearest = np.full(members.shape, np.nan), np.ones(len(values))
    for fold in np.unique(fold_of):
        held, rest = fold_of == fold, fold_of != fold
        if not rest.any():
            continue
        probes = LabelProbes().fit_at(values[rest], members[rest], strengths)
        told = LinearHead.of(probes).scores(values[held])
        logits[held] = np.where(probes.learned_, told, np.nan)
        near, _ = nearest_neighbors(values[rest], 1, metric="cosine", queries=values[held])
        nearest[held] = near[:, 0]
    return logits, nearest
