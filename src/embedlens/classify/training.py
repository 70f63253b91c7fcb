"""Training a classifier on all labelled pictures, and what it can be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from embedlens.classify.heads import HEADS, LEAST, Head, LinearHead, NeighborsHead, TunedHead
from embedlens.classify.unknown import Unknown, distances_to_class
from embedlens.errors import EmbedlensError
from embedlens.learn import LinearProbe, NeighborsProbe
from embedlens.learn.out_of_fold import FEW, folds_of, out_of_fold_anew
from embedlens.learn.softmax_regression import Coordinates
from embedlens.metrics import nearest_neighbors
from embedlens.metrics.calibration import at_temperature, conformal_threshold, temperature
from embedlens.reduce import gram
from embedlens.results.measurements import GRAM_LIMIT
from embedlens.results.vocabulary import CALIBRATED_COVERAGE

FOLDS = 5
_NOISE = 1e-9  # of the largest eigenvalue: rounding
Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Trained:
    """A head with its calibration.

    Attributes
    ----------
    head : Head
    classes : tuple of str
    temperature : float
        Of the least log loss of predictions out of fold.
    threshold : float
        Of conformal sets that hold the class of 90% of new pictures.
    unknown : Unknown
    """

    head: Head
    classes: tuple[str, ...]
    temperature: float
    threshold: float
    unknown: Unknown

    def facts(self) -> dict[str, Any]:
        """Return all but the head's arrays, as plain JSON."""
        return {
            "head": self.head.key, "classes": list(self.classes), "temperature": self.temperature,
            "threshold": self.threshold, "unknown": asdict(self.unknown),
        }  # fmt: skip

    @classmethod
    def read(cls, arrays: Mapping[str, Numbers], facts: Mapping[str, Any]) -> Trained:
        """Return what `facts` and the head gave."""
        return cls(
            HEADS[facts["head"]].read(arrays), tuple(facts["classes"]), facts["temperature"],
            facts["threshold"], Unknown(**facts["unknown"]),
        )  # fmt: skip


def train(
    values: Numbers,
    labels: NDArray[np.str_],
    watched: NDArray[np.bool_],
    groups: Sequence[str],
    head: str = LinearHead.key,
) -> Trained:
    """Train a head on pictures, its one setting chosen on some of them.

    Temperature, sets and unknown score are those of heads with that setting that are each trained
    on four fifths of the pictures and asked of the rest: the head that is kept has seen them all.

    Parameters
    ----------
    values : ndarray of shape (n, d)
        Features.
    labels : ndarray of shape (n,), str
        Classes.
    watched : ndarray of shape (n,), bool
        Pictures on which the setting is chosen; it is then trained on them too.
    groups : sequence of str
        What no fold may part.
    head : {"linear_probe", "knn"}, default "linear_probe"
        Which.

    Raises
    ------
    EmbedlensError
        If there is no such head.
    """
    if head not in (LinearHead.key, NeighborsHead.key):
        raise EmbedlensError(
            f"There is no head {head!r} to train here; choose {LinearHead.key} or "
            f"{NeighborsHead.key}."
        )
    validation = (values[watched], labels[watched]) if watched.any() else None
    probe: LinearProbe | NeighborsProbe
    if head == LinearHead.key:
        values, basis = coordinates(values)
        validation = (values[watched], labels[watched]) if watched.any() else None
        probe = LinearProbe().fit(values[~watched], labels[~watched], validation=validation)
        found: Head = LinearHead.of(probe, basis)
    else:
        probe = NeighborsProbe().fit(values[~watched], labels[~watched], validation=validation)
        found = NeighborsHead.of(probe)
    classes, codes = np.unique(labels, return_inverse=True)
    if len(probe.classes_) != len(classes):
        raise EmbedlensError("A class has no picture to train on; give it one.")
    scores, own, nearest = _out_of_fold(values, labels, groups, probe)
    told = scores
    if isinstance(probe, LinearProbe) and len(labels) <= FEW:
        anew = out_of_fold_anew(Coordinates.of(values), codes, groups)
        told = np.log(np.maximum(anew, LEAST))
    degree = temperature(told, codes)
    threshold = conformal_threshold(at_temperature(scores, degree), codes, CALIBRATED_COVERAGE)
    unknown = Unknown.of(scores, own, nearest)
    return Trained(found, tuple(classes.tolist()), degree, threshold, unknown)


