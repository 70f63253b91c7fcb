"""What keeping groups on one side, or splitting by time, changed: what a random split promises."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedlens.metrics.proportion import Interval
from embedlens.results.results import Results
from embedlens.results.vocabulary import LINEAR_PROBE, PRETRAINED


@dataclass(frozen=True)
class Overstatement:
    """What a random split promises for one backbone, and what new groups or later pictures get.

    Attributes
    ----------
    backbone : str
        Its name.
    random, held : float
        Share of test pictures that a linear probe gets right on random splits, and on those of the
        study.
    error : float
        Standard error of the difference, of groups as wholes.
    """

    backbone: str
    random: float
    held: float
    error: float

    @property
    def excess(self) -> Interval:
        """By how much a random split promises too much, and its 95% interval."""
        excess, reach = self.random - self.held, 1.96 * self.error
        return Interval(excess, excess - reach, excess + reach)

    @property
    def sure(self) -> bool:
        """Whether that is more than chance."""
        return self.excess.low > 0


def judge_groups(results: Results) -> tuple[Overstatement, ...]:
    """Compare each backbone's accuracy with what a random split promises.

    Parameters
    ----------
    results : Results
        Of a study.

    Returns
    -------
    tuple of Overstatement
        In the order of the study; empty where it split at random.
    """
    found = []
    kept = results.pictures[results.pictures["kept"].astype(bool)]
    held = results.predictions
    held = held[(held["stage"] == PRETRAINED.key) & (held["head"] == LINEAR_PROBE.key)]
    for name, random in results.random_splits.groupby("backbone", sort=False):
        own = held[held["backbone"] == name]
        right = own["predicted"].to_numpy() == kept["label"].to_numpy()[own["picture"]]
        groups = np.unique(kept["group"].to_numpy(str), return_inverse=True)[1]
        shares = [
            _counted(groups, rows["picture"].to_numpy(), hits)
            for rows, hits in ((random, random["right"].to_numpy(bool)), (own, right))
        ]
        promised, got = (float(hits.sum() / shown.sum()) for hits, shown in shares)
        found.append(Overstatement(str(name), promised, got, _error(*shares)))
    return tuple(found)


Counts = tuple[NDArray[np.float64], NDArray[np.float64]]


def _counted(
    groups: NDArray[np.int64], pictures: NDArray[np.int64], hits: NDArray[np.bool_]
) -> Counts:
    """Return hits and tests of each group."""
    size = int(groups.max()) + 1
    of = groups[pictures]
    right = np.bincount(of, hits.astype(float), size).astype(float)
    return right, np.bincount(of, minlength=size).astype(float)


def _error(random: Counts, held: Counts) -> float:
    """Return the standard error of the difference of two shares: the jackknife over groups.

    Pictures of a group go together, in both; so a group is left out as a whole.
    """
    without = [
        (hits.sum() - hits) / np.maximum(shown.sum() - shown, 1) for hits, shown in (random, held)
    ]
    values = (without[0] - without[1])[(random[1] > 0) | (held[1] > 0)]
    n = len(values)
    return float(np.sqrt((n - 1) / n * ((values - values.mean()) ** 2).sum()))


def groups_sentence(results: Results, backbone: str | None = None) -> str:
    """Say what was kept together, and what a random split would have promised.

    Parameters
    ----------
    results : Results
        Of a study.
    backbone : str, optional
        Of which; by default the one that gets most right.

    Returns
    -------
    str
        Empty where the study split at random.
    """
    effects = {each.backbone: each for each in judge_groups(results)}
    if not effects:
        return ""
    best = max(effects.values(), key=lambda each: each.held)
    return f"{_kept(results)} {_promise(results, effects.get(backbone or '', best))}"


def _kept(results: Results) -> str:
    settings = results.settings
    kept = results.pictures[results.pictures["kept"].astype(bool)]
    words = []
    if settings.group is not None:
        sizes = kept.loc[kept["given_group"] != "", "given_group"].value_counts()
        least, most = int(sizes.min()), int(sizes.max())
        each = f"{least:,} to {most:,} pictures" if least < most else f"{least:,} pictures"
        words.append(
            f"{len(sizes):,} groups by '{settings.group}' ({each} each) are each on one side of "
            "every split."
        )
    if settings.split_by_time is not None:
        words.append(f"Trained on the earlier pictures by '{settings.split_by_time}', tested on "
                     "the later.")  # fmt: skip
    return " ".join(words)


def _promise(results: Results, effect: Overstatement) -> str:
    new = "later pictures" if results.settings.split_by_time is not None else "new groups"
    both = (
        f"A random split promises {effect.random:.1%} with {effect.backbone}; of {new} it gets "
        f"{effect.held:.1%}"
    )
    if effect.sure:
        excess = effect.excess
        return (
            f"{both}: the random split overstates it by {100 * excess.estimate:.1f} points (95% "
            f"interval {100 * excess.low:.1f} to {100 * excess.high:.1f})."
        )
    return f"{both}, no sure difference."
