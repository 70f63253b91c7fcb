"""The pictures of a finished study or a check, where they still are as they were seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.errors import ImageSetError, StudyError
from embedlens.images import Source, decode, open_source
from embedlens.images.levels import Levels, kinds_of_format, levels_by_kind
from embedlens.images.record import content_id
from embedlens.images.table import NOTHING_ELSE, Wanted
from embedlens.results.results import Results


class Pictures:
    """Reads pictures by their row, and no other file.

    Parameters
    ----------
    place : str
        They are looked for where they were found: a folder, archive, table or URL.
    pictures : DataFrame
        A row each, as `ImageSet.to_frame` has them: path, id, black, white.
    wanted : Wanted, optional
        What a table there was read for.

    Attributes
    ----------
    place : str
        As given.
    ids : list of str
        The content of each picture, hashed.
    """

    def __init__(self, place: str, pictures: pd.DataFrame, wanted: Wanted = NOTHING_ELSE) -> None:
        self.place = place
        self.ids: list[str] = []
        self._paths: list[str] = []
        self._levels: list[Levels | None] = []
        self._sources: list[Source | None] = []
        self._add(place, pictures, wanted)

    @classmethod
    def of_study(cls, results: Results) -> Pictures:
        """Return a study's pictures."""
        settings = results.settings
        wanted = Wanted(labels=tuple(settings.labels), separator=settings.separator)
        return cls(settings.pictures, results.pictures[results.pictures["kept"]], wanted)

    @classmethod
    def with_unlabelled(cls, results: Results) -> Pictures:
        """Return a study's pictures, and after them those without a label."""
        one = cls.of_study(results)
        if results.unlabelled is not None:
            one._add(results.unlabelled.place, results.unlabelled.kept)
        return one

    def _add(self, place: str, pictures: pd.DataFrame, wanted: Wanted = NOTHING_ELSE) -> None:
        self.ids += pictures["id"].to_list()
        self._paths += pictures["path"].to_list()
        self._levels += levels_of(pictures)
        self._sources += [_open(place, wanted)] * len(pictures)

    @property
    def here(self) -> bool:
        """Whether the place is still there."""
        return any(source is not None for source in self._sources)

    def __len__(self) -> int:
        return len(self._paths)

    def pixels(self, row: int, size: int | None, resize: str = "crop") -> NDArray[np.uint8] | None:
        """Return a picture decoded for looking at, as by ``embedlens.images.decode``.

        Parameters
        ----------
        row : int
            Of the picture.
        size : int or None
            Side of the square it is brought to; None keeps its own size.
        resize : {"crop", "squash", "pad"}, default "crop"
            How.

        Returns
        -------
        ndarray of shape (height, width, 3), uint8, or None
            None where the file is gone or holds other bytes than were seen.
        """
        source, levels = self._sources[row], self._levels[row]
        if source is None:
            return None
        return pixels_of(source, self._paths[row], self.ids[row], size, resize, levels)


def levels_of(pictures: pd.DataFrame) -> list[Levels | None]:
    """Return black and white of each picture of a study's table, None where it says them."""
    if "white" not in pictures:  # a study of version 0.1.0
        return [None] * len(pictures)
    pairs = zip(pictures["black"], pictures["white"], strict=True)
    return [(float(black), float(white)) if white == white else None for black, white in pairs]


def shared_levels(pictures: pd.DataFrame) -> dict[str, Levels]:
    """Return black and white of a study's deep pictures by kind, for others to be seen alike.

    Raises
    ------
    StudyError
        If a study of version 0.2.0 or earlier, which kept no kinds, has several of one format.
    """
    if "white" not in pictures:  # a study of version 0.1.0
        return {}
    deep = pictures[pictures["white"].notna()]
    if "kind" in pictures:
        return levels_by_kind(deep["kind"], deep["black"], deep["white"])
    pairs = deep[["format", "black", "white"]].drop_duplicates()
    if pairs["format"].duplicated().any():
        raise StudyError(
            "The study has pictures of more than eight bits of several kinds in one format, and "
            "it is of version 0.2.0 or earlier, which did not keep which is which; run it again."
        )
    return {
        kind: (float(black), float(white))
        for name, black, white in pairs.itertuples(index=False)
        for kind in kinds_of_format(name)
    }


def pixels_of(
    source: Source,
    path: str,
    content: str,
    size: int | None,
    resize: str = "crop",
    levels: Levels | None = None,
) -> NDArray[np.uint8] | None:
    """Return a picture to look at, or None where it is gone or its bytes hash to other content."""
    try:
        data = source.read(path)
        if content_id(data, levels) != content:
            return None
        return decode(data, size, resize, levels, reduced=True)
    except (ImageSetError, KeyError):
        return None


def _open(place: str, wanted: Wanted) -> Source | None:
    try:
        return open_source(place, wanted)
    except ImageSetError:
        return None
