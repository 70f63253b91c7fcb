"""The verdict: which backbone to take, with what certainty, at what cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.metrics.proportion import difference_interval, proportion_interval
from embedlens.results.class_coverage import ClassCoverage, class_coverage
from embedlens.results.results import Results


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
        How much less that is than the best backbone's, and its 95% interval, paired by picture.
    pictures_per_second : float
        Speed of embedding; NaN where it was not measured.
    pretrained : bool
        False for random weights.
    group : int
        Backbones of one group cannot be told apart from its best; 1 is the best group.
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
    """

    head: str
    pictures: int
    repeats: int
    standings: tuple[Standing, ...]
    coverage: ClassCoverage

    def sentence(self) -> str:
        """Say what to take, what is as good, what is worse, and which classes were not judged."""
        if self.coverage.says_nothing:
            return f"{_one_class(self.standings[0], self.coverage)} {self.coverage.sentence()}"
        return " ".join([*self._ranking(), self.coverage.sentence()]).strip()

    def _ranking(self) -> list[str]:
        best, *others = self.standings
        trained = [each for each in others if each.pretrained]
        tied = [each for each in trained if each.ties_with_best]
        worse = [each for each in trained if not each.ties_with_best]
        random = [each for each in others if not each.pretrained]
        words = [
            f"Take {best.backbone}: it gets {best.accuracy:.1%} of held-out pictures right "
            f"(95% interval {best.low:.1%} to {best.high:.1%}){self.coverage.clause()}."
        ]
        if not best.pretrained:
            words = [f"{best.backbone} has random weights: nothing here is worth taking."]
        words += [_tie(each, best) for each in tied]
        if worse:
            listed = ", ".join(f"{w.backbone} (by {100 * w.behind:.1f} points)" for w in worse)
            words.append(f"Worse: {listed}.")
        if random and best.pretrained:
            listed = ", ".join(f"{each.backbone} ({each.accuracy:.1%})" for each in random)
            words.append(f"Random weights, for comparison only: {listed}.")
        return words


def judge(results: Results, head: str = "linear_probe") -> Verdict:
    """Rank backbones by the accuracy of a head on pictures it was not trained on.

    Accuracy is the share of right answers over all splits; its interval is `proportion_interval`'s,
    for which a picture tested in several splits is one picture. Backbones are compared on the same
    pictures and splits, by `difference_interval`.

    Parameters
    ----------
    results : Results
        Of a study.
    head : str, default "linear_probe"
        Whose predictions.

    Returns
    -------
    Verdict
    """
    rows = results.predictions.query("head == @head and stage == 'pretrained'")
    hits, shown = count_hits(rows, rows["backbone"], results)
    names = list(hits)
    facts = results.backbones.set_index("backbone")
    pretrained = facts["pretrained"].astype(bool)
    shares = {name: proportion_interval(hits[name], shown) for name in names}
    order = sorted(names, key=lambda name: (not pretrained[name], -shares[name].estimate, name))
    groups = _groups(order, hits, shown)
    standings = []
    for name in order:
        share, behind = shares[name], difference_interval(hits[order[0]], hits[name], shown)
        standings.append(
            Standing(
                name, share.estimate, share.low, share.high,
                behind.estimate, behind.low, behind.high,
                float(facts["pictures_per_second"][name]), bool(pretrained[name]), groups[name],
            )
        )  # fmt: skip
    repeats = int(rows["repeat"].nunique())
    return Verdict(head, len(shown), repeats, tuple(standings), class_coverage(results, head))


def count_hits(
    rows: pd.DataFrame, of: pd.Series, results: Results
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64]]:
    """Count how often each picture was right, and how often it was tested.

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
    hits : dict of str to ndarray of shape (pictures,)
        By what they are counted for.
    shown : ndarray of shape (pictures,)
        In how many splits each picture was tested; only splits count in which all were tested
        on it.
    """
    labels = results.pictures["label"].to_numpy()
    right = pd.Series(rows["predicted"].to_numpy() == labels[rows["picture"]])
    by = [rows["picture"].to_numpy(), rows["repeat"].to_numpy(), of.to_numpy(str)]
    table = right.groupby(by).first().unstack().dropna().astype(float)
    counts = table.groupby(level=0).agg(["sum", "size"])
    names = [str(name) for name in table.columns]
    shown = counts[(names[0], "size")].to_numpy(float)
    return {name: counts[(name, "sum")].to_numpy(float) for name in names}, shown


def _groups(
    order: list[str], hits: dict[str, NDArray[np.float64]], shown: NDArray[np.float64]
) -> dict[str, int]:
    """Group backbones, best first: each with all that chance may put behind the group's best."""
    groups: dict[str, int] = {}
    left, number = list(order), 0
    while left:
        best, number = left[0], number + 1
        behind = {name: difference_interval(hits[best], hits[name], shown) for name in left}
        groups |= {name: number for name, each in behind.items() if each.low <= 0.0}
        left = [name for name in left if name not in groups]
    return groups


def _one_class(best: Standing, coverage: ClassCoverage) -> str:
    return (
        f"Nothing can be recommended: all held-out pictures are of one class of "
        f"{len(coverage.classes)}, {coverage.tested[0]}, and whoever names no other class is "
        f"right. {best.backbone} gets {best.accuracy:.1%} of them right (95% interval "
        f"{best.low:.1%} to {best.high:.1%})."
    )


def _tie(each: Standing, best: Standing) -> str:
    ratio = each.pictures_per_second / best.pictures_per_second
    speed = ""
    if ratio >= 1.2:
        speed = f" and is {ratio:.1f} times as fast"
    elif ratio <= 1 / 1.2:
        speed = f", but takes {1 / ratio:.1f} times as long"
    return f"{each.backbone} cannot be told apart from it ({each.accuracy:.1%}){speed}."
