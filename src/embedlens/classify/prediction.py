"""What a classifier says of new pictures: a row a picture, and what it gets right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.classify.asking import Form, Row, ask, read_table
from embedlens.classify.classifier import Classifier
from embedlens.classify.embedding_classifier import NEAREST
from embedlens.classify.label_classifier import LabelClassifier
from embedlens.classify.label_prediction import PredictedLabels, predict_labels
from embedlens.classify.new_pictures import NewPictures
from embedlens.images import Source
from embedlens.images.label_sets import free_separator
from embedlens.metrics.proportion import Interval, proportion_interval

COLUMNS = (
    "path", "class", "probability", "second_class", "second_probability", "set_90",
    "unknown_score", "unknown", "nearest_1", "nearest_2", "nearest_3", "label", "seen", "problem",
    "id",
)  # fmt: skip


@dataclass(frozen=True)
class Predicted:
    """What came of it.

    Attributes
    ----------
    table : Path
        A row a picture, with the columns of `COLUMNS`.
    source : Source
        Where the pictures' bytes come from.
    pictures, unreadable, unknown, seen : int
        How many were classified, could not be read, were flagged, were among those that the
        classifier has learned from.
    counts : dict of str to int
        Pictures by the class that they were given.
    judged : Judged or None
        What was right, of labelled pictures that it had not seen; None where there is none.
    note : str
        What was not taken for labels, and which are in doubt.
    """

    table: Path
    source: Source
    pictures: int
    unreadable: int
    unknown: int
    seen: int
    counts: dict[str, int]
    judged: Judged | None
    note: str = ""

    def record(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "table": str(self.table.resolve()),
            "pictures": self.pictures,
            "unreadable": self.unreadable,
            "unknown": self.unknown,
            "seen": self.seen,
            "counts": self.counts,
            "judged": None if self.judged is None else self.judged.record(),
            "note": self.note,
        }


@dataclass(frozen=True)
class Judged:
    """Answers compared with labels, of pictures that the classifier has not seen.

    Attributes
    ----------
    accuracy : Interval
        Share of pictures of known classes that were right, with the 95% interval.
    pictures : int
        How many those are.
    seen : int
        Labelled pictures that it has learned from, which are left out.
    confusion : DataFrame
        Pictures by label (index, sorted; other classes too) and answer (columns).
    others : int
        Pictures of classes that it does not know, which no answer could get right.
    others_flagged : int
        Those of them that were flagged as unknown.
    """

    accuracy: Interval
    pictures: int
    seen: int
    confusion: pd.DataFrame
    others: int
    others_flagged: int

    def sentence(self) -> str:
        """Say it."""
        share = self.accuracy
        told = (
            f"It got {share.estimate:.1%} of {self.pictures:,} labelled pictures right that it had "
            f"not seen (95% interval {share.low:.1%} to {share.high:.1%})."
            if self.pictures
            else "No labelled picture of its classes was new to it, so that none can judge it."
        )
        if self.seen:
            told += f" {self.seen:,} that it had learned from are left out."
        if self.others:
            told += (
                f" {self.others:,} are of classes that it does not know; it flagged "
                f"{self.others_flagged:,} of these as unknown."
            )
        return told

    def record(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        share = self.accuracy
        return {
            "accuracy": share.estimate if self.pictures else None,
            "low": share.low if self.pictures else None,
            "high": share.high if self.pictures else None,
            "pictures": self.pictures,
            "seen": self.seen,
            "confusion": {
                str(label): {str(name): int(count) for name, count in row.items()}
                for label, row in self.confusion.to_dict("index").items()
            },
            "others": self.others,
            "others_flagged": self.others_flagged,
            "sentence": self.sentence(),
        }


@overload
def predict(
    classifier: Classifier, place: str, out: Path, progress: Callable[[int, int], None] = ...
) -> Predicted: ...


@overload
def predict(
    classifier: LabelClassifier, place: str, out: Path, progress: Callable[[int, int], None] = ...
) -> PredictedLabels: ...


def predict(
    classifier: Classifier | LabelClassifier,
    place: str,
    out: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Predicted | PredictedLabels:
    """Classify all pictures of a place, and write a row for each.

    It may be stopped at any moment: what was computed is kept beside the table, and the same call
    goes on. Pixels and features are held of a few hundred pictures at a time, the rows of the table
    of all of them at the end.

    Parameters
    ----------
    classifier : Classifier or LabelClassifier
    place : str
        As for ``ImageSet.read``; besides, a folder of pictures without class folders, one picture,
        and a table without a column of labels. Of several labels a picture, a table as for
        ``MultilabelSet.read``.
    out : Path
        The table to write, ``.csv`` or ``.tsv``.
    progress : callable, optional
        Called with (pictures done, pictures in all).

    Returns
    -------
    Predicted or PredictedLabels
        The latter of a classifier of several labels.

    Raises
    ------
    ImageSetError
        If there is no picture.
    """
    if isinstance(classifier, LabelClassifier):
        return predict_labels(classifier, place, out, progress)
    new = NewPictures.find(place, classifier.classes)
    joint = free_separator(classifier.classes, "|")

    def rows(features: NDArray[np.floating[Any]]) -> list[Row]:
        return answer_rows(classifier, features)

    ask(classifier, Form(COLUMNS, "label", _NUMBERS, joint, rows), new, out, progress)
    return _told(classifier, out, new)


def answer_rows(classifier: Classifier, features: NDArray[np.floating[Any]]) -> list[Row]:
    """Return what a classifier says of pictures by their features, by the names of `COLUMNS`."""
    answers = classifier.answer(features)
    return [_answer(classifier, answers, at) for at in range(len(features))]


def _answer(classifier: Classifier, answers: Any, at: int) -> Row:
    shares = answers.probabilities[at]
    best, second = np.argsort(-shares, kind="stable")[:2]
    classes = classifier.classes
    order = np.argsort(-shares, kind="stable")
    near = {
        f"nearest_{place + 1}": classifier.training.paths[row]
        for place, row in enumerate(answers.nearest[at, :NEAREST])
    }
    return {
        "class": classes[best],
        "probability": float(shares[best]),
        "second_class": classes[second],
        "second_probability": float(shares[second]),
        "set_90": [classes[code] for code in order if answers.sets[at, code]],
        "unknown_score": float(answers.unknown[at]),
        "unknown": bool(answers.flagged[at]),
        **near,
    }


def read_predictions(table: Path) -> pd.DataFrame:
    """Return a table that `predict` wrote; classes are text, whatever they look like.

    Raises
    ------
    EmbedlensError
        If it is none.
    """
    return read_table(table, COLUMNS, _NUMBERS)


_NUMBERS = ("probability", "second_probability", "unknown_score")


def _told(classifier: Classifier, out: Path, new: NewPictures) -> Predicted:
    frame = read_predictions(out)
    read = frame[frame["problem"] == ""]
    counts = read["class"].value_counts()
    return Predicted(
        out,
        new.source,
        len(read),
        len(frame) - len(read),
        int(read["unknown"].sum()),
        int(read["seen"].sum()),
        {name: int(counts.get(name, 0)) for name in classifier.classes},
        judge_predictions(read, classifier.classes),
        new.note,
    )


def judge_predictions(read: pd.DataFrame, classes: Sequence[str]) -> Judged | None:
    """Compare answers with labels; None where no picture has one.

    Parameters
    ----------
    read : DataFrame
        Rows of pictures that were classified, as `read_predictions` returns them.
    classes : sequence of str
        Those that the classifier knows.
    """
    labelled = read[read["label"] != ""]
    if labelled.empty:
        return None
    new = labelled[~labelled["seen"]]
    known = new[new["label"].isin(list(classes))]
    others = new[~new["label"].isin(list(classes))]
    # Copies of a picture are one in the interval, however many there are.
    right = (known["class"] == known["label"]).groupby(known["id"]).agg(["sum", "size"])
    share = (
        proportion_interval(right["sum"].to_numpy(float), right["size"].to_numpy(float))
        if len(right)
        else Interval(float("nan"), 0.0, 1.0)
    )
    confusion = pd.crosstab(new["label"], new["class"]).reindex(columns=list(classes), fill_value=0)
    return Judged(
        share, len(known), len(labelled) - len(new), confusion, len(others),
        int(others["unknown"].sum()),
    )  # fmt: skip
