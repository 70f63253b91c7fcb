"""The verdict: which backbone to take, with what certainty, at what cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import Field, asdict, dataclass
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.errors import StudyError
from embedlens.metrics.comparison import Comparison, compare
from embedlens.metrics.proportion import Interval, difference_interval, proportion_interval
from embedlens.results.class_coverage import ClassCoverage, class_coverage
from embedlens.results.cost import Cost, costs_of
from embedlens.results.learning_curve import GainOfAll, gain_of_all
from embedlens.results.results import Results
from embedlens.results.units import units_of
from embedlens.results.vocabulary import LINEAR_PROBE

_DEARER = 1.2  # times the computing: less is no reason to take another
# How much less accurate, as counted, the cheapest may be. Few pictures tell nothing apart: without
# this bound the cheapest of all was taken, and lost several points; see docs/evidence.md.
GIVEN_UP = 0.01


@dataclass(frozen=True)
class Standing:
    """Where one backbone stands.

    Attributes
    ----------
    backbone : str
        Its name.
    accuracy, low, high : float
        Share of held-out pictures classified rightly, and its 95% interval.
    behind, behind_low, behind_high : float
        How much less that is than the best backbone's, and the 95% interval of that, paired by
        picture. The intervals of all backbones hold together.
    pictures_per_second : float
        Speed of embedding; NaN where it was not measured.
    pretrained : bool
        False for random weights.
    group : int
        Backbones of one group cannot be told apart from its best; 1 is the best group.
    cost : Cost or None
        What a picture costs; None where it was not measured.
    """

    backbone: str
    accuracy: float
    low: float
    high: float
    behind: float
    behind_low: float
    behind_high: float
    pictures_per_second: float
    pretrained: bool
    group: int = 1
    cost: Cost | None = None

    @property
    def ties_with_best(self) -> bool:
        """Whether chance alone may explain that it is behind the best, or it is the best."""
        return self.behind_low <= 0.0


@dataclass(frozen=True)
class Verdict:
    """Backbones from best to worst, and what to do.

    Attributes
    ----------
    head : str
        By whose predictions.
    pictures : int
        How many different pictures were tested.
    repeats : int
        In how many splits.
    standings : tuple of Standing
        Best first; those with random weights last.
    coverage : ClassCoverage
        Which classes were tested.
    take : Standing
        The one to take: the cheapest of those that cannot be told apart from the best and are at
        most one point behind it.
    expected, expected_low, expected_high : float
        Share of new pictures that its classifier, of all labelled pictures, is expected to get
        right, and the 95% interval: its accuracy, less the luck of a backbone that was chosen of
        several, and what more labels give.
    luck : float
        How much less than its accuracy that is without what more labels give.
    gain : GainOfAll or None
        What more labels give, by its learning curve; None where none tells.
    """

    head: str
    pictures: int
    repeats: int
    standings: tuple[Standing, ...]
    coverage: ClassCoverage
    take: Standing
    expected: float
    expected_low: float
    expected_high: float
    luck: float
    gain: GainOfAll | None

    @property
    def foretold(self) -> float:
        """What of the share expected was not measured: that of more labels, as far as 1 is off."""
        return 0.0 if self.gain is None else self.expected - (self.take.accuracy - self.luck)

    def sentence(self) -> str:
        """Say what to take, what is as good, what is worse, and which classes were not judged."""
        return " ".join(self.sentences())

    def sentences(self) -> list[str]:
        """Say the same a sentence an item, what to take first."""
        nothing = self.coverage.says_nothing
        told = [_one_class(self.standings[0], self.coverage)] if nothing else self._ranking()
        return [each for each in (*told, self.coverage.sentence()) if each]

    def explanation(self) -> str:
        """Say in a line why what is expected is not what was counted; empty where it is.

        The figure that was counted is that of the best of several, or of one that is near it, and
        chance helps to be that; and it is of heads that learned from fewer pictures.
        """
        take, more, told = self.take, self.gain, []
        if self.luck >= 0.0005:
            told.append(
                f"Taken off: {100 * self.luck:.1f} points, the luck of what is chosen of several."
            )
        if more is not None and self.foretold >= 0.0005:
            told.append(
                f"Added: {100 * self.foretold:.1f} points, by its learning curve, for the "
                f"classifier learns from all {more.labelled:,} labelled pictures, and the heads "
                f"that were tested from {more.learned:,}."
            )
        counted = f"{take.backbone} got {take.accuracy:.1%} of the held-out pictures right."
        if not take.pretrained:  # nothing is expected of it, so nothing is to be explained
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
        }

    def _ranking(self) -> list[str]:
        best, take = self.standings[0], self.take
        trained = [each for each in self.standings if each.pretrained]
        tied = [each for each in trained if each.ties_with_best and each is not take]
        worse = [each for each in trained if not each.ties_with_best]
        random = [each for each in self.standings if not each.pretrained]
        if not take.pretrained:
            return [
                f"{best.backbone} has random weights: nothing here is worth taking.",
                *(_tie(each, best) for each in random[1:] if each.ties_with_best),
            ]
        words = [
            f"Take {take.backbone}: expect it to get {self.expected:.1%} of new pictures right "
            f"(95% interval {self.expected_low:.1%} to {self.expected_high:.1%})"
            f"{self.coverage.clause()}."
        ]
        words += [_tie(each, take) for each in tied]
        if worse:
            listed = ", ".join(f"{w.backbone} (by {100 * w.behind:.1f} points)" for w in worse)
            than = f"than {best.backbone}" if best is not take else ""
            words.append(f"Surely worse{' ' * bool(than)}{than}: {listed}.")
        if random:
            listed = ", ".join(f"{each.backbone} ({each.accuracy:.1%})" for each in random)
            words.append(f"Random weights, for comparison only: {listed}.")
        return words


def judge(results: Results, head: str = "linear_probe") -> Verdict:
    """Say which backbone to take, by a head on pictures that it was not trained on.

    Backbones are compared on the same pictures and splits by `embedlens.metrics.compare`, for which
    a picture tested in several splits is one picture. Of those that cannot be told apart from the
    best and are at most one point behind it, the cheapest is taken, see `cheapest`; no more is
    expected of it than of the best. What its linear probe is expected to gain by learning from all
    labelled pictures is added, see `gain_of_all`. Copies of a picture count as one, and so does a
    group that no split parts. Random weights are compared with the others, but never taken.

    Parameters
    ----------
    results : Results
        Of a study.
    head : str, default "linear_probe"
        Whose predictions.

    Returns
    -------
    Verdict

    Raises
    ------
    StudyError
        If the pictures have several labels each: `judge_labels` judges such a study.
    """
    if results.label_sets is not None:
        raise StudyError(
            f"{results.name} is a study of several labels a picture; judge_labels judges it."
        )
    rows = results.predictions.query("head == @head and stage == 'pretrained'")
    hits, shown = count_hits(rows, rows["backbone"], results)
    facts = results.backbones.set_index("backbone")
    pretrained = facts["pretrained"].astype(bool)
    costs = costs_of(results.costs)
    names = sorted(hits, key=lambda name: (not pretrained[name], -hits[name].sum(), name))
    trained = [name for name in names if pretrained[name]] or names
    found = _compared(trained, hits, shown)
    groups = groups_of(names, _compared(names, hits, shown) if trained != names else found)
    standings = []
    for name in names:
        share = proportion_interval(hits[name], shown)
        behind = difference_interval(hits[names[0]], hits[name], shown)
        low, high = behind.low, behind.high
        if name in trained:
            low, high = map(float, found.behind[trained.index(name)])
        standings.append(
            Standing(
                name, share.estimate, share.low, share.high, behind.estimate, low, high,
                float(facts["pictures_per_second"][name]), bool(pretrained[name]), groups[name],
                costs.get(name),
            )
        )  # fmt: skip
    take = cheapest(
        [
            each
            for each in standings
            if each.ties_with_best and each.backbone in trained and each.behind <= GIVEN_UP
        ]
    )
    told = Interval(found.expected, found.low, found.high)
    if take is not standings[0]:
        told = Interval(min(take.accuracy, told.estimate), min(take.low, told.low), take.high)
    luck = take.accuracy - told.estimate
    gain = gain_of_all(results, take.backbone) if head == LINEAR_PROBE.key else None
    if gain is not None:
        told = told.raised(gain.gain)
    return Verdict(
        head, int(rows["picture"].nunique()), int(rows["repeat"].nunique()), tuple(standings),
        class_coverage(results, head), take, told.estimate, told.low, told.high, luck, gain,
    )  # fmt: skip


class Costly(Protocol):
    """What has a cost, perhaps."""

    @property
    def cost(self) -> Cost | None:
        """What a picture costs; None where it was not measured."""


CostlyT = TypeVar("CostlyT", bound=Costly)


def cheapest(tied: Sequence[CostlyT]) -> CostlyT:
    """Return the one to take of several that cannot be told apart, the best first.

    It is the best of those that cost least: a cost is the least if it exceeds the lowest
    by less than a fifth. Where the cost of any was not measured, it is the best.
    """
    costs = [each.cost for each in tied]
    if any(cost is None for cost in costs):
        return tied[0]
    least = min((cost for cost in costs if cost is not None), key=lambda cost: cost.milliseconds)
    return next(each for each in tied if each.cost is not None and each.cost.over(least) < _DEARER)


def _compared(
    names: list[str], hits: dict[str, NDArray[np.float64]], shown: NDArray[np.float64]
) -> Comparison:
    return compare(np.column_stack([hits[name] for name in names]), shown)


def groups_of(names: list[str], found: Comparison) -> dict[str, int]:
    """Group backbones, best first: each with all that chance may put behind the group's best."""
    groups: dict[str, int] = {}
    left, number = list(range(len(names))), 0
    while left:
        number += 1
        same = [each for each in left if not found.apart[left[0], each]]
        groups |= {names[each]: number for each in same}
        left = [each for each in left if each not in same]
    return groups


