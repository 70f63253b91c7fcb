"""The verdict on classes: how often each is named rightly, and which are taken for each other."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.metrics.proportion import proportion_interval
from embedlens.results.results import Results

_TOLD = 3  # pairs of classes that a sentence names


@dataclass(frozen=True)
class ClassShare:
    """How often a class is named rightly.

    Attributes
    ----------
    name : str
        The class.
    pictures : int
        How many different pictures of it were held out.
    accuracy, low, high : float
        Share of them named rightly, and its 95% interval.
    """

    name: str
    pictures: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class Confusion:
    """How often one of two classes is taken for the other.

    Attributes
    ----------
    first, second : str
        The classes, in sorted order.
    forth, back : int
        How often the first was taken for the second, and the second for the first.
    share, low, high : float
        Of all mistakes, and its 95% interval.
    """

    first: str
    second: str
    forth: int
    back: int
    share: float
    low: float
    high: float

    @property
    def mistakes(self) -> int:
        """How often one was taken for the other."""
        return self.forth + self.back

    @property
    def names(self) -> str:
        """Both classes, for people."""
        return f"{self.first} and {self.second}"


@dataclass(frozen=True)
class ClassVerdict:
    """What a head on a backbone gets wrong, by class.

    Attributes
    ----------
    backbone, head : str
        Whose predictions.
    mistakes : int
        Over all splits.
    shares : tuple of ClassShare
        A class each, that named worst first.
    confusions : tuple of Confusion
        Pairs of classes with a mistake between them, the most frequent first.
    """

    backbone: str
    head: str
    mistakes: int
    shares: tuple[ClassShare, ...]
    confusions: tuple[Confusion, ...]

    def sentence(self) -> str:
        """Name the classes that are confused most; empty where there is no mistake."""
        if not self.confusions:
            return ""
        told = "; ".join(
            f"{each.names}: {each.mistakes:,}"
            + (f" of {self.mistakes:,} mistakes" if number == 0 else "")
            + f" ({each.low:.0%} to {each.high:.0%}{' of them' * (number == 0)})"
            for number, each in enumerate(self.confusions[:_TOLD])
        )
        worst = self.shares[0]
        return (
            f"Confused most, with {self.backbone}: {told}. Named rightly least often: "
            f"{worst.name}, {worst.accuracy:.1%} ({worst.low:.1%} to {worst.high:.1%})."
        )

    def record(self) -> dict[str, Any]:
        """Return all of it as plain JSON."""
        return asdict(self)


@lru_cache(maxsize=4)  # tables, figures and pages ask for it
def judge_classes(results: Results, backbone: str, head: str = "linear_probe") -> ClassVerdict:
    """Count by class what a head on a backbone gets right and what it confuses.

    Parameters
    ----------
    results : Results
        Of a study.
    backbone : str
        Its name.
    head : str, default "linear_probe"
        Whose predictions, on pictures that it was not trained on.

    Returns
    -------
    ClassVerdict
        Of all splits together; a picture tested in several is one picture in the intervals.
    """
    rows = results.predictions.query(
        "backbone == @backbone and head == @head and stage == 'pretrained'"
    )
    labels = results.pictures["label"].to_numpy(str)[rows["picture"]]
    told = pd.DataFrame(
        {
            "picture": rows["picture"].to_numpy(),
            "label": labels,
            "predicted": rows["predicted"].to_numpy(str),
        }
    )
    wrong = told[told["label"] != told["predicted"]]
    shares = sorted(
        (_share(str(name), each) for name, each in told.groupby("label")),
        key=lambda each: (each.accuracy, each.name),
    )
    return ClassVerdict(backbone, head, len(wrong), tuple(shares), _confusions(wrong))


def _share(name: str, rows: pd.DataFrame) -> ClassShare:
    right = (rows["predicted"] == name).groupby(rows["picture"]).agg(["sum", "size"])
    found = proportion_interval(right["sum"].to_numpy(float), right["size"].to_numpy(float))
    return ClassShare(name, len(right), found.estimate, found.low, found.high)


def _confusions(wrong: pd.DataFrame) -> tuple[Confusion, ...]:
    """Return the pairs of classes with a mistake between them, the most frequent first."""
    pictures, codes = np.unique(wrong["picture"].to_numpy(), return_inverse=True)
    tried = np.bincount(codes, minlength=len(pictures)).astype(float)
    ways = Counter(zip(wrong["label"], wrong["predicted"], strict=True))
    pair_of = [tuple(sorted(pair)) for pair in zip(wrong["label"], wrong["predicted"], strict=True)]
    members: dict[tuple[str, ...], list[int]] = {}
    for row, pair in enumerate(pair_of):
        members.setdefault(pair, []).append(row)
    found = []
    for (first, second), rows in members.items():
        hits: NDArray[np.float64] = np.bincount(codes[rows], minlength=len(pictures)).astype(float)
        share = proportion_interval(hits, tried)
        found.append(
            Confusion(
                first, second, ways[first, second], ways[second, first],
                share.estimate, share.low, share.high,
            )
        )  # fmt: skip
    return tuple(sorted(found, key=lambda each: (-each.mistakes, each.names)))
