"""What is decided of pictures: a table beside a study or a check, never the user's own files."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from embedlens.curation.relabelling import relative_path
from embedlens.errors import EmbedlensError
from embedlens.files import replacing
from embedlens.images import ImageSet, Source
from embedlens.images.class_names import class_name
from embedlens.images.partly_labelled import locate_partly_labelled
from embedlens.images.source import files_of
from embedlens.results.folder import StudyFolder
from embedlens.results.results import Results
from embedlens.viewer.decisions import Decisions

KEPT, LABELLED, ASIDE = "kept", "labelled", "set aside"
_OURS = "viewer"  # a column that no other program writes


class WrittenLabels:
    """The table ``labels.csv``: all pictures of a study or a check, with what was decided of each.

    It is an image set for ``embedlens study``: path, label, and split and group where some were
    given. ``was`` is the label that it had. ``viewer`` says what was decided here: "kept" as it is,
    "labelled", or "set aside"; these have no label.

    Parameters
    ----------
    folder : Path
        The folder of the study or the check.
    *places : (str, DataFrame)
        Where pictures lie, and a row for each, as `ImageSet.to_frame` has them.
    """

    def __init__(self, folder: Path, *places: tuple[str, pd.DataFrame]) -> None:
        self.path = StudyFolder(folder).labels
        self._places = places
        self._lock = threading.Lock()

    @classmethod
    def of_study(cls, folder: Path, results: Results) -> WrittenLabels:
        """Return the table of a study: its pictures, and after them those without a label."""
        places = [(results.settings.pictures, results.pictures[results.pictures["kept"]])]
        if results.unlabelled is not None:
            places.append((results.unlabelled.place, results.unlabelled.kept))
        return cls(folder, *places)

    def write(self, decisions: Decisions) -> dict[str, Any]:
        """Add decisions to those of before, and write the table.

        Parameters
        ----------
        decisions : Decisions
            Of pictures, as the viewer counts them; labels may be new classes.

        Returns
        -------
        dict
            path (of the table); kept, labelled and aside: how many pictures are so now.

        Raises
        ------
        EmbedlensError
            If no table can point at the pictures, or there is a ``labels.csv`` that was not
            written here.
        """
        with self._lock:
            table = self._before()
            own = table["was"]
            for rows, done in ((decisions.kept, KEPT), (decisions.undecided, "")):
                table.loc[list(rows), "label"] = own.iloc[list(rows)]
                table.loc[list(rows), _OURS] = done
            for label, rows in decisions.labelled.items():
                table.loc[list(rows), ["label", _OURS]] = [class_name(label), LABELLED]
            table.loc[list(decisions.aside), ["label", _OURS]] = ["", ASIDE]
            with replacing(self.path) as partial:
                table.to_csv(partial, index=False)
        counts = table[_OURS].value_counts()
        kept, labelled, aside = (int(counts.get(each, 0)) for each in (KEPT, LABELLED, ASIDE))
        told = {"kept": kept, "labelled": labelled, "aside": aside}
        return {"path": str(self.path.resolve()), **told}

    def read(self) -> Decisions:
        """Return what was decided before; nothing where no table can be read or written here."""
        try:
            table = self._before() if self.path.exists() else None
        except EmbedlensError:  # told when something is to be written
            table = None
        if table is None:
            return Decisions()
        done, labels = table[_OURS], table["label"]

        def rows(which: pd.Series) -> tuple[int, ...]:
            return tuple(np.flatnonzero(which).tolist())

        moved = {
            str(label): rows((done == LABELLED) & (labels == label))
            for label in labels[done == LABELLED].unique()
        }
        return Decisions(rows(done == KEPT), moved, rows(done == ASIDE))

    def columns(self) -> dict[str, list[str]]:
        """Return what the table says beside the labels: path, and split and group if given.

        Raises
        ------
        EmbedlensError
            If no table can point at the pictures.
        """
        return _beside_labels(self._given)

    def _before(self) -> pd.DataFrame:
        """Return the pictures, with what was written before."""
        table = self._given.copy()
        if not self.path.exists():
            return table
        try:
            written = pd.read_csv(self.path, dtype=str, keep_default_na=False)
        except (OSError, ValueError) as error:
            raise EmbedlensError(f"{self.path} cannot be read ({error}); move it away.") from error
        if not {"path", "label", "was", _OURS} <= set(written):
            raise EmbedlensError(
                f"{self.path} was not written by the viewer, and is left alone; move it away to "
                "write labels here."
            )
        decided, names = written[_OURS] != "", _names_of_rows(table, written)
        written = written[decided].set_index(names[1][decided])
        known = names[0].isin(written.index)
        for column in ("label", _OURS):
            table.loc[known, column] = written[column].reindex(names[0][known]).to_numpy()
        return table

    @cached_property
    def _given(self) -> pd.DataFrame:
        table = _joined([self._of(place, pictures) for place, pictures in self._places])
        return table.assign(was=table["label"], **{_OURS: ""})

    def _of(self, place: str, pictures: pd.DataFrame) -> pd.DataFrame:
        found = locate_partly_labelled(place)
        given = {entry.name: entry.split for entry in found.entries}
        splits = [given.get(path, "") for path in pictures["path"]]
        return _rows(found.source, pictures, splits, self.path.parent)


def columns_of(images: ImageSet, folder: Path) -> dict[str, list[str]]:
    """Return what the table of an image set will say beside the labels; see `WrittenLabels`.

    Parameters
    ----------
    images : ImageSet
        The pictures, in their order.
    folder : Path
        Where the table will lie.

    Raises
    ------
    EmbedlensError
        If no table can point at the pictures.
    """
    pictures = images.to_frame().query("kept")
    splits = images.given_splits.tolist()
    rows = _rows(images.source, pictures, splits, folder)
    return _beside_labels(_joined([rows]))


def _names_of_rows(*tables: pd.DataFrame) -> list[pd.MultiIndex]:
    """Name the rows of tables alike, whatever their order and number: by path.

    Where a path has several rows, also by the label that each had, and its place among equals.
    """
    several = {path for each in tables for path in each["path"][each["path"].duplicated()]}
    names = []
    for each in tables:
        was = each["was"].where(each["path"].isin(several), "")
        place = each.groupby([each["path"], was]).cumcount()
        names.append(pd.MultiIndex.from_arrays([each["path"], was, place]))
    return names


def _rows(
    source: Source, pictures: pd.DataFrame, splits: Sequence[str], folder: Path
) -> pd.DataFrame:
    """Return path, label, split and group of pictures, as a table in a folder has them."""
    return pd.DataFrame(
        {
            "path": [relative_path(file, folder) for file in files_of(source, pictures["path"])],
            "label": pictures["label"].astype(str).to_numpy(),
            "split": splits,
            "group": pictures.get("given_group", ""),
        }
    )


def _joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put rows below each other; split and group are there where some picture has one."""
    table = pd.concat(parts, ignore_index=True)
    if table["split"].any():  # where some are given, the others are for training
        table.loc[table["split"] == "", "split"] = "train"
    return table.drop(columns=[name for name in ("split", "group") if not table[name].any()])


def _beside_labels(table: pd.DataFrame) -> dict[str, list[str]]:
    return {name: table[name].to_list() for name in ("path", "split", "group") if name in table}
