"""Which classes a study trained on and tested, and in how many of its splits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from embedlens.results.results import Results

_NAMED = 5  # classes that a sentence names; the others it counts


@dataclass(frozen=True)
class ClassCoverage:
    """Which classes were trained on and tested.

    Attributes
    ----------
    classes : tuple of str
        All of the image set, sorted.
    repeats : int
        How many splits there were.
    tests : Mapping of str to int
        In how many splits each class had a test picture.
    untrained : Mapping of str to int
        In how many of these it had no picture outside of test; classes of none are left out.
    """

    classes: tuple[str, ...]
    repeats: int
    tests: Mapping[str, int]
    untrained: Mapping[str, int]

    @property
    def tested(self) -> tuple[str, ...]:
        """Classes with a test picture in any split."""
        return tuple(name for name in self.classes if self.tests[name])

    @property
    def says_nothing(self) -> bool:
        """Whether one class of several is all that was tested: then naming it is always right."""
        return len(self.tested) == 1 < len(self.classes)

    def clause(self) -> str:
        """Say of which classes an accuracy is; empty where it is of all."""
        if len(self.tested) == len(self.classes):
            return ""
        tested = f"{_classes(self.tested)} of {len(self.classes)}"
        return f"; they are of the {tested} that could be tested"

    def sentence(self) -> str:
        """Name the classes that were not tested or not trained on; empty where there are none."""
        never = [name for name in self.classes if not self.tests[name]]
        some = {n: c for n, c in self.tests.items() if 0 < c < self.repeats}
        alone = [name for name, count in self.untrained.items() if count == self.tests[name]]
        part = {n: c for n, c in self.untrained.items() if n not in alone}
        splits = "in any split" if self.repeats > 1 else "in the split"
        words = []
        if never:
            has = "has" if len(never) == 1 else "have"
            words.append(
                f"Not tested: {_classes(never)} of {len(self.classes)} {has} no test picture "
                f"{splits} ({_listed(never)})."
            )
        if some:
            told = _listed(f"{name} in {count}" for name, count in some.items())
            words.append(f"Tested in some of the {self.repeats} splits only: {told}.")
        if alone:
            is_, it = ("is", "it") if len(alone) == 1 else ("are", "them")
            words.append(
                f"Never trained on: {_classes(alone)} of {len(self.classes)} {is_} only among the "
                f"test pictures ({_listed(alone)}); no head can know {it}, and every picture of "
                f"{it} counts as wrong."
            )
        if part:
            told = _listed(f"{name} in {count}" for name, count in part.items())
            words.append(f"Tested without being trained on, in some splits: {told}.")
        return " ".join(words)


def class_coverage(results: Results, head: str = "linear_probe") -> ClassCoverage:
    """Count the splits in which each class was tested, and trained on.

    Parameters
    ----------
    results : Results
        Of a study.
    head : str, default "linear_probe"
        Whose test pictures.

    Returns
    -------
    ClassCoverage
    """
    labels = results.pictures.loc[results.pictures["kept"].astype(bool), "label"].to_numpy(str)
    rows = results.predictions.query("head == @head and stage == 'pretrained'")
    shown = rows[["repeat", "picture"]].drop_duplicates()
    by_split = pd.crosstab(shown["repeat"].to_numpy(), labels[shown["picture"]])
    classes, sizes = np.unique(labels, return_counts=True)
    by_split = by_split.reindex(columns=classes, fill_value=0)
    tests = (by_split > 0).sum()
    untrained = ((by_split > 0) & (by_split == sizes)).sum()
    return ClassCoverage(
        tuple(map(str, classes)),
        len(by_split),
        {str(name): int(count) for name, count in tests.items()},
        {str(name): int(count) for name, count in untrained.items() if count},
    )


def _classes(names: Sequence[str]) -> str:
    return f"{len(names):,} class{'es' * (len(names) != 1)}"


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = len(every) - _NAMED
    return ", ".join(every[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
