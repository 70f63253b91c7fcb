"""A classifier of one class a picture: a head, a temperature, and what it takes for unknown."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.classify.embedding_classifier import EmbeddingClassifier, Saved, read_saved
from embedlens.classify.heads import HEADS, Head
from embedlens.classify.label_classifier import LabelClassifier
from embedlens.classify.unknown import Unknown, distances_to_class
from embedlens.errors import EmbedlensError
from embedlens.given_path import absolute
from embedlens.metrics.calibration import at_temperature, conformal_sets

Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Expected:
    """What a classifier is expected to get right of new pictures.

    Attributes
    ----------
    accuracy, low, high : float
        The share, and its 95% interval.
    pictures : int
        Held-out pictures that this was measured on.
    foretold : float, default 0.0
        How much of the accuracy was not measured, but foretold by a learning curve: the classifier
        learns from the held-out pictures too.
    coverage : str, default ""
        Which classes were not tested, or were tested by heads that had not learned them; empty
        where there are none.
    """

    accuracy: float
    low: float
    high: float
    pictures: int
    foretold: float = 0.0
    coverage: str = ""

    def sentence(self) -> str:
        """Say it."""
        added = ""
        if self.foretold >= 0.0005:
            added = f"; {100 * self.foretold:.1f} points are added for learning from these too"
        told = (
            f"Expect it to get {self.accuracy:.1%} of new pictures right (95% interval "
            f"{self.low:.1%} to {self.high:.1%}; measured on {self.pictures:,} held-out pictures, "
            f"by heads that had not seen them{added})."
        )
        return f"{told} {self.coverage}" if self.coverage else told


@dataclass(frozen=True)
class Answers:
    """What a classifier says of some pictures.

    Attributes
    ----------
    probabilities : ndarray of shape (pictures, classes), float64
        Calibrated; rows sum to 1.
    sets : ndarray of shape (pictures, classes), bool
        Which classes the 90% set of each holds.
    unknown : ndarray of shape (pictures,), float64
        The higher, the less a picture is like what was learned.
    flagged : ndarray of shape (pictures,), bool
        Whether that is above the limit.
    distances, nearest : ndarray of shape (pictures, 3)
        Cosine distances and rows of the nearest training pictures.
    """

    probabilities: NDArray[np.float64]
    sets: NDArray[np.bool_]
    unknown: NDArray[np.float64]
    flagged: NDArray[np.bool_]
    distances: NDArray[np.float64]
    nearest: NDArray[np.int64]


@dataclass(frozen=True)
class Classifier(EmbeddingClassifier):
    """An embedding and a head that is ready for new pictures. Make one with ``Study.classifier``.

    Attributes
    ----------
    recipe, record, transform, training, graph, licence
        The embedding, as in `EmbeddingClassifier`.
    head : Head
        A linear layer, or the votes of neighbours.
    temperature : float
        What the head's scores are divided by, so that its probabilities can be believed.
    classes : tuple of str
        In the order of the head's scores.
    threshold : float
        Probability from which on a class is in the 90% set.
    unknown : Unknown
        What is flagged as unlike all classes.
    expected : Expected or None
        What it is expected to get right; None where nobody measured it.

    Examples
    --------
    >>> Study.open("my-study").classifier().save("my-classifier")  # doctest: +SKIP
    >>> Classifier.load("my-classifier").classes  # doctest: +SKIP
    ('cat', 'dog')
    """

    head: Head
    temperature: float
    classes: tuple[str, ...]
    threshold: float
    unknown: Unknown
    expected: Expected | None = None

    @cached_property
    def _codes(self) -> NDArray[np.int64]:
        """The classes of the training pictures, by their place; -1 for one not known."""
        place = {name: code for code, name in enumerate(self.classes)}
        return np.array([place.get(label, -1) for label in self.training.labels], np.int64)

    def answer(self, features: Numbers) -> Answers:
        """Classify pictures by their features, (pictures, d)."""
        features = np.asarray(features, np.float32)
        scores = self.head.scores(features)
        probabilities = at_temperature(scores, self.temperature)
        distances, nearest = self.nearest(features)
        own = distances_to_class(
            self.training.features, self._codes, features, scores.argmax(axis=1)
        )
        strange = self.unknown.score(scores, own, distances[:, 0])
        return Answers(
            probabilities,
            conformal_sets(probabilities, self.threshold),
            strange,
            strange > self.unknown.limit,
            distances,
            nearest,
        )

    def arrays(self) -> dict[str, Numbers]:
        """Return what its head is made of, to be kept."""
        return self.head.arrays()

    def learned(self) -> dict[str, Any]:
        """Return head, classes, calibration and expectation as plain JSON."""
        return {
            "head": self.head.key,
            "temperature": self.temperature,
            "classes": list(self.classes),
            "threshold": self.threshold,
            "unknown": asdict(self.unknown),
            "expected": None if self.expected is None else asdict(self.expected),
        }

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Classifier | LabelClassifier:
        """Read what `save` wrote, of one class or of several labels a picture.

        Nothing in it is run as code.

        Raises
        ------
        EmbedlensError
            If the folder is no classifier, or was damaged.
        WeightsError
            If the weights are not those that it was trained with.
        """
        folder = absolute(folder)
        try:
            saved = read_saved(folder)
            return (LabelClassifier if "labels" in saved.facts else cls).of_saved(saved)
        except FileNotFoundError as error:
            raise EmbedlensError(
                f"{folder} is no classifier: it has no {Path(error.filename).name}. Save one with "
                "Study.classifier().save(FOLDER)."
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise EmbedlensError(
                f"{folder} cannot be read as a classifier ({error}); give the study, or save one "
                "with Study.classifier().save(FOLDER)."
            ) from error

    @classmethod
    def of_saved(cls, saved: Saved) -> Classifier:
        """Return what was read from a folder."""
        facts = saved.facts
        return cls(
            **saved.embedding(),
            head=HEADS[facts["head"]].read(saved.arrays),
            temperature=facts["temperature"],
            classes=tuple(facts["classes"]),
            threshold=facts["threshold"],
            unknown=Unknown(**facts["unknown"]),
            expected=facts["expected"] and Expected(**facts["expected"]),
        )
