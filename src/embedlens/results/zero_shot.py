"""What class names alone tell a text-aligned network: a baseline beside the probes."""

from __future__ import annotations

from dataclasses import dataclass

from embedlens.results.results import Results
from embedlens.results.vocabulary import LINEAR_PROBE

ZERO_SHOT = "zero_shot"
"""The key of its measures. It is no head: it learns nothing, and no verdict ranks by it."""


@dataclass(frozen=True)
class ZeroShot:
    """What a network gets right of the held-out pictures from the names of the classes.

    Attributes
    ----------
    backbone : str
        Its name.
    accuracy, balanced : float
        Share of the test pictures that are nearest to the text of their class, and the mean of
        that over classes; means over the splits.
    probe : float
        What a linear probe gets right of the same pictures, from labels.
    """

    backbone: str
    accuracy: float
    balanced: float
    probe: float

    def words(self) -> str:
        """Say what it gets right."""
        return f"{self.backbone} {self.accuracy:.1%} (its linear probe {self.probe:.1%})"


def judge_zero_shot(results: Results) -> tuple[ZeroShot, ...]:
    """Return the baseline of each backbone that has text beside pictures.

    Parameters
    ----------
    results : Results
        Of a study.

    Returns
    -------
    tuple of ZeroShot
        In the order of the study; empty where no backbone has text.
    """
    accuracy = results.mean(f"{ZERO_SHOT}.accuracy", "test")
    balanced = results.mean(f"{ZERO_SHOT}.balanced_accuracy", "test")
    probe = results.mean(f"{LINEAR_PROBE.key}.accuracy", "test")
    return tuple(
        ZeroShot(name, float(accuracy[name]), float(balanced[name]), float(probe[name]))
        for name in results.backbones["backbone"]
        if name in accuracy
    )


def zero_shot_sentence(results: Results, backbone: str) -> str:
    """Say what class names alone would do; empty where no backbone has text."""
    found = judge_zero_shot(results)
    if not found:
        return ""
    return (
        "Zero-shot baseline, no part of the ranking: from the names of the classes alone, without "
        "a labelled picture, the text of these networks names so many of the test pictures "
        f"rightly: {'; '.join(each.words() for each in found)}."
    )