def calibrate_tuned(
    head: TunedHead,
    classes: Sequence[str],
    values: Numbers,
    labels: NDArray[np.str_],
    held: NDArray[np.bool_],
) -> Trained:
    """Calibrate a fine-tuned top on pictures that neither it nor its network has learned from.

    Parameters
    ----------
    head : TunedHead
    classes : sequence of str
        In the order of its scores.
    values : ndarray of shape (n, d)
        What the fine-tuned network gives.
    labels : ndarray of shape (n,), str
        Classes.
    held : ndarray of shape (n,), bool
        Which pictures were held out; those of classes that it does not know say nothing.
    """
    asked = np.flatnonzero(held & np.isin(labels, list(classes)))
    scores = head.scores(values[asked])
    codes = np.searchsorted(list(classes), labels[asked])
    degree = temperature(scores, codes)
    threshold = conformal_threshold(at_temperature(scores, degree), codes, CALIBRATED_COVERAGE)
    places = {name: code for code, name in enumerate(classes)}
    learned = np.array([places.get(label, -1) for label in labels[~held].tolist()], np.int64)
    own = distances_to_class(values[~held], learned, values[asked], scores.argmax(axis=1))
    near, _ = nearest_neighbors(values[~held], 1, metric="cosine", queries=values[asked])
    unknown = Unknown.of(scores, own, near[:, 0])
    return Trained(head, tuple(classes), degree, threshold, unknown)


def coordinates(values: Numbers) -> tuple[Numbers, Numbers | None]:
    """Return what a study's probe learns from, and the basis that features are brought to it by.

    Where features outnumber pictures these are coordinates from the Gram matrix, as in a study: the
    scale of a probe is a mean over columns, so that their number is part of its answer.
    """
    pictures, columns = values.shape
    if columns <= pictures or pictures > GRAM_LIMIT:
        return values, None
    eigenvalues, vectors = scipy.linalg.eigh(gram(values).astype(np.float64))
    roots = np.sqrt(np.maximum(eigenvalues, 0.0))
    told = eigenvalues > _NOISE * eigenvalues.max()
    inverse = np.divide(1.0, roots, out=np.zeros_like(roots), where=told)
    basis = values.astype(np.float64).T @ (vectors * inverse)
    return (vectors * roots).astype(np.float32), basis


def _out_of_fold(
    values: Numbers,
    labels: NDArray[np.str_],
    groups: Sequence[str],
    probe: LinearProbe | NeighborsProbe,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return scores of all classes, distances to that of the highest, and to all, out of fold."""
    classes, codes = np.unique(labels, return_inverse=True)
    fold_of = folds_of(codes, groups, FOLDS, 0)
    scores = np.full((len(labels), len(classes)), np.log(LEAST))
    own, nearest = np.ones(len(labels)), np.ones(len(labels))
    for fold in np.unique(fold_of):
        held, rest = fold_of == fold, fold_of != fold
        known = np.unique(codes[rest])
        if len(known) < 2:
            scores[held] = 0.0
            continue
        head: Head
        if isinstance(probe, LinearProbe):
            head = LinearHead.of(LinearProbe().fit_at(values[rest], labels[rest], probe.strength_))
        else:
            fixed = NeighborsProbe((probe.k_,), probe.temperature)
            head = NeighborsHead.of(fixed.fit(values[rest], labels[rest]))
        scores[np.ix_(held, known)] = head.scores(values[held])
        taken = scores[held].argmax(axis=1)
        own[held] = distances_to_class(values[rest], codes[rest], values[held], taken)
        near, _ = nearest_neighbors(values[rest], 1, metric="cosine", queries=values[held])
        nearest[held] = near[:, 0]
    return scores, own, nearest
