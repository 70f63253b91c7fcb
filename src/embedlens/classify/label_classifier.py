"""A classifier of several labels a picture: a logistic probability a label, each by itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from embedlens.classify.embedding_classifier import EmbeddingClassifier, Saved
from embedlens.classify.heads import LinearHead
from embedlens.classify.unknown import UnknownByDistance

RULE = 0.5
"""A picture has the labels of at least this probability: those that it is likelier to have."""

Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class ExpectedLabel:
    """How well a label is expected to be found in new pictures.

    Attributes
    ----------
    label : str
        Its name.
    average_precision, low, high : float
        Of its scores, and the 95% interval.
    share : float
        Of the held-out pictures that have it: the average precision of a guess.
    precision, recall : float or None
        At the rule: how many of the pictures that were given the label have it, and how many of
        those that have it were given it, by probes and a calibration that had not seen them. None
        of no picture.
    """

    label: str
    average_precision: float
    low: float
    high: float
    share: float
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class ExpectedLabels:
    """What a classifier of several labels is expected to find in new pictures.

    Attributes
    ----------
    mean_average_precision, low, high : float
        Mean over `labels`, and its 95% interval over pictures.
    pictures : int
        Held-out pictures that this was measured on.
    labels : tuple of ExpectedLabel
        Those that could be judged.
    foretold : float, default 0.0
        How much of the mean was not measured, but foretold by a learning curve: the classifier
        learns from the held-out pictures too.
    """

    mean_average_precision: float
    low: float
    high: float
    pictures: int
    labels: tuple[ExpectedLabel, ...]
    foretold: float = 0.0

    def sentence(self) -> str:
        """Say it."""
        count = len(self.labels)
        over = f"the label {self.labels[0].label}" if count == 1 else f"{count:,} labels"
        added = ""
        if self.foretold >= 0.0005:
            added = f"; {self.foretold:.3f} is added for learning from these too"
        return (
            f"Expect a mean average precision of {self.mean_average_precision:.3f} over {over} of "
            f"new pictures (95% interval {self.low:.3f} to {self.high:.3f}; measured on "
            f"{self.pictures:,} held-out pictures, by probes that had not seen them{added})."
        )

    @classmethod
    def read(cls, record: dict[str, Any]) -> ExpectedLabels:
        """Return what ``dataclasses.asdict`` made of it."""
        return cls(**{**record, "labels": tuple(ExpectedLabel(**e) for e in record["labels"])})


@dataclass(frozen=True)
class LabelAnswers:
    """What a classifier of several labels says of some pictures.

    Attributes
    ----------
    probabilities : ndarray of shape (pictures, labels), float64
        Calibrated, each label by itself: rows sum to anything.
    found : ndarray of shape (pictures, labels), bool
        Those of at least one half.
    unknown : ndarray of shape (pictures,), float64
        The higher, the less a picture is like what was learned.
    flagged : ndarray of shape (pictures,), bool
        Whether that is above the limit.
    distances, nearest : ndarray of shape (pictures, 3)
        Cosine distances and rows of the nearest training pictures.
    """

    probabilities: NDArray[np.float64]
    found: NDArray[np.bool_]
    unknown: NDArray[np.float64]
    flagged: NDArray[np.bool_]
    distances: NDArray[np.float64]
    nearest: NDArray[np.int64]


@dataclass(frozen=True)
class LabelClassifier(EmbeddingClassifier):
    """An embedding and a layer of one logit a label. Make one with ``Study.classifier``.

    ``Classifier.load`` reads what its `save` wrote.

    Attributes
    ----------
    recipe, record, transform, training, graph, licence
        The embedding, as in `EmbeddingClassifier`; of a training picture ``training.labels`` is the
        list of its labels, "cat; dog".
    head : LinearHead
        A column a label. Its logits are calibrated.
    labels : tuple of str
        In the order of the head's scores. A label that all training pictures have, or none, is not
        among them.
    counts : tuple of int
        How many training pictures have each.
    unknown : UnknownByDistance
        What is flagged as unlike all that was learned from.
    separator : str
        What stands between the labels of a cell, in tables that it reads and writes.
    columns : tuple of str
        Columns of a table that hold the labels, as the study was told; none where their names say
        so.
    expected : ExpectedLabels or None
        What it is expected to find; None where nobody measured it.

    Examples
    --------
    >>> made = Study.open("scenes").classifier()  # doctest: +SKIP
    >>> made.answer(features).found.sum(axis=0)  # doctest: +SKIP
    array([12, 3, 40])
    """

    head: LinearHead
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    unknown: UnknownByDistance
    separator: str = ";"
    columns: tuple[str, ...] = ()
    expected: ExpectedLabels | None = None

    def answer(self, features: Numbers) -> LabelAnswers:
        """Find the labels of pictures by their features, (pictures, d)."""
        features = np.asarray(features, np.float32)
        probabilities = expit(self.head.scores(features))
        distances, nearest = self.nearest(features)
        strange = self.unknown.score(distances[:, 0])
        return LabelAnswers(
            probabilities,
            probabilities >= RULE,
            strange,
            strange > self.unknown.limit,
            distances,
            nearest,
        )

    @property
    def rule(self) -> float:
        """A picture has the labels of at least this probability."""
        return RULE

    def arrays(self) -> dict[str, Numbers]:
        """Return what its head is made of, to be kept."""
        return self.head.arrays()

    def learned(self) -> dict[str, Any]:
        """Return labels, calibration and expectation as plain JSON."""
        return {
            "head": self.head.key,
            "labels": list(self.labels),
            "rule": RULE,
            "counts": list(self.counts),
            "unknown": asdict(self.unknown),
            "separator": self.separator,
            "columns": list(self.columns),
            "expected": None if self.expected is None else asdict(self.expected),
        }

    @classmethod
    def of_saved(cls, saved: Saved) -> LabelClassifier:
        """Return what was read from a folder."""
        facts = saved.facts
        return cls(
            **saved.embedding(),
            head=LinearHead.read(saved.arrays),
            labels=tuple(facts["labels"]),
            counts=tuple(facts["counts"]),
            unknown=UnknownByDistance(**facts["unknown"]),
            separator=facts["separator"],
            columns=tuple(facts["columns"]),
            expected=facts["expected"] and ExpectedLabels.read(facts["expected"]),
        )
