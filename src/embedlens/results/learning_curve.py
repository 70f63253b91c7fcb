"""How heads grow better with labels: what twice as many would give, and who is best with few."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from embedlens.metrics.learning_curve import FARTHEST, LearningCurve, learning_curve
from embedlens.metrics.proportion import Interval, difference_interval
from embedlens.results.label_set_learning_curve import label_set_curve
from embedlens.results.results import Results
from embedlens.results.units import units_of
from embedlens.results.vocabulary import PRETRAINED

_CONFIDENCE = 0.95

# Verdict, tables, figures and pages ask for curves, which take seconds of 20,000 pictures; results
# that nobody holds any more are not held here.
_known: WeakKeyDictionary[Results, dict[str, LearningCurve | None]] = WeakKeyDictionary()


@dataclass(frozen=True)
class FewLabels:
    """A backbone that is surely better than the recommended one with few labels.

    Attributes
    ----------
    backbone, other : str
        The better one with few labels, and the recommended one.
    labels, per_class : int
        The largest number of labels at which it is surely better, in all and a class.
    accuracy, other_accuracy : float
        Share of test pictures that each gets right with so many.
    """

    backbone: str
    other: str
    labels: int
    per_class: int
    accuracy: float
    other_accuracy: float


@dataclass(frozen=True)
class GainOfAll:
    """By how much a classifier of all labelled pictures exceeds the heads that were tested.

    Attributes
    ----------
    learned : int
        Pictures that each of those heads learned from: all but the held-out ones.
    labelled : int
        Pictures that the classifier learns from; at most twice as many, the reach of a curve.
    gain : Interval
        Of the share of new pictures that it gets right, or of mean average precision, and its 95%
        interval.
    """

    learned: int
    labelled: int
    gain: Interval


def gain_of_all(results: Results, backbone: str) -> GainOfAll | None:
    """Return what a backbone's linear probe gains if it learns from the held-out pictures too.

    Or the probes of several labels. By its learning curve; None where it has none, or one of too
    few points.
    """
    curve = _curve_of(results, backbone)
    labelled = int(np.count_nonzero(results.pictures["kept"]))
    if curve is None or curve.law is None or labelled <= curve.labels[-1]:
        return None
    learned = int(curve.labels[-1])
    labelled = min(labelled, int(FARTHEST * learned))
    return GainOfAll(learned, labelled, curve.gain(labelled))


def judge_learning_curves(results: Results) -> dict[str, LearningCurve]:
    """Return the learning curve of each backbone.

    Parameters
    ----------
    results : Results
        Of a study.

    Returns
    -------
    dict of str to LearningCurve
        Of accuracy, or of mean average precision where pictures have several labels; by backbone,
        in the order of the study; without those that have none, as where there were fewer than
        three labels a class.
    """
    names = map(str, results.backbones["backbone"])
    return {name: curve for name in names if (curve := _curve_of(results, name)) is not None}


def _curve_of(results: Results, backbone: str) -> LearningCurve | None:
    known = _known.setdefault(results, {})
    if backbone not in known:
        known[backbone] = _fitted(results, backbone)
    return known[backbone]


def _fitted(results: Results, backbone: str) -> LearningCurve | None:
    sets = results.label_sets
    rows = results.curves if sets is None else results.label_curves
    rows = rows[(rows["stage"] == PRETRAINED.key) & (rows["backbone"] == backbone)]
    if not len(rows):
        return None
    if sets is None:
        return _curve(_by_unit(rows, results), results.settings.seed)
    units = units_of(results.pictures[results.pictures["kept"]])
    return label_set_curve(rows, sets.to_numpy(bool), units, results.settings.seed)


def _by_unit(rows: pd.DataFrame, results: Results) -> pd.DataFrame:
    """Name groups instead of pictures where groups were given."""
    return rows.assign(picture=units_of(results.pictures)[rows["picture"].to_numpy(np.int64)])


def _curve(rows: pd.DataFrame, seed: int) -> LearningCurve:
    rows = rows.astype({"hits": float, "shown": float})
    every = pd.MultiIndex.from_product([rows["draw"].unique(), np.unique(rows["labels"])])
    hits, shown = (
        rows.pivot_table(
            index=["draw", "labels"], columns="picture", values=each, fill_value=0.0, aggfunc="sum"
        ).reindex(every, fill_value=0.0)
        for each in ("hits", "shown")
    )
    shape = (rows["draw"].nunique(), rows["labels"].nunique(), hits.shape[1])
    sizes = np.unique(rows["labels"].to_numpy(np.int64))
    return learning_curve(
        sizes, hits.to_numpy().reshape(shape), shown.to_numpy().reshape(shape), random_state=seed
    )


def best_with_few_labels(results: Results, recommended: str) -> FewLabels | None:
    """Return who is surely better than the recommended backbone with fewer labels.

    At each number of labels but all, the most accurate other backbone with pretrained weights is
    compared with the recommended one on the same test pictures and draws. There are as many
    comparisons as backbones times numbers of labels, and the intervals are wide enough that in 95%
    of studies none of them misleads (Bonferroni).
    """
    facts = results.backbones.set_index("backbone")["pretrained"].astype(bool)
    rows = results.curves[results.curves["backbone"].map(facts).fillna(False).astype(bool)]
    rows, sizes = _by_unit(rows, results), np.unique(rows["labels"])[:-1]
    names = [name for name in rows["backbone"].unique() if name != recommended]
    if not len(sizes) or not names or recommended not in set(rows["backbone"]):
        return None
    classes = results.pictures.loc[results.pictures["kept"].astype(bool), "label"].nunique()
    confidence = 1 - (1 - _CONFIDENCE) / (len(sizes) * len(names))
    for labels in sizes[::-1]:
        own = rows[rows["labels"] == labels]
        hits = own.pivot_table(index="picture", columns="backbone", values="hits", aggfunc="sum")
        shown = own.groupby(["backbone", "picture"])["shown"].sum()[recommended]
        shares = hits.sum() / shown.sum()
        better = str(shares.idxmax())
        if better == recommended:
            continue
        gain = difference_interval(
            hits[better].to_numpy(float), hits[recommended].to_numpy(float),
            shown.to_numpy(float), confidence,
        )  # fmt: skip
        if gain.low > 0:
            return FewLabels(
                better, recommended, int(labels), round(labels / classes), float(shares[better]),
                float(shares[recommended]),
            )  # fmt: skip
    return None


def learning_curve_sentence(results: Results, backbone: str) -> str:
    """Say what twice the labels would give, and who is better with few.

    Parameters
    ----------
    results : Results
        Of a study.
    backbone : str
        The one that is recommended.

    Returns
    -------
    str
        Empty where there is no curve.
    """
    curve = judge_learning_curves(results).get(backbone)
    if curve is None:
        return ""
    if results.label_sets is not None:
        return doubled_pictures(curve, backbone)
    words = [doubled(curve, backbone)]
    few = best_with_few_labels(results, backbone)
    if few is not None:
        words.append(
            f"With few labels {few.backbone} is better: with {few.per_class:,} a class it gets "
            f"{few.accuracy:.1%} right, {few.other} {few.other_accuracy:.1%}."
        )
    return " ".join(words)


def doubled(curve: LearningCurve, backbone: str) -> str:
    """Say what twice the labels would give."""
    labels, now = int(curve.labels[-1]), curve.intervals[-1]
    if curve.law is None:
        return (
            f"{labels:,} labels make {len(curve.labels)} points of a learning curve, too few to "
            "say what more would give."
        )
    then, gain = curve.expect(2 * labels), curve.gain(2 * labels)
    return (
        f"With twice the labels ({2 * labels:,} to learn from instead of {labels:,}) expect "
        f"{backbone} to get {then.low:.1%} to {then.high:.1%} right; it gets {now.estimate:.1%} "
        f"now, and the gain is {100 * gain.low:.1f} to {100 * gain.high:.1f} points."
    )


def doubled_pictures(curve: LearningCurve, backbone: str) -> str:
    """Say what twice the pictures would give, of a curve of mean average precision."""
    pictures, now = int(curve.labels[-1]), curve.intervals[-1]
    if curve.law is None:
        return (
            f"{pictures:,} pictures make {len(curve.labels)} points of a learning curve, too few "
            "to say what more would give."
        )
    then, gain = curve.expect(2 * pictures), curve.gain(2 * pictures)
    return (
        f"With twice the pictures ({2 * pictures:,} to learn from instead of {pictures:,}) expect "
        f"{backbone} to reach a mean average precision of {then.low:.3f} to {then.high:.3f}; it "
        f"reaches {now.estimate:.3f} now, and the gain is {gain.low:.3f} to {gain.high:.3f}."
    )
