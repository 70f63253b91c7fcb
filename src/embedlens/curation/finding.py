"""What a check finds, as one tidy table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

KINDS = {
    "sample": "What was judged of a sample",
    "reading": "How the pictures were read",
    "unreadable": "Files that are no picture, or a broken one",
    "missing": "Files that a table names and that are not there",
    "outside": "Files that lie outside",
    "loose": "Pictures in no class folder",
    "blank": "Pictures that are all but black, white or of one shade",
    "two labels": "Copies under two labels",
    "other labels": "Copies that do not have the same labels",
    "leak": "Copies across the split",
    "groups": "Groups that a random split parts",
    "duplicate": "Copies that count twice",
    "suspect label": "Labels that are likely wrong",
    "missing label": "Labels that are likely missing",
    "doubtful label": "Labels that may be wrong, but are likely right",
    "look-alike": "Pictures that look alike and are no copies",
    "alike": "Sets of pictures that all look alike",
    "outlier": "Pictures that are like no other",
    "small class": "Classes too small to judge",
    "small label": "Labels that too few test pictures have, or lack",
    "imbalance": "Unequal classes",
    "file facts": "Classes told by their files, not by content",
}
"""Kinds of findings, the most harmful first but for files that are set aside."""

OF_PICTURES = (
    "blank", "two labels", "other labels", "leak", "groups", "duplicate", "suspect label",
    "missing label", "doubtful label", "look-alike", "alike", "outlier",
)  # fmt: skip
"""Kinds whose findings are each of a picture that is in the set, or of a pair of them."""

_EXPECTED = {"suspect label": "wrong", "missing label": "missing", "doubtful label": "wrong"}


def expectation(kind: str, scores: Sequence[float]) -> str:
    """Say how many of the labels found of a kind are expected to be so; "" for other kinds.

    Examples
    --------
    >>> expectation("suspect label", [0.9, 0.8, 0.6, 0.7])
    'about 3 of 4 are expected to be wrong'
    """
    if kind not in _EXPECTED:
        return ""
    expected = round(sum(scores))
    many = f"about {expected:,}" if expected else "less than one"
    are = "are" if expected > 1 else "is"
    return f"{many} of {len(scores):,} {are} expected to be {_EXPECTED[kind]}"


@dataclass(frozen=True)
class Finding:
    """One thing found.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    path : str
        The picture, as in ``ImageSet.paths``; for a class or a label, its name.
    reason : str
        What is wrong, in a few words.
    action : str
        What to do about it.
    label, split : str
        The picture's; "" where it has none. Of several labels, their list.
    other : str
        The other picture of a pair; "" where there is none.
    other_label, other_split : str
        Its label and split.
    suggested : str
        Another label for it; "" where none is suggested.
    score : float
        How strong the finding is, within its kind: the larger, the sooner it is worth a look.
    """

    kind: str
    path: str
    reason: str
    action: str
    label: str = ""
    split: str = ""
    other: str = ""
    other_label: str = ""
    other_split: str = ""
    suggested: str = ""
    score: float = 0.0
