"""Labels that are given in the viewer: a table in the study folder, never the user's own files."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from embedlens.curation.relabelling import relative_path
from embedlens.errors import EmbedlensError
from embedlens.files import replacing
from embedlens.images.class_names import class_name
from embedlens.images.partly_labelled import locate_partly_labelled
from embedlens.images.source import FileSource
from embedlens.results.folder import StudyFolder
from embedlens.results.results import Results

LABELLED, ASIDE = "labelled", "set aside"
_OURS = "viewer"  # a column that no other program writes


class WrittenLabels:
    """The table ``labels.csv`` of a study: all its pictures, with the labels given in the viewer.

    It is an image set for ``embedlens study``: path, label, and split and group where some were
    given. ``was`` is the study's label. ``viewer`` says what was done here: "labelled", or "set
    aside"; these have no label.

    Parameters
    ----------
    folder : Path
        The study folder.
    results : Results
        What was read from it.
    """

    def __init__(self, folder: Path, results: Results) -> None:
        self.path = StudyFolder(folder).labels
        self._places = [(results.settings.pictures, results.pictures[results.pictures["kept"]])]
        if results.unlabelled is not None:
            self._places.append((results.unlabelled.place, results.unlabelled.kept))
        self._lock = threading.Lock()

    def give(self, rows: Sequence[int], label: str | None) -> dict[str, Any]:
        """Give pictures a label, and write the table.

        Parameters
        ----------
        rows : sequence of int
            Of the pictures, as the viewer counts them.
        label : str or None
            A class, of the study or a new one; "" for the study's own again; None to set them
            aside.

        Returns
        -------
        dict
            path (of the table); labelled and aside: how many pictures are so now.

        Raises
        ------
        EmbedlensError
            If no table can point at the pictures, or there is a ``labels.csv`` that was not
            written here.
        """
        name = None if label is None else class_name(label)
        with self._lock:
            table = self._before()
            own = table["was"].iloc[list(rows)]
            table.loc[list(rows), "label"] = own if name == "" else (name or "")
            done = ASIDE if name is None else LABELLED if name else ""
            table.loc[list(rows), _OURS] = done
            with replacing(self.path) as partial:
                table.to_csv(partial, index=False)
        counts = table[_OURS].value_counts()
        labelled, aside = (int(counts.get(each, 0)) for each in (LABELLED, ASIDE))
        return {"path": str(self.path.resolve()), "labelled": labelled, "aside": aside}

    def _before(self) -> pd.DataFrame:
        """Return the study's pictures, with what was written before."""
        table = self._study.copy()
        if not self.path.exists():
            return table
        try:
            written = pd.read_csv(self.path, dtype=str, keep_default_na=False)
        except (OSError, ValueError) as error:
            raise EmbedlensError(f"{self.path} cannot be read ({error}); move it away.") from error
        if not {"path", "label", _OURS} <= set(written):
            raise EmbedlensError(
                f"{self.path} was not written by the viewer, and is left alone; move it away to "
                "write labels here."
            )
        written = written[written[_OURS] != ""].drop_duplicates("path").set_index("path")
        known = table["path"].isin(written.index)
        for column in ("label", _OURS):
            table.loc[known, column] = written[column].reindex(table["path"][known]).to_numpy()
        return table

    @cached_property
    def _study(self) -> pd.DataFrame:
        parts = [self._of(place, pictures) for place, pictures in self._places]
        table = pd.concat(parts, ignore_index=True)
        if table["split"].any():  # where some are given, the others are for training
            table.loc[table["split"] == "", "split"] = "train"
        empty = [name for name in ("split", "group") if not table[name].any()]
        return table.drop(columns=empty).assign(was=table["label"], **{_OURS: ""})

    def _of(self, place: str, pictures: pd.DataFrame) -> pd.DataFrame:
        found = locate_partly_labelled(place)
        if not isinstance(found.source, FileSource):
            raise EmbedlensError(
                f"The pictures lie in {place}, and no table can point into it; unpack it, and make "
                "the study of the folder."
            )
        given = {entry.name: entry.split for entry in found.entries}
        root, folder = found.source.root, self.path.parent
        groups = pictures.get("given_group", "")
        return pd.DataFrame(
            {
                "path": [relative_path(root / path, folder) for path in pictures["path"]],
                "label": pictures["label"].astype(str).to_numpy(),
                "split": [given.get(path, "") for path in pictures["path"]],
                "group": groups,
            }
        )
