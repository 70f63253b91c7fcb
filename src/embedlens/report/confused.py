"""The classes that are confused most, with pictures of each confusion."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from embedlens.results import Confusion, Results, judge_classes


@dataclass(frozen=True)
class Direction:
    """Pictures of one class that were taken for another.

    Attributes
    ----------
    label, predicted : str
        The class, and what it was taken for.
    mistakes : int
        How often, over all splits.
    rows : tuple of int
        The pictures: those that were so most often first, then the surest.
    """

    label: str
    predicted: str
    mistakes: int
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Confused:
    """Two classes, and how they are taken for each other."""

    confusion: Confusion
    directions: tuple[Direction, ...]


def find_confused(results: Results, backbone: str, head: str, pairs: int) -> tuple[Confused, ...]:
    """Return the pairs of classes with most mistakes between them, and these mistakes.

    Parameters
    ----------
    results : Results
        Of a study.
    backbone, head : str
        Whose predictions on held-out pictures, of all splits.
    pairs : int
        How many pairs at most.

    Returns
    -------
    tuple of Confused
        The most frequent first; of each pair the direction with more mistakes first.
    """
    rows = results.predictions.query(
        "backbone == @backbone and head == @head and stage == 'pretrained'"
    )
    told = rows.assign(label=results.pictures["label"].to_numpy(str)[rows["picture"]])
    found = []
    for each in judge_classes(results, backbone, head).confusions[:pairs]:
        ways = [_direction(told, *way) for way in
                ((each.first, each.second), (each.second, each.first))]  # fmt: skip
        ways.sort(key=lambda way: -way.mistakes)
        found.append(Confused(each, tuple(way for way in ways if way.mistakes)))
    return tuple(found)


def _direction(told: pd.DataFrame, label: str, predicted: str) -> Direction:
    own = told[(told["label"] == label) & (told["predicted"] == predicted)]
    by = own.groupby("picture")["confidence"].agg(["size", "max"])
    order = by.reset_index().sort_values(["size", "max", "picture"], ascending=[False, False, True])
    return Direction(label, predicted, len(own), tuple(map(int, order["picture"])))
