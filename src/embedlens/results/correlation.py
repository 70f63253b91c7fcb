"""Whether scores and silhouettes go with accuracy across backbones, and how surely."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from math import factorial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from embedlens.results.results import Results
from embedlens.results.vocabulary import (
    FEATURES,
    HEADS,
    MAPS,
    SCORES,
    STAGES,
    metric_title,
    space_of,
)

# The least p that a two-sided test of the order of n backbones can give is 2 / n!: with four it is
# .083, so that four backbones cannot show anything at the usual .05.
FEWEST = 5
_ORDERS = 10_000
_NORMAL = 1.959964  # 95% of a normal distribution lie within so many standard deviations


@dataclass(frozen=True)
class Correlation:
    """How two numbers go together over backbones.

    Attributes
    ----------
    backbones : int
        How many.
    pearson, pearson_low, pearson_high : float
        Correlation, and its 95% interval, by Fisher's transformation. NaN under 3 backbones.
    spearman, spearman_low, spearman_high : float
        The same of the ranks; see `rank_interval`.
    p : float
        How often a random order has a Spearman correlation at least as far from 0: exact up to 7
        backbones, of 10,000 orders above. NaN where a backbone has several points.
    """

    backbones: int
    pearson: float
    pearson_low: float
    pearson_high: float
    spearman: float
    spearman_low: float
    spearman_high: float
    p: float


def correlate(
    x: ArrayLike, y: ArrayLike, backbones: ArrayLike | None = None, seed: int = 0
) -> Correlation:
    """Correlate two numbers over backbones.

    Parameters
    ----------
    x, y : array-like of shape (n,)
        A pair a point.
    backbones : array-like of shape (n,), optional
        The backbone of each point; by default each is another's. The intervals are those of so
        many backbones, however many points each has.
    seed : int, default 0
        Of the random orders.

    Examples
    --------
    >>> found = correlate([1, 2, 3, 4, 5], [2, 3, 5, 7, 11])
    >>> found.backbones, round(found.pearson, 2), found.spearman, round(found.p, 3)
    (5, 0.97, 1.0, 0.017)
    """
    one, two = np.asarray(x, np.float64), np.asarray(y, np.float64)
    names = np.arange(len(one)) if backbones is None else np.asarray(backbones)
    groups = [np.flatnonzero(names == name) for name in pd.unique(names)]
    if len(groups) < 3:
        return Correlation(len(groups), *[np.nan] * 7)
    pearson, spearman = _pearson(one, two), _spearman(one, two)
    several = len(groups) < len(one)
    rng = np.random.default_rng(seed)
    return Correlation(
        len(groups),
        pearson, *_fisher(pearson, 1.0, len(groups)),
        spearman, *rank_interval(spearman, len(groups)),
        np.nan if several else _chance(rankdata(one), rankdata(two), rng),
    )  # fmt: skip


def rank_interval(spearman: float, n: int) -> tuple[float, float]:
    """Return the 95% interval of a Spearman correlation of n pairs.

    Fisher's transformation with the variance of Bonett and Wright. A perfect order, of which the
    transformation makes infinity, counts as half a step short of it: two neighbours that change
    places are a step. It so has a width: 5 pairs in one order are .16 to 1.

    Parameters
    ----------
    spearman : float
        The correlation.
    n : int
        Pairs. Under 4 there is no interval: -1 to 1.

    References
    ----------
    D. Bonett, T. Wright, "Sample size requirements for estimating Pearson, Kendall and Spearman
    correlations", Psychometrika 65, 2000.

    Examples
    --------
    >>> low, high = rank_interval(1.0, 5)
    >>> round(low, 2), high
    (0.16, 1.0)
    """
    most = 1 - 6 / max(n * (n**2 - 1), 6)
    near = float(np.clip(spearman, -most, most))
    low, high = _fisher(near, 1 + near**2 / 2, n)
    if spearman > most:
        return low, 1.0
    return (-1.0, high) if spearman < -most else (low, high)


def _fisher(correlation: float, variance: float, n: int) -> tuple[float, float]:
    """Return the 95% interval where atanh of the correlation has the variance over n - 3."""
    if n < 4:
        return (-1.0, 1.0) if np.isfinite(correlation) else (np.nan, np.nan)
    half = _NORMAL * np.sqrt(variance / (n - 3))
    with np.errstate(divide="ignore"):  # a correlation of 1 exactly stays 1
        centre = np.arctanh(np.clip(correlation, -1.0, 1.0))
    return float(np.tanh(centre - half)), float(np.tanh(centre + half))


def correlations(
    results: Results, head: str = "linear_probe", seed: int = 0
) -> dict[str, Correlation]:
    """Correlate each score and silhouette with the accuracy of a head across backbones.

    Backbones with random weights are left out: one of them makes any two numbers go together.

    Returns
    -------
    dict of str to Correlation
        By metric, such as "score.log_me" and "silhouette.pca"; those that fewer than 2 backbones
        have are left out.
    """
    accuracy = results.mean(f"{head}.accuracy", "test").to_dict()
    trained = results.backbones.loc[results.backbones["pretrained"], "backbone"]
    scores = [("score." + name, "train") for name in SCORES]
    silhouettes = [
        (f"silhouette.{space}", space_of(space).judged_on) for space in (FEATURES.key, *MAPS)
    ]
    found = {}
    for metric, split in [*scores, *silhouettes]:
        values = results.mean(metric, split).to_dict()
        names = [name for name in trained if name in values and name in accuracy]
        if len(names) >= 2:
            found[metric] = correlate(
                [values[name] for name in names], [accuracy[name] for name in names], seed=seed
            )
    return found


def reduced_features(results: Results) -> pd.DataFrame:
    """Return accuracy beside silhouette of every map, all of the test pictures of split 1.

    Other splits cannot judge a map that learned from labels, as it learned from their test
    pictures; so all maps are compared on the one that can.

    Returns
    -------
    DataFrame
        Columns backbone, stage, space, head, silhouette, accuracy, mean, splits: of each head that
        was trained on the coordinates of a map alone. The silhouette is that of the test pictures
        among themselves, NaN where they have none; mean is the accuracy over so many splits.
    """
    rows = []
    for stage in STAGES:
        for space in MAPS:
            silhouette = results.first(f"silhouette.{space}", "test", stage).to_dict()
            for head in HEADS:
                metric = f"{space}.{head}.accuracy"
                mean = results.mean(metric, "test", stage).to_dict()
                rows_of = results.measured(metric=metric, stage=stage)
                splits = rows_of.groupby("backbone")["repeat"].nunique().to_dict()
                rows += [
                    {
                        "backbone": name, "stage": stage, "space": space, "head": head,
                        "silhouette": silhouette.get(name, np.nan), "accuracy": value,
                        "mean": mean[name], "splits": splits[name],
                    }
                    for name, value in results.first(metric, "test", stage).items()
                ]  # fmt: skip
    columns = [
        "backbone", "stage", "space", "head", "silhouette", "accuracy", "mean", "splits"
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def correlation_sentence(found: dict[str, Correlation]) -> str:
    """Say which scores go with accuracy, or that there are too few backbones to say.

    Parameters
    ----------
    found : dict of str to Correlation
        Of `correlations`.
    """
    most = max((each.backbones for each in found.values()), default=0)
    if most < 2:
        return "There is one pretrained backbone: nothing to compare scores and silhouettes with."
    if most < FEWEST:
        chance = min(1.0, 2 / factorial(most))
        return (
            f"{most} pretrained backbones are too few to say whether a score or a silhouette goes "
            f"with accuracy: even a perfect order of {most} comes by chance {chance:.0%} of the "
            "time."
        )
    sure = {metric: each for metric, each in found.items() if each.p < 0.05}
    counted = f"Across {most} pretrained backbones, of {len(found)} scores and silhouettes"
    if not sure:
        return f"{counted} none goes with accuracy more surely than chance (all p > .05)."
    told = [
        f"{metric_title(metric)} (Spearman {each.spearman:.2f}, 95% interval "
        f"{each.spearman_low:.2f} to {each.spearman_high:.2f}, p = {each.p:.3f})"
        for metric, each in sorted(sure.items(), key=lambda pair: -abs(pair[1].spearman))
    ]
    return (
        f"{counted} these go with accuracy: {', '.join(told)}. With so many looked at, one in "
        "twenty would by chance."
    )


def _chance(one: NDArray[np.float64], two: NDArray[np.float64], rng: np.random.Generator) -> float:
    n = len(one)
    orders = (
        np.array(list(permutations(range(n))))
        if n <= 7
        else np.array([rng.permutation(n) for _ in range(_ORDERS)])
    )
    first, second = one - one.mean(), two - two.mean()
    # A rounding below, so that the order itself is counted among those at least as far.
    far = np.abs(second[orders] @ first) >= abs(second @ first) * (1 - 1e-12)
    return float(far.mean()) if n <= 7 else float((far.sum() + 1) / (_ORDERS + 1))


def _pearson(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    first, second = one - one.mean(), two - two.mean()
    size = np.sqrt((first @ first) * (second @ second))
    return float(first @ second / size) if size > 0 else float("nan")


def _spearman(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    return _pearson(rankdata(one), rankdata(two))
