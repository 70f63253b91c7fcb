"""The verdict: which backbone to take, with what certainty, at what cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.study.results import Results

RESAMPLES = 4_000


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
    """Backbones from best to worst, and what to do."""

    head: str
    pictures: int
    repeats: int
    standings: tuple[Standing, ...]

    def sentence(self) -> str:
        """Say what to take, what is as good, and what is worse."""
        best, *others = self.standings
        trained = [each for each in others if each.pretrained]
        tied = [each for each in trained if each.ties_with_best]
        worse = [each for each in trained if not each.ties_with_best]
        random = [each for each in others if not each.pretrained]
        words = [
            f"Take {best.backbone}: it gets {best.accuracy:.1%} of held-out pictures right "
            f"(95% interval {best.low:.1%} to {best.high:.1%})."
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
        return " ".join(words)


@dataclass(frozen=True)
class Change:
    """What fine-tuning did to one backbone.

    Attributes
    ----------
    backbone : str
        Its name.
    before, after : float
        Share of held-out pictures that the head gets right.
    low, high : float
        95% interval of after - before, paired by picture.
    pretrained : bool
        False for random weights.
    """

    backbone: str
    before: float
    after: float
    low: float
    high: float
    pretrained: bool = True

    def words(self) -> str:
        """Say what it did, as part of a sentence."""
        change = (
            f"{100 * (self.after - self.before):+.1f} points, 95% interval "
            f"{100 * self.low:+.1f} to {100 * self.high:+.1f}"
        ).replace("-", "−")
        does = "makes no sure difference to"
        if self.low > 0 or self.high < 0:
            does = "helps" if self.low > 0 else "harms"
        told = f"{self.before:.1%} before, {self.after:.1%} after"
        weights = "" if self.pretrained else " with random weights"
        return f"{does} {self.backbone}{weights} ({told}: {change})"


def judge_tuning(results: Results, head: str = "top", seed: int = 0) -> tuple[Change, ...]:
    """Compare a head before and after fine-tuning, on the same held-out pictures.

    Parameters
    ----------
    results : Results
        Of a study.
    head : str, default "top"
        Whose predictions; the top is what is trained with the tail.
    seed : int, default 0
        Of the bootstrap.

    Returns
    -------
    tuple of Change
        A backbone each, in the order of the study; empty where nothing was fine-tuned.
    """
    changes = []
    random = set(results.backbones.query("not pretrained")["backbone"])
    rows = results.predictions.query("head == @head")
    for name in results.backbones["backbone"]:
        own = rows[rows["backbone"] == name]
        tuned = own[own["stage"] == "tuned"]
        # Repeats that were fine-tuned; the same pictures before.
        before = own[(own["stage"] == "pretrained") & own["repeat"].isin(tuned["repeat"])]
        if not len(tuned):
            continue
        both = pd.concat([before, tuned])
        hits, shown, stages = _count(both, both["stage"], results)
        samples = _bootstrap(hits, shown, seed)
        first, second = stages.index("pretrained"), stages.index("tuned")
        accuracy = hits.sum(axis=0) / shown.sum(axis=0)
        low, high = np.quantile(samples[:, second] - samples[:, first], (0.025, 0.975))
        changes.append(
            Change(
                str(name),
                float(accuracy[first]),
                float(accuracy[second]),
                float(low),
                float(high),
                pretrained=name not in random,
            )
        )
    return tuple(changes)


def tuning_sentence(changes: tuple[Change, ...]) -> str:
    """Say what fine-tuning did; empty where nothing was fine-tuned."""
    return f"Fine-tuning {'; '.join(each.words() for each in changes)}." if changes else ""


def judge(results: Results, head: str = "linear_probe", seed: int = 0) -> Verdict:
    """Rank backbones by the accuracy of a head on pictures it was not trained on.

    The intervals come from a paired bootstrap over pictures: pictures are drawn with replacement,
    the same for every backbone, each with all its appearances in the test splits of all repeats.

    Parameters
    ----------
    results : Results
        Of a study.
    head : str, default "linear_probe"
        Whose predictions.
    seed : int, default 0
        Of the bootstrap.

    Returns
    -------
    Verdict
    """
    rows = results.predictions.query("head == @head and stage == 'pretrained'")
    hits, shown, names = _count(rows, rows["backbone"], results)
    samples = _bootstrap(hits, shown, seed)
    accuracy = hits.sum(axis=0) / shown.sum(axis=0)
    facts = results.backbones.set_index("backbone")
    pretrained = facts["pretrained"].reindex(names).to_numpy(bool)
    order = sorted(range(len(names)), key=lambda i: (not pretrained[i], -accuracy[i], names[i]))
    best, groups = order[0], _groups(order, samples)
    standings = []
    for i in order:
        behind = samples[:, best] - samples[:, i]
        low, high = np.quantile(samples[:, i], (0.025, 0.975))
        behind_low, behind_high = np.quantile(behind, (0.025, 0.975))
        standings.append(
            Standing(
                names[i], float(accuracy[i]), float(low), float(high),
                float(accuracy[best] - accuracy[i]), float(behind_low), float(behind_high),
                float(facts["pictures_per_second"][names[i]]), bool(pretrained[i]), groups[i],
            )
        )  # fmt: skip
    return Verdict(head, len(hits), int(rows["repeat"].nunique()), tuple(standings))


def _count(
    rows: pd.DataFrame, of: pd.Series, results: Results
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    """Count how often each picture (row) was right and was tested with each ``of`` (column)."""
    labels = results.pictures["label"].to_numpy()
    right = pd.DataFrame(
        {
            "of": of.to_numpy(),
            "picture": rows["picture"].to_numpy(),
            "right": rows["predicted"].to_numpy() == labels[rows["picture"]],
        }
    )
    counts = right.groupby(["picture", "of"])["right"].agg(["sum", "count"]).unstack()
    hits, shown = counts["sum"].to_numpy(float), counts["count"].to_numpy(float)
    return hits, shown, [str(name) for name in counts["sum"].columns]


def _groups(order: list[int], samples: NDArray[np.float64]) -> dict[int, int]:
    """Group backbones, best first: each with all that chance may put behind the group's best."""
    groups: dict[int, int] = {}
    left = list(order)
    while left:
        behind = samples[:, [left[0]]] - samples[:, left]
        tied = np.quantile(behind, 0.025, axis=0) <= 0.0
        number = max(groups.values(), default=0) + 1
        groups |= {i: number for i, same in zip(left, tied, strict=True) if same}
        left = [i for i in left if i not in groups]
    return groups


def _bootstrap(
    hits: NDArray[np.float64], shown: NDArray[np.float64], seed: int
) -> NDArray[np.float64]:
    """Return accuracies, (resamples, backbones), of pictures drawn with replacement."""
    rng = np.random.default_rng(seed)
    pictures = len(hits)
    samples = np.empty((RESAMPLES, hits.shape[1]))
    for i in range(RESAMPLES):
        weight = np.bincount(rng.integers(0, pictures, pictures), minlength=pictures)
        samples[i] = weight @ hits / (weight @ shown)
    return samples


def _tie(each: Standing, best: Standing) -> str:
    ratio = each.pictures_per_second / best.pictures_per_second
    speed = ""
    if ratio >= 1.2:
        speed = f" and is {ratio:.1f} times as fast"
    elif ratio <= 1 / 1.2:
        speed = f", but takes {1 / ratio:.1f} times as long"
    return f"{each.backbone} cannot be told apart from it ({each.accuracy:.1%}){speed}."
