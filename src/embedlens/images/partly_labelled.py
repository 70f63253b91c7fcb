"""Listing pictures of which some, or none, have a label."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PIL import Image

from embedlens.errors import ImageSetError
from embedlens.given_path import given_path
from embedlens.images.class_names import class_name
from embedlens.images.label_sets import SEVERAL
from embedlens.images.listing import Entry, has_sets, read_classes
from embedlens.images.location import Location, Place, holds_images, locate, locate_labelled
from embedlens.images.path_spelling import name_on_disk
from embedlens.images.problem import Problem
from embedlens.images.source import FileSource, FolderSource
from embedlens.images.table import TABLE_SUFFIXES, Wanted


def locate_partly_labelled(place: Place) -> Location:
    """Look into a place, and keep what has no label, with the label "".

    These are the pictures that lie in no class folder, and the rows of a table whose label is
    empty; a table may lack the column. Where there is no class folder at all, they are all.

    Parameters
    ----------
    place : path
        As for ``ImageSet.read``; besides, a folder of pictures without class folders, one picture,
        and a table without a column of labels.

    Raises
    ------
    ImageSetError
        If nothing is there, or no picture is found.
    """
    where = given_path(place)
    if where.is_file():
        if where.suffix.lower() in TABLE_SUFFIXES and not holds_images(where):
            return _table(where)
        if _is_picture(where):
            source = FileSource(where.parent, [where.name])
            return Location(where.parent, source, [Entry(where.name, "")], [])
    try:
        found = locate(place)
    except ImageSetError:
        if not where.is_dir():
            raise
        folder = FolderSource(where)
        if not folder.names():
            raise
        found = Location(where, folder, [], [*folder.problems])
    return _with_rest(found)


def locate_label_sets(place: Place, wanted: Wanted) -> Location:
    """Look into a place for pictures with several labels each, and keep what has no label.

    Only a table gives labels: the entries of pictures that it does not list have none, and so have
    all where there is no table.

    Parameters
    ----------
    place : path
        As for `locate_partly_labelled`.
    wanted : Wanted
        The columns of the labels, and what parts them.

    Raises
    ------
    ImageSetError
        As `locate_partly_labelled`; or a table has such columns, and they cannot be read as labels.
    """
    try:
        found = locate_labelled(place, replace(wanted, sets=True))
    except ImageSetError:
        found = locate_partly_labelled(place)
        asked = {name.strip().casefold() for name in wanted.labels or SEVERAL}
        if asked & {name.strip().casefold() for name in found.columns}:
            raise
        return _without_labels(found)
    if has_sets(found.entries):
        return _with_rest(found)
    return _without_labels(locate_partly_labelled(place))


def _without_labels(found: Location) -> Location:
    bare = {replace(entry, label="", labels=None) for entry in found.entries}
    return replace(found, entries=sorted(bare))


def _with_rest(found: Location) -> Location:
    labelled = {entry.name for entry in found.entries}
    rest = [Entry(name, "") for name in found.source.names() if name not in labelled]
    listed = {entry.name for entry in rest}
    problems = [each for each in found.problems if each.path not in listed]
    return Location(found.root, found.source, [*found.entries, *rest], problems, found.columns)


def _is_picture(file: Path) -> bool:
    """Whether a file is one by its name, or by its bytes, whatever it is called."""
    if file.suffix.lower().lstrip(".") in _PICTURES:
        return True
    try:
        with Image.open(file):  # reads its first bytes alone
            return True
    except (OSError, SyntaxError):
        return False
    except Image.DecompressionBombError:
        return True


def _table(where: Path) -> Location:
    columns, labels = read_classes(where)
    entries: dict[Entry, None] = {}
    problems = [*columns.problems]
    for name, label, split in zip(columns.paths, labels, columns.splits, strict=True):
        there = name_on_disk(where.parent, name) if name else ""
        if not there:
            reason = "no such file" if name else "no path"
            problems.append(Problem(name, "missing", reason, kept=False))
        else:
            entries[Entry(there, class_name(label) if label.strip() else "", split)] = None
    if not entries:
        raise ImageSetError(f"{where}: names no picture that is there; mend its paths")
    source = FileSource(where.parent, {entry.name for entry in entries})
    return Location(where.parent, source, list(entries), problems, columns.names)


_PICTURES = frozenset({
    "jpg", "jpeg", "png", "gif", "bmp", "tif", "tiff", "webp", "avif", "jp2", "ppm", "pgm",
})  # fmt: skip
