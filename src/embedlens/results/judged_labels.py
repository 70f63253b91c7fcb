"""Which of several labels can be judged, and why the others cannot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HANDFUL = 5
"""Of fewer pictures with a label, or without it, its precision says nothing."""

_NAMED = 8  # labels that a sentence names; the others it counts


@dataclass(frozen=True)
class LeftOut:
    """A label that is not judged.

    Attributes
    ----------
    label : str
        Its name.
    pictures : int
        How many pictures have it.
    reason : str
        Why.
    """

    label: str
    pictures: int
    reason: str


def enough(members: NDArray[np.bool_], units: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return for which labels a handful of units have them, and a handful have not."""
    counts = np.zeros((int(units.max()) + 1, members.shape[1], 2), bool)
    np.logical_or.at(counts, units, np.stack([members, ~members], axis=-1))
    several: NDArray[np.bool_] = (counts.sum(axis=0) >= HANDFUL).all(axis=-1)
    return several


def left_out(
    names: list[str] | tuple[str, ...],
    members: NDArray[np.bool_],
    units: NDArray[np.int64],
    judged: NDArray[np.bool_],
) -> tuple[LeftOut, ...]:
    """Return the labels that are not judged.

    Parameters
    ----------
    names : sequence of str
        Of all labels.
    members : ndarray of shape (pictures, labels), bool
        Which labels each picture has.
    units : ndarray of shape (pictures,), int64
        What each picture counts as.
    judged : ndarray of shape (labels,), bool
        Which are.
    """
    some, told = enough(members, units), []
    for label in np.flatnonzero(~judged):
        pictures = int(members[:, label].sum())
        if not pictures or pictures == len(members):
            reason = "no picture has it" if not pictures else "all pictures have it"
        elif not some[label]:
            less = "have it" if pictures < len(members) / 2 else "lack it"
            reason = f"fewer than {HANDFUL} pictures {less}"
        else:
            reason = "the pictures to train on, or those to test on, all have it or all lack it"
        told.append(LeftOut(names[label], pictures, reason))
    return tuple(told)


def unjudged_sentence(left_out: tuple[LeftOut, ...]) -> str:
    """Name the labels that are not judged, and why; empty where there is none."""
    reasons: dict[str, list[str]] = {}
    for each in left_out:
        reasons.setdefault(each.reason, []).append(each.label)
    told = []
    for reason, names in reasons.items():
        more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
        told.append(f"{', '.join(names[:_NAMED])}{more} ({reason})")
    return f"Not judged, and in no mean: {'; '.join(told)}." if told else ""
