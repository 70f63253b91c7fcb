"""The pictures that a classifier is asked of, wherever they are, with or without labels."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from embedlens.errors import ImageSetError
from embedlens.given_path import given_path
from embedlens.images import FolderSource, Problem, Source
from embedlens.images.listing import Entry
from embedlens.images.location import locate
from embedlens.images.source import FileSource
from embedlens.images.table import TABLE_SUFFIXES, names_labels, read_columns


@dataclass(frozen=True)
class NewPictures:
    """Pictures by name.

    Attributes
    ----------
    source : Source
        Where the bytes come from.
    names : tuple of str
        All that may be pictures.
    labels : dict of str to str
        The class of those that have one, by name; empty where none is a class of the classifier.
    problems : tuple of Problem
        Files that are set aside unread.
    note : str
        What the names of folders or a column were not taken for; "" where there is nothing to say.
    """

    source: Source
    names: tuple[str, ...]
    labels: dict[str, str]
    problems: tuple[Problem, ...]
    note: str = ""

    @classmethod
    def find(cls, place: str, classes: Collection[str]) -> NewPictures:
        """List the pictures of a place.

        Parameters
        ----------
        place : str
            As for ``ImageSet.read``; besides, a folder of pictures without class folders, one
            picture, and a table without a column of labels.
        classes : collection of str
            Those of the classifier. Folders that are called otherwise, all of them, are no labels.

        Raises
        ------
        ImageSetError
            If nothing is there, or it holds no picture.
        """
        where = given_path(place)
        if where.suffix.lower() in TABLE_SUFFIXES and where.is_file() and not _labelled(where):
            names = dict.fromkeys(filter(None, read_columns(where, labelled=False).paths))
            return cls(FileSource(where.parent, names), tuple(names), {}, ())
        source, entries, problems = _listed(place, where)
        # What lies beside the class folders is asked of too.
        names = dict.fromkeys([*(each.name for each in entries), *source.names()])
        if not names:
            raise ImageSetError(f"{place}: no pictures found; give a folder that holds some")
        labels = {each.name: each.label for each in entries}
        aside = tuple(each for each in problems if not each.kept and each.path not in names)
        found = sorted(set(labels.values()))
        if not labels or set(found) & set(classes):
            return cls(source, tuple(sorted(names)), labels, aside)
        listed = ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")
        note = f"The names {listed} are no class of the classifier, and not taken for labels."
        return cls(source, tuple(sorted(names)), {}, aside, note)


def _labelled(table: Path) -> bool:
    """Whether a table has labels, or the pictures themselves: then it is read as any image set."""
    if table.suffix.lower() == ".parquet":
        import pyarrow.parquet

        from embedlens.images.parquet import image_column

        try:
            if image_column(pyarrow.parquet.read_schema(table)) is not None:
                return True
        except Exception:  # told when it is read as a table
            return True
    return names_labels(table)


def _listed(place: str, where: Path) -> tuple[Source, list[Entry], tuple[Problem, ...]]:
    if where.is_file() and where.suffix.lower().lstrip(".") in _PICTURES:
        return FileSource(where.parent, [where.name]), [], ()
    try:
        found = locate(place)
        return found.source, found.entries, tuple(found.problems)
    except ImageSetError:
        if not where.is_dir():
            raise
    source = FolderSource(where)
    return source, [], source.problems


_PICTURES = frozenset({
    "jpg", "jpeg", "png", "gif", "bmp", "tif", "tiff", "webp", "avif", "jp2", "ppm", "pgm",
})  # fmt: skip
