"""The verdict on fine-tuning: what it did, and whether a head without it does as well."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from embedlens.metrics.proportion import Interval, difference_interval, proportion_interval
from embedlens.results.results import Results
from embedlens.results.verdict import count_hits
from embedlens.results.vocabulary import HEADS, TOP


@dataclass(frozen=True)
class Change:
    """What fine-tuning did to one backbone, on the same pictures of the same splits.

    Attributes
    ----------
    backbone : str
        Its name.
    splits : int
        How many were fine-tuned; before is of these too.
    before, after : float
        Share of held-out pictures that the top gets right.
    low, high : float
        95% interval of after - before, paired by picture.
    frozen_head : str
        The head that gets most right on the features as they were, without tuning.
    frozen : float
        Its share.
    beyond, beyond_low, beyond_high : float
        By how much tuning gets more right than that head, and its 95% interval.
    pretrained : bool
        False for random weights.
    """

    backbone: str
    splits: int
    before: float
    after: float
    low: float
    high: float
    frozen_head: str
    frozen: float
    beyond: float
    beyond_low: float
    beyond_high: float
    pretrained: bool = True

    def words(self) -> str:
        """Say what it did, as part of a sentence.

        It helps where it gets more right than the best head that needs no tuning, beyond chance.
        """
        does = "makes no sure difference to"
        if self.beyond_low > 0:
            does = "helps"
        elif self.beyond_high < 0:
            does = "is worse than no tuning of"
        weights = "" if self.pretrained else " with random weights"
        top = _points(Interval(self.after - self.before, self.low, self.high))
        told = f"the top gets {self.before:.1%} before, {self.after:.1%} after: {top}"
        if self.frozen_head == TOP.key:
            told += "; no other head gets more without tuning"
        else:
            beyond = _points(Interval(self.beyond, self.beyond_low, self.beyond_high))
            told += (
                f"; without tuning a {HEADS.title(self.frozen_head)} gets {self.frozen:.1%}: "
                f"tuned against that {beyond}"
            )
        return f"{does} {self.backbone}{weights} ({told})"


def judge_tuning(results: Results, head: str = TOP.key) -> tuple[Change, ...]:
    """Compare a fine-tuned head with itself before, and with the best head that needs no tuning.

    Parameters
    ----------
    results : Results
        Of a study.
    head : str, default "top"
        Whose predictions; the top is what is trained with the tail.

    Returns
    -------
    tuple of Change
        A backbone each, in the order of the study; empty where nothing was fine-tuned. All shares
        of one are of the pictures and splits that it was fine-tuned on.
    """
    found = (_change(results, str(name), head) for name in results.backbones["backbone"])
    return tuple(change for change in found if change is not None)


def _change(results: Results, backbone: str, head: str) -> Change | None:
    rows = results.predictions.query("backbone == @backbone")
    tuned = rows.query("stage == 'tuned' and head == @head")
    if not len(tuned):
        return None
    both = pd.concat([rows.query("stage == 'pretrained'"), tuned])
    of = both["head"].where(both["stage"] == "pretrained", "tuned")
    hits, shown = count_hits(both, of, results)
    shares = {name: proportion_interval(each, shown).estimate for name, each in hits.items()}
    untuned = [name for name in HEADS if name in shares]
    best = max(untuned, key=shares.__getitem__)
    change = difference_interval(hits["tuned"], hits[head], shown)
    beyond = difference_interval(hits["tuned"], hits[best], shown)
    random = set(results.backbones.query("not pretrained")["backbone"])
    return Change(
        backbone, int(tuned["repeat"].nunique()), shares[head], shares["tuned"],
        change.low, change.high, best, shares[best], beyond.estimate, beyond.low, beyond.high,
        pretrained=backbone not in random,
    )  # fmt: skip


def tuning_sentence(changes: tuple[Change, ...]) -> str:
    """Say what fine-tuning did, and on which splits; empty where nothing was fine-tuned."""
    if not changes:
        return ""
    counts = sorted({each.splits for each in changes})
    on = " or ".join(f"{count} split{'s' * (count > 1)}" for count in counts)
    told = "; ".join(each.words() for each in changes)
    return f"Fine-tuning {told}. Each on the same held-out pictures of {on}, with its 95% interval."


def _points(change: Interval) -> str:
    """Return a change and its interval in points of 100."""
    return (
        f"{100 * change.estimate:+.1f} points ({100 * change.low:+.1f} to {100 * change.high:+.1f})"
    ).replace("-", "−")
