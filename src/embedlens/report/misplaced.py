"""Pictures that sit among those of another class."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedlens.results import Results


@dataclass(frozen=True)
class Misplaced:
    """A picture that has more of another class among its nearest than of its own.

    Attributes
    ----------
    row, path, label
        Which picture, and its class.
    silhouette : float
        In the features.
    own : int
        How many of its nearest are of its class.
    among : str
        The other class that most of its nearest have.
    most : int
        How many of them.
    nearest : tuple of int
        Rows of its nearest pictures, nearest first.
    """

    row: int
    path: str
    label: str
    silhouette: float
    own: int
    among: str
    most: int
    nearest: tuple[int, ...]


def find_misplaced(
    results: Results, backbone: str, nearest: NDArray[np.int64]
) -> tuple[Misplaced, ...]:
    """Find pictures with more of another class among their nearest than of their own.

    Parameters
    ----------
    results : Results
        Of the study.
    backbone : str
        In whose features, pretrained.
    nearest : ndarray of shape (pictures, k)
        Rows of the nearest pictures of each, nearest first.

    Returns
    -------
    tuple of Misplaced
        Those with the fewest of their own class first; of equally many, the lowest silhouette.
    """
    pictures = results.pictures[results.pictures["kept"]]
    labels = pictures["label"].to_numpy(str)
    own = (labels[nearest] == labels[:, None]).sum(axis=1)
    rows = results.silhouettes.query("backbone == @backbone and stage == 'pretrained'")
    silhouettes = np.full(len(labels), np.nan)
    silhouettes[rows["picture"]] = rows["features"]
    order = np.lexsort((silhouettes, own))
    found = []
    for row in order[2 * own[order] < nearest.shape[1]]:
        others = Counter(labels[nearest[row]].tolist())
        del others[labels[row]]
        among, most = min(others.items(), key=lambda item: (-item[1], item[0]))
        if most > own[row]:
            path, label = str(pictures["path"].iloc[row]), str(labels[row])
            found.append(
                Misplaced(
                    int(row), path, label, float(silhouettes[row]), int(own[row]), among, most,
                    tuple(map(int, nearest[row])),
                )
            )  # fmt: skip
    return tuple(found)
