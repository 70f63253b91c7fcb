"""The verdict on a study of several labels a picture: how well each label is found, and by what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.errors import StudyError
from embedlens.metrics.comparison import Comparison, compare_figures
from embedlens.metrics.precision import interval_of
from embedlens.metrics.proportion import Interval
from embedlens.metrics.retrieval import mean_interval
from embedlens.results.cost import Cost, costs_of
from embedlens.results.judged_labels import LeftOut, enough, left_out, unjudged_sentence
from embedlens.results.learning_curve import GainOfAll, gain_of_all
from embedlens.results.measured_precision import MeasuredPrecision, measure_precision
from embedlens.results.results import Results, rows_by_backbone
from embedlens.results.units import units_of
from embedlens.results.verdict import (
    GIVEN_UP,
    Verdict,
    at_what_cost,
    cheapest,
    groups_of,
    judge,
    standing_record,
)
from embedlens.results.vocabulary import LINEAR_PROBE

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class LabelPrecision:
    """How well one label is found by one backbone.

    Attributes
    ----------
    label : str
        Its name.
    pictures : int
        How many pictures have it.
    tested : int
        How many of those were tested, in any split.
    share : float
        Of the tested pictures: what a guess would reach.
    average_precision, low, high : float
        To expect on new pictures (`held_out_precision`), and its 95% interval over pictures.
    """

    label: str
    pictures: int
    tested: int
    share: float
    average_precision: float
    low: float
    high: float


@dataclass(frozen=True)
class LabelStanding:
    """Where one backbone stands.

    Attributes
    ----------
    backbone : str
        Its name.
    mean_average_precision, low, high : float
        Mean over the labels that are judged, and its 95% interval over pictures.
    labels_low, labels_high : float
        The 95% interval over labels, as if these were drawn from more of their kind.
    behind, behind_low, behind_high : float
        How much less that is than the best backbone's, and the 95% interval of that, paired by
        picture. The intervals of all backbones hold together.
    pictures_per_second : float
        Speed of embedding; NaN where it was not measured.
    pretrained : bool
        False for random weights.
    labels : tuple of LabelPrecision
        In the order of the study.
    group : int
        Backbones of one group cannot be told apart from its best; 1 is the best group.
    cost : Cost or None
        What a picture costs; None where it was not measured.
    """

    backbone: str
    mean_average_precision: float
    low: float
    high: float
    labels_low: float
    labels_high: float
    behind: float
    behind_low: float
    behind_high: float
    pictures_per_second: float
    pretrained: bool
    labels: tuple[LabelPrecision, ...]
    group: int = 1
    cost: Cost | None = None

    @property
    def ties_with_best(self) -> bool:
        """Whether chance alone may explain that it is behind the best, or it is the best."""
        return self.behind_low <= 0.0


@dataclass(frozen=True)
class LabelVerdict:
    """Backbones from best to worst by mean average precision, and what to do.

    Attributes
    ----------
    head : str
        By whose scores.
    pictures : int
        How many different pictures were tested.
    repeats : int
        In how many splits.
    standings : tuple of LabelStanding
        Best first; those with random weights last.
    left_out : tuple of LeftOut
        Labels that are not judged, and are part of no mean.
    take : LabelStanding
        The one to take: the cheapest of those that cannot be told apart from the best and are at
        most .01 behind it.
    expected, expected_low, expected_high : float
        Mean average precision that its classifier, of all labelled pictures, is expected to reach
        on new ones, and the 95% interval: what it reached, less the luck of a backbone that was
        chosen of several, and what more pictures give.
    luck : float
        How much less than it reached that is without what more pictures give.
    gain : GainOfAll or None
        What more pictures give, by its learning curve; None where none tells.
    """

    head: str
    pictures: int
    repeats: int
    standings: tuple[LabelStanding, ...]
    left_out: tuple[LeftOut, ...]
    take: LabelStanding
    expected: float
    expected_low: float
    expected_high: float
    luck: float
    gain: GainOfAll | None

    @property
    def foretold(self) -> float:
        """What of it was not measured: that of more pictures, as far as 1 is off."""
        reached = self.take.mean_average_precision - self.luck
        return 0.0 if self.gain is None else self.expected - reached

    def sentence(self) -> str:
        """Say what to take, what is as good, what is worse, and which labels were not judged."""
        return " ".join(self.sentences())

    def sentences(self) -> list[str]:
        """Say the same a sentence an item, what to take first."""
        return [each for each in (*self._ranking(), self._extremes(), self._unjudged()) if each]

    def explanation(self) -> str:
        """Say in a line why what is expected is not what was reached; empty where it is."""
        more, told = self.gain, []
        if self.luck >= 0.0005:
            told.append(f"Taken off: {self.luck:.3f}, the luck of what is chosen of several.")
        if more is not None and self.foretold >= 0.0005:
            told.append(
                f"Added: {self.foretold:.3f}, by its learning curve, for the classifier learns "
                f"from all {more.labelled:,} labelled pictures, and the probes that were tested "
                f"from {more.learned:,}."
            )
        reached = self.take.mean_average_precision
        counted = f"{self.take.backbone} reached {reached:.3f} on the held-out pictures."
        if not self.take.pretrained:  # nothing is expected of it, so nothing is to be explained
            return counted
        return " ".join([counted, *told]) if told else ""

    def record(self) -> dict[str, Any]:
        """Return all of it as plain JSON."""
        return {
            "head": self.head,
            "pictures": self.pictures,
            "repeats": self.repeats,
            "take": self.take.backbone if self.take.pretrained else None,
            "expected": self.expected,
            "expected_low": self.expected_low,
            "expected_high": self.expected_high,
            "gain_of_all": None if self.gain is None else asdict(self.gain),
            "sentence": self.sentence(),
            "backbones": [standing_record(each) for each in self.standings],
            "left_out": [asdict(each) for each in self.left_out],
        }

    def _ranking(self) -> list[str]:
        best, take = self.standings[0], self.take
        if not take.pretrained:
            return [f"{best.backbone} has random weights: nothing here is worth taking."]
        trained = [each for each in self.standings if each.pretrained]
        count = len(take.labels)
        over = "its one label" if count == 1 else f"{count:,} labels"
        words = [
            f"Take {take.backbone}: expect a mean average precision of {self.expected:.3f} over "
            f"{over} of new pictures (95% interval {self.expected_low:.3f} to "
            f"{self.expected_high:.3f})."
        ]
        words += [_tie(each, take) for each in trained if each.ties_with_best and each is not take]
        worse = [each for each in trained if not each.ties_with_best]
        if worse:
            listed = ", ".join(f"{each.backbone} (by {each.behind:.3f})" for each in worse)
            than = f" than {best.backbone}" if best is not take else ""
            words.append(f"Surely worse{than}: {listed}.")
        random = [each for each in self.standings if not each.pretrained]
        if random:
            listed = ", ".join(
                f"{each.backbone} ({each.mean_average_precision:.3f})" for each in random
            )
            words.append(f"Random weights, for comparison only: {listed}.")
        return words

    def _extremes(self) -> str:
        """Name the labels that are found best and worst."""
        ordered = sorted(self.take.labels, key=lambda each: -each.average_precision)
        best, worst = ordered[0], ordered[-1]
        if f"{best.average_precision:.3f}" == f"{worst.average_precision:.3f}":
            return ""
        return (
            f"It finds {best.label} best ({best.average_precision:.3f}) and {worst.label} worst "
            f"({worst.average_precision:.3f}, {worst.low:.3f} to {worst.high:.3f}; a guess would "
            f"reach {worst.share:.3f})."
        )

    def _unjudged(self) -> str:
        return unjudged_sentence(self.left_out)


def judge_labels(results: Results, head: str = LINEAR_PROBE.key) -> LabelVerdict:
    """Say which backbone to take for several labels a picture, by the scores of a head.

    A label's average precision is `held_out_precision` of the scores of all splits: that of new
    pictures, which neither the mean of single splits estimates nor that of all scores together. A
    backbone's figure is the mean over labels. Both vary over pictures, or groups that no split
    parts: their variance and that of a difference are of how much each picture moves them, by the
    jackknife, which leaves out the same picture for all backbones. An interval is that
    of a share which is known as well, of no more trials than there are pictures with the label, and
    so has a width where all is found. Who is worse, and what to expect of the best, is said by
    `compare_figures`; what its probes are expected to gain by learning from all labelled pictures
    is added, see `gain_of_all`. Of those that cannot be told apart from the best and are at most
    .01 behind it, the cheapest is taken.

    Parameters
    ----------
    results : Results
        Of a study of several labels a picture.
    head : {"linear_probe", "knn"}, default "linear_probe"
        Whose scores.

    Returns
    -------
    LabelVerdict

    Raises
    ------
    StudyError
        If the pictures have one class each: `judge` judges such a study.
    """
    if results.label_sets is None:
        raise StudyError(f"{results.name} is a study of one class a picture; judge judges it.")
    scores = results.label_scores
    rows = rows_by_backbone(results, scores[scores["head"] == head])
    names = [str(name) for name in results.label_sets]
    members = results.label_sets.to_numpy(bool)
    units = units_of(results.pictures[results.pictures["kept"]])
    labels = np.flatnonzero(enough(members, units))
    measured = {name: measure_precision(own, members, units, labels) for name, own in rows.items()}
    one = next(iter(measured.values()))
    judged = np.flatnonzero(one.judged)
    standings, found = _stand(measured, judged, results, names, members)
    take = cheapest(
        [
            each
            for each in standings
            if each.ties_with_best
            and each.behind <= GIVEN_UP
            and (each.pretrained or not standings[0].pretrained)
        ]
    )
    told = Interval(found.expected, found.low, found.high)
    if take is not standings[0]:
        expected = min(take.mean_average_precision, found.expected)
        told = Interval(expected, min(take.low, found.low), take.high)
    luck = take.mean_average_precision - told.estimate
    gain = gain_of_all(results, take.backbone) if head == LINEAR_PROBE.key else None
    if gain is not None:
        told = told.raised(gain.gain)
    table = next(iter(rows.values()))
    return LabelVerdict(
        head, int(table["picture"].nunique()), int(table["repeat"].nunique()), tuple(standings),
        left_out(names, members, units, one.judged), take, told.estimate, told.low, told.high,
        luck, gain,
    )  # fmt: skip


@dataclass(frozen=True)
class JudgedScores:
    """How well scores find labels.

    Attributes
    ----------
    mean : Interval
        Of average precision over `labels`, with the 95% interval; NaN where there is none.
    labels : tuple of LabelPrecision
        Those that a handful of pictures have, and a handful lack.
    left_out : tuple of LeftOut
        The others.
    """

    mean: Interval
    labels: tuple[LabelPrecision, ...]
    left_out: tuple[LeftOut, ...]


def judge_scores(
    scores: Numbers,
    members: NDArray[np.bool_],
    units: NDArray[np.int64],
    names: Sequence[str],
) -> JudgedScores:
    """Return the average precision of scores that nothing was chosen by, as `judge_labels` does.

    Parameters
    ----------
    scores : ndarray of shape (pictures, labels)
        The higher, the more likely a picture has the label.
    members : ndarray of shape (pictures, labels), bool
        Which labels each has.
    units : ndarray of shape (pictures,), int64
        What each picture counts as: copies of one are one.
    names : sequence of str
        Of the labels.
    """
    nothing = Interval(float("nan"), 0.0, 1.0)
    if not len(scores):
        return JudgedScores(nothing, (), ())
    rows = pd.DataFrame({"picture": np.arange(len(scores)), "repeat": 0, "scores": list(scores)})
    measured = measure_precision(rows, members, units, np.flatnonzero(enough(members, units)))
    left = left_out(tuple(names), members, units, measured.judged)
    judged = np.flatnonzero(measured.judged)
    if not len(judged):
        return JudgedScores(nothing, (), left)
    mean = float(measured.precision[judged].mean())
    low, high = _compared(["scores"], {"scores": mean}, {"scores": measured}, judged).intervals[0]
    labels = _precisions(measured, judged, list(names), members)
    return JudgedScores(Interval(mean, float(low), float(high)), labels, left)


def verdict_of(results: Results) -> Verdict | LabelVerdict:
    """Judge a study, whether its pictures have one class or several labels each.

    Raises
    ------
    StudyError
        As `judge` and `judge_labels`.
    """
    return judge(results) if results.label_sets is None else judge_labels(results)


def _stand(
    measured: Mapping[str, MeasuredPrecision],
    judged: NDArray[np.intp],
    results: Results,
    labels: list[str],
    members: NDArray[np.bool_],
) -> tuple[list[LabelStanding], Comparison]:
    """Return where each backbone stands, best first, and how those that may be taken compare."""
    facts = results.backbones.set_index("backbone")
    pretrained = facts["pretrained"].astype(bool)
    means = {name: float(each.precision[judged].mean()) for name, each in measured.items()}
    order = sorted(means, key=lambda name: (not pretrained[name], -means[name], name))
    trained = [name for name in order if pretrained[name]] or order
    whole = _compared(order, means, measured, judged)
    found = whole if trained == order else _compared(trained, means, measured, judged)
    groups, costs = groups_of(order, whole), costs_of(results.costs)
    standings = []
    for place, name in enumerate(order):
        behind = found.behind[trained.index(name)] if name in trained else whole.behind[place]
        (low, high), (least, most) = map(float, whole.intervals[place]), map(float, behind)
        over = mean_interval(np.clip(measured[name].precision[judged], 0.0, 1.0))
        standings.append(
            LabelStanding(
                name, means[name], low, high, over.low, over.high,
                means[order[0]] - means[name], least, most,
                float(facts["pictures_per_second"][name]), bool(pretrained[name]),
                _precisions(measured[name], judged, labels, members), groups[name],
                costs.get(name),
            )
        )  # fmt: skip
    return standings, found


def _compared(
    names: list[str],
    means: Mapping[str, float],
    measured: Mapping[str, MeasuredPrecision],
    judged: NDArray[np.intp],
) -> Comparison:
    one = measured[names[0]]
    moved = np.column_stack(
        [measured[name].influence[one.units][:, judged].mean(axis=1) for name in names]
    )
    sizes = np.full(len(names), min(one.trials(judged), float(len(moved))))
    return compare_figures([min(means[name], 1.0) for name in names], moved, sizes)


def _precisions(
    of: MeasuredPrecision, judged: NDArray[np.intp], labels: list[str], members: NDArray[np.bool_]
) -> tuple[LabelPrecision, ...]:
    found = []
    points = int(np.count_nonzero(of.units))
    scale = points / max(points - 1, 1)
    for label in judged:
        variance = scale * float((of.influence[:, label] ** 2).sum())
        about = interval_of(min(float(of.precision[label]), 1.0), variance, float(of.found[label]))
        found.append(
            LabelPrecision(
                labels[label], int(members[:, label].sum()), int(of.tested[label]),
                float(of.share[label]), about.estimate, about.low, about.high,
            )
        )  # fmt: skip
    return tuple(found)


def _tie(each: LabelStanding, take: LabelStanding) -> str:
    """Say what another that cannot be told apart reaches and costs."""
    reached = f"{each.mean_average_precision:.3f}"
    if each.mean_average_precision > take.mean_average_precision:
        told = f"{each.backbone}'s {reached} is no sure gain"
    else:
        told = f"{each.backbone} cannot be told apart from it ({reached})"
    return at_what_cost(told, each, take)