class Ranked(Costly, Protocol):
    """Where a backbone stands: a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def pictures_per_second(self) -> float:
        """Speed of embedding; NaN where it was not measured."""

    @property
    def ties_with_best(self) -> bool:
        """Whether chance alone may explain that it is behind the best."""


def standing_record(each: Ranked) -> dict[str, Any]:
    """Return where a backbone stands as plain JSON."""
    record = {key: value for key, value in asdict(each).items() if key != "cost"}
    if not each.pictures_per_second > 0:
        record["pictures_per_second"] = None  # JSON has no NaN
    cost = None if each.cost is None else asdict(each.cost)
    return {**record, "ties_with_best": each.ties_with_best, "cost": cost}


def count_hits(
    rows: pd.DataFrame, of: pd.Series, results: Results
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64]]:
    """Count how often each group of pictures was right, and how often it was tested.

    A group is what no split parts: copies of one picture, and the pictures of one patient where the
    study was told of patients. Most groups are one picture.

    Parameters
    ----------
    rows : DataFrame
        Of ``Results.predictions``.
    of : Series
        What each row is counted for, such as its backbone.
    results : Results
        Of the study.

    Returns
    -------
    hits : dict of str to ndarray of shape (groups,)
        By what they are counted for.
    shown : ndarray of shape (groups,)
        In how many splits its pictures were tested; only splits count in which all were tested
        on a picture.
    """
    labels = results.pictures["label"].to_numpy()
    right = pd.Series(rows["predicted"].to_numpy() == labels[rows["picture"]])
    by = [rows["picture"].to_numpy(), rows["repeat"].to_numpy(), of.to_numpy(str)]
    table = right.groupby(by).first().unstack().dropna().astype(float)
    units = units_of(results.pictures)[table.index.get_level_values(0)]
    counts = table.groupby(units).agg(["sum", "size"])
    names = [str(name) for name in table.columns]
    shown = counts[(names[0], "size")].to_numpy(float)
    return {name: counts[(name, "sum")].to_numpy(float) for name in names}, shown


def _one_class(best: Standing, coverage: ClassCoverage) -> str:
    return (
        f"Nothing can be recommended: all held-out pictures are of one class of "
        f"{len(coverage.classes)}, {coverage.tested[0]}, and whoever names no other class is "
        f"right. {best.backbone} gets {best.accuracy:.1%} of them right (95% interval "
        f"{best.low:.1%} to {best.high:.1%})."
    )


def _tie(each: Standing, take: Standing) -> str:
    """Say what another that cannot be told apart gets and costs."""
    if each.accuracy > take.accuracy:
        told = f"{each.backbone}'s {each.accuracy:.1%} is no sure gain"
    else:
        told = f"{each.backbone} cannot be told apart from it ({each.accuracy:.1%})"
    return at_what_cost(told, each, take)


def at_what_cost(told: str, each: Costly, take: Costly) -> str:
    """Return what is told of a backbone as a sentence, with its cost beside that of another."""
    if each.cost is None or take.cost is None:
        return f"{told}."
    times = each.cost.over(take.cost)
    if times >= _DEARER:
        return f"{told} and costs {times:.1f} times the computing."
    if times <= 1 / _DEARER:
        return f"{told} and costs {times:.0%} of the computing."
    return f"{told} and costs as much."
