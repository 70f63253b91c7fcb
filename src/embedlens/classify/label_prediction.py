"""What a classifier of several labels says of new pictures, and how well it finds the labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.classify.asking import Form, Row, ask, read_table
from embedlens.classify.embedding_classifier import NEAREST
from embedlens.classify.label_classifier import LabelClassifier
from embedlens.classify.new_pictures import NewPictures
from embedlens.images import Source
from embedlens.results.judged_labels import unjudged_sentence
from embedlens.results.label_verdict import JudgedScores, judge_scores


@dataclass(frozen=True)
class PredictedLabels:
    """What came of it.

    Attributes
    ----------
    table : Path
        A row a picture, with the columns of `label_form`.
    source : Source
        Where the pictures' bytes come from.
    pictures, unreadable, unknown, seen : int
        How many were asked of, could not be read, were flagged, were among those that the
        classifier has learned from.
    counts : dict of str to int
        Pictures that were given each label.
    none : int
        Pictures that were given none.
    judged : JudgedLabels or None
        How well labels are found in pictures that it had not seen; None where none is labelled.
    note : str
        What was not taken for labels.
    """

    table: Path
    source: Source
    pictures: int
    unreadable: int
    unknown: int
    seen: int
    counts: dict[str, int]
    none: int
    judged: JudgedLabels | None
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
            "none": self.none,
            "judged": None if self.judged is None else self.judged.record(),
            "note": self.note,
        }


@dataclass(frozen=True)
class JudgedLabels:
    """Answers compared with labels, of pictures that the classifier has not seen.

    Attributes
    ----------
    scores : JudgedScores
        Average precision of each label and its mean, with intervals.
    pictures : int
        Of how many pictures.
    seen : int
        Labelled pictures that it has learned from, which are left out.
    others : tuple of str
        Labels that it does not know, of which none can be judged.
    """

    scores: JudgedScores
    pictures: int
    seen: int
    others: tuple[str, ...]

    def sentence(self) -> str:
        """Say it."""
        mean, count = self.scores.mean, len(self.scores.labels)
        if not self.pictures:
            told = "No labelled picture was new to it, so that none can judge it."
        elif not count:
            told = f"The {self.pictures:,} labelled pictures that it had not seen judge no label."
        else:
            over = "its one label" if count == 1 else f"{count:,} labels"
            told = (
                f"Its mean average precision is {mean.estimate:.3f} over {over} of "
                f"{self.pictures:,} labelled pictures that it had not seen (95% interval "
                f"{mean.low:.3f} to {mean.high:.3f})."
            )
        if self.seen:
            told += f" {self.seen:,} that it had learned from are left out."
        if self.pictures and self.scores.left_out:
            told += f" {unjudged_sentence(self.scores.left_out)}"
        if self.others:
            told += f" It does not know {', '.join(self.others)}."
        return told

    def record(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        mean = self.scores.mean
        is_told = bool(self.scores.labels)
        return {
            "mean_average_precision": mean.estimate if is_told else None,
            "low": mean.low if is_told else None,
            "high": mean.high if is_told else None,
            "labels": [asdict(each) for each in self.scores.labels],
            "left_out": [asdict(each) for each in self.scores.left_out],
            "pictures": self.pictures,
            "seen": self.seen,
            "others": list(self.others),
            "sentence": self.sentence(),
        }


def label_form(classifier: LabelClassifier) -> Form:
    """Return the columns of its table: the labels found, the probability of each, and the rest."""

    def rows(features: NDArray[np.floating[Any]]) -> list[Row]:
        return label_rows(classifier, features)

    near = tuple(f"nearest_{place + 1}" for place in range(NEAREST))
    columns = (
        "path", "found", *map(probability_column, classifier.labels), "unknown_score", "unknown",
        *near, "labels", "labelled", "seen", "problem", "id",
    )  # fmt: skip
    numbers = (*map(probability_column, classifier.labels), "unknown_score")
    return Form(columns, "labels", numbers, classifier.separator, rows)


def probability_column(label: str) -> str:
    """Return the name of the column that holds the probability of a label."""
    return f"probability_{label}"


def label_rows(classifier: LabelClassifier, features: NDArray[np.floating[Any]]) -> list[Row]:
    """Return what a classifier says of pictures by their features, the likeliest label first."""
    answers = classifier.answer(features)
    rows = []
    for at, shares in enumerate(answers.probabilities):
        order = np.argsort(-shares, kind="stable")
        rows.append({
            "found": [classifier.labels[place] for place in order if answers.found[at, place]],
            **{
                probability_column(name): float(share)
                for name, share in zip(classifier.labels, shares, strict=True)
            },
            "unknown_score": float(answers.unknown[at]),
            "unknown": bool(answers.flagged[at]),
            **{
                f"nearest_{place + 1}": classifier.training.paths[row]
                for place, row in enumerate(answers.nearest[at])
            },
        })  # fmt: skip
    return rows


def predict_labels(
    classifier: LabelClassifier,
    place: str,
    out: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> PredictedLabels:
    """Find the labels of all pictures of a place, and write a row for each; see `predict`."""
    new = NewPictures.find_sets(place, classifier.columns, classifier.separator, classifier.labels)
    ask(classifier, label_form(classifier), new, out, progress)
    frame = read_label_predictions(out, classifier)
    read = frame[frame["problem"] == ""]
    found = read[[probability_column(name) for name in classifier.labels]] >= classifier.rule
    return PredictedLabels(
        out,
        new.source,
        len(read),
        len(frame) - len(read),
        int(read["unknown"].sum()),
        int(read["seen"].sum()),
        dict(zip(classifier.labels, found.sum().tolist(), strict=True)),
        int((~found.any(axis=1)).sum()),
        judge_labels_found(read, new, classifier.labels),
        new.note,
    )


def read_label_predictions(table: Path, classifier: LabelClassifier) -> pd.DataFrame:
    """Return a table that `predict_labels` wrote; labels are text, whatever they look like.

    Raises
    ------
    EmbedlensError
        If it is none.
    """
    form = label_form(classifier)
    return read_table(table, form.columns, form.numbers)


def judge_labels_found(
    read: pd.DataFrame, new: NewPictures, labels: tuple[str, ...]
) -> JudgedLabels | None:
    """Compare probabilities with labels; None where no picture is labelled.

    Parameters
    ----------
    read : DataFrame
        Rows of pictures that were asked of, as `read_label_predictions` returns them.
    new : NewPictures
        Which labels they have.
    labels : tuple of str
        Those that the classifier knows.
    """
    labelled = read[read["labelled"]]
    if labelled.empty:
        return None
    asked = labelled[~labelled["seen"]]
    sets = [set(new.sets[path]) for path in asked["path"]]
    others = set().union(*(new.sets[path] for path in labelled["path"])) - set(labels)
    members = np.array([[name in each for name in labels] for each in sets], bool)
    scores = asked[[probability_column(name) for name in labels]].to_numpy(float)
    units = np.unique(asked["id"], return_inverse=True)[1].astype(np.int64)
    judged = judge_scores(scores, members.reshape(scores.shape), units, labels)
    return JudgedLabels(judged, len(asked), len(labelled) - len(asked), tuple(sorted(others)))
