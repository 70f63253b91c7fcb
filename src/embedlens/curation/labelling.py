"""Pictures that are proposed for labelling, and the table in which they get their labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from embedlens.curation.active_learning import next_label_sets, next_labels
from embedlens.curation.relabelling import relative_path
from embedlens.errors import ImageSetError
from embedlens.files import replacing
from embedlens.images import ImageSet
from embedlens.images.label_sets import SETS, UNANSWERED
from embedlens.images.path_spelling import composed
from embedlens.images.source import files_of

Points = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Labelling:
    """Proposals.

    Attributes
    ----------
    images : tuple of ImageSet
        The pictures, with and without labels.
    proposed : DataFrame
        A row a proposal, those to begin with first: ``set`` and ``row``, where in ``images`` it is.
    column : str
        The column of the table that holds labels.
    unanswered : str
        What stands in it where a picture has none yet.
    others : mapping of str to mapping of str to str
        Further columns of the table that the first of `images` came in: by name, by path in NFC.
    """

    images: tuple[ImageSet, ...]
    proposed: pd.DataFrame
    column: str = "label"
    unanswered: str = ""
    others: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def labelled(self) -> int:
        """How many pictures have a label."""
        return sum(int((each.labels != "").sum()) for each in self.images)

    @property
    def unlabelled(self) -> int:
        """How many have none, the proposed ones too."""
        return sum(map(len, self.images)) - self.labelled

    def paths(self) -> list[tuple[int, str]]:
        """Return set and path of each proposal."""
        return [(number, str(self.images[number].paths[row])) for number, row in self._places()]

    def _places(self) -> list[tuple[int, int]]:
        sets, rows = self.proposed["set"].tolist(), self.proposed["row"].tolist()
        return list(zip(sets, rows, strict=True))

    def table(self, folder: Path) -> pd.DataFrame:
        """Return all pictures: path, label or labels, split where one is given, proposed, others.

        The proposals come first, numbered in ``proposed``, their labels open; then those that
        have a label; then the rest. Where splits are given, pictures without a label are in train.

        Parameters
        ----------
        folder : Path
            Where the table will lie: paths of what lies in it or beside it are relative to it.
        """
        numbers = [np.full(len(each), np.nan) for each in self.images]
        for number, (which, row) in enumerate(self._places(), start=1):
            numbers[which][row] = number
        parts = []
        for images, own in zip(self.images, numbers, strict=True):
            files = files_of(images.source, images.paths)
            parts.append(pd.DataFrame({
                "path": [relative_path(file, folder) for file in files],
                "label": images.labels, "split": images.given_splits,
                "proposed": pd.array(own, pd.Int64Dtype()),
            }))  # fmt: skip
        frame = pd.concat(parts, ignore_index=True)
        bare = frame["label"] == ""
        given = (frame["split"] != "").any()
        frame["split"] = frame["split"].where(frame["split"] != "", "train")
        frame["label"] = frame["label"].where(~bare, self.unanswered)
        frame = frame.rename(columns={"label": self.column})
        frame = frame if given else frame.drop(columns="split")
        first = [composed(path) for path in self.images[0].paths]
        rest = [""] * (len(frame) - len(first))
        for name, told in self.others.items():
            frame[name] = [*(told.get(path, "") for path in first), *rest]
        order = frame[["proposed", "path"]].assign(bare=bare)
        order = order.sort_values(["proposed", "bare", "path"], na_position="last")
        return frame.loc[order.index].reset_index(drop=True)

    def write(self, folder: Path) -> Path:
        """Write ``labels.csv``; return its path.

        Raises
        ------
        ImageSetError
            If there is one already: somebody may have filled it in.
        """
        path = folder / "labels.csv"
        expect_no_labels(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            self.table(folder).to_csv(partial, index=False)
        return path


def expect_no_labels(folder: Path) -> None:
    """Refuse a folder in which somebody may have filled in labels.

    Raises
    ------
    ImageSetError
        If it holds ``labels.csv``.
    """
    if (folder / "labels.csv").exists():
        raise ImageSetError(
            f"{folder / 'labels.csv'} is there already, perhaps with labels that you filled in; "
            "choose another folder with --out"
        )


def propose_labels(
    images: Sequence[ImageSet], features: Sequence[ArrayLike], budget: int, *, seed: int = 0
) -> Labelling:
    """Propose pictures to label next, by `next_labels`.

    Parameters
    ----------
    images : sequence of ImageSet
        From ``ImageSet.read_partly_labelled`` or ``ImageSet.read``; "" is no label.
    features : sequence of array-like of shape (len(images[i]), d)
        Theirs, all of one backbone.
    budget : int
        How many; where fewer have no label, all of these.
    seed : int, default 0
        Of the clusters.

    Raises
    ------
    ImageSetError
        If all pictures have a label, or some lie in an archive, at which no table can point.
    """

    def choose(bare: Points, known: Points, labels: NDArray[np.str_]) -> NDArray[np.int64]:
        return next_labels(bare, budget, known=known, labels=labels, seed=seed)

    return Labelling(tuple(images), _proposed(images, features, choose))


def propose_label_sets(
    images: Sequence[ImageSet],
    features: Sequence[ArrayLike],
    budget: int,
    *,
    separator: str,
    seed: int = 0,
) -> Labelling:
    """Propose pictures whose labels, several each or none, are asked next, by `next_label_sets`.

    Parameters
    ----------
    images : sequence of ImageSet
        "" is no answer; of other pictures the cell of their labels, which for none of them is the
        separator alone.
    features, budget, seed
        As for `propose_labels`.
    separator : str
        What stands between the labels of a cell.

    Raises
    ------
    ImageSetError
        As `propose_labels`.
    """

    def choose(bare: Points, known: Points, labels: NDArray[np.str_]) -> NDArray[np.int64]:
        sets = [set(cell.split(separator)) - {""} for cell in labels.tolist()]
        names = sorted(set().union(*sets))
        members = np.array([[name in own for name in names] for own in sets], bool)
        return next_label_sets(
            bare, budget, known=known, members=members.reshape(len(sets), -1), seed=seed
        )

    # A table whose rows have one label at most would else be read as one of classes.
    two = any(len(set(cell.split(separator)) - {""}) > 1 for each in images for cell in each.labels)
    column = "labels" if two else SETS
    return Labelling(tuple(images), _proposed(images, features, choose), column, UNANSWERED)


def _proposed(
    images: Sequence[ImageSet],
    features: Sequence[ArrayLike],
    choose: Callable[[Points, Points, NDArray[np.str_]], NDArray[np.int64]],
) -> pd.DataFrame:
    """Return the places of proposals among pictures; those with labels teach what to choose."""
    for each in images:
        files_of(each.source, each.paths)
    values = np.concatenate([np.asarray(each) for each in features])
    labels = np.concatenate([each.labels for each in images])
    places = pd.DataFrame({
        "set": np.repeat(np.arange(len(images)), list(map(len, images))),
        "row": np.concatenate([np.arange(len(each)) for each in images]),
    })  # fmt: skip
    bare = _first_of_each(images, labels)
    if not len(bare):
        raise ImageSetError(
            f"{images[0].root}: every picture has a label, that of its folder or row; give those "
            "that have none with --unlabelled FOLDER"
        )
    known = labels != ""
    chosen = choose(values[bare], values[known], labels[known])
    return places.iloc[bare[chosen]].reset_index(drop=True)


def _first_of_each(images: Sequence[ImageSet], labels: NDArray[np.str_]) -> NDArray[np.int64]:
    """Return rows without a label whose bytes no other row has before, or with a label."""
    ids = np.concatenate([each.ids for each in images])
    rows = np.flatnonzero((labels == "") & ~np.isin(ids, ids[labels != ""]))
    _, firsts = np.unique(ids[rows], return_index=True)
    found: NDArray[np.int64] = rows[np.sort(firsts)].astype(np.int64)
    return found
