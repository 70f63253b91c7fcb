"""Listing pictures of which some, or none, have a label."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path, PurePath

from embedlens.errors import ImageSetError
from embedlens.given_path import given_path
from embedlens.images.class_names import class_name
from embedlens.images.listing import Entry
from embedlens.images.location import Location, Place, locate
from embedlens.images.problem import Problem
from embedlens.images.source import FileSource, FolderSource
from embedlens.images.table import TABLE_SUFFIXES, read_columns
from embedlens.images.tar import TAR_SUFFIXES


def locate_partly_labelled(place: Place) -> Location:
    """Look into a folder or a table, and keep what has no label, with the label "".

    Of a folder these are the pictures that lie in no class folder, of a table the rows whose label
    is empty; a table may lack the column. Where a folder has no class folder at all, they are all
    of its pictures.

    Parameters
    ----------
    place : path
        Folder, CSV, TSV or Parquet table; or one picture.

    Raises
    ------
    ImageSetError
        If nothing is there, it is an archive or a URL, or no picture is found.
    """
    where = given_path(place)
    if where.is_file() and where.suffix.lower() in TABLE_SUFFIXES:
        return _table(where)
    if where.is_file() and not (
        zipfile.is_zipfile(where) or where.name.lower().endswith(TAR_SUFFIXES)
    ):
        source = FileSource(where.parent, [where.name])
        return Location(where.parent, source, [Entry(where.name, "")], [])
    if not where.is_dir():
        what = "no folder and no table of pictures" if where.exists() else "no such file or folder"
        raise ImageSetError(
            f"{place}: {what}; labels are proposed for pictures in a folder, or in a table with "
            "the column path"
        )
    try:
        found = locate(where)
    except ImageSetError:
        folder = FolderSource(where)
        if not folder.names():
            raise
        return _with_rest(Location(where, folder, [], [*folder.problems]))
    return _with_rest(found)


def _with_rest(found: Location) -> Location:
    labelled = {entry.name for entry in found.entries}
    rest = [Entry(name, "") for name in found.source.names() if name not in labelled]
    listed = {entry.name for entry in rest}
    problems = [each for each in found.problems if each.path not in listed]
    return Location(found.root, found.source, [*found.entries, *rest], problems, found.columns)


def _table(where: Path) -> Location:
    columns = read_columns(where, labelled=False)
    labels = columns.labels or [""] * len(columns.paths)
    entries: dict[Entry, None] = {}
    problems = [*columns.problems]
    for name, label, split in zip(columns.paths, labels, columns.splits, strict=True):
        name = PurePath(name).as_posix() if name else ""
        # Path.is_file raises where a name is too long or a folder may not be entered.
        if not name or not os.path.isfile(where.parent / name):  # noqa: PTH113
            reason = "no such file" if name else "no path"
            problems.append(Problem(name, "missing", reason, kept=False))
        else:
            entries[Entry(name, class_name(label) if label.strip() else "", split)] = None
    if not entries:
        raise ImageSetError(f"{where}: names no picture that is there; mend its paths")
    source = FileSource(where.parent, {entry.name for entry in entries})
    return Location(where.parent, source, list(entries), problems, columns.names)
