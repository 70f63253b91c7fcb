"""A table of coordinates, from a file, as a scene."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from embedlens.errors import EmbedlensError
from embedlens.given_path import given_path
from embedlens.viewer.arrays import arrays_scene
from embedlens.viewer.given_table import TABLES, column_of, numbers_or_text, read_table
from embedlens.viewer.scene import Scene

_AXES = ("x", "y", "z")


def file_scene(path: Path, pictures: Sequence[Path | None] | None = None) -> Scene:
    """Read a CSV, TSV or Parquet table with the columns x and y, perhaps z, label and path.

    Its other columns are what points can be coloured by. Labels of a text file are taken as they
    are written, 01 and 1 apart, and an empty cell is no label; its other columns are numbers where
    every cell that is not empty is one.

    Parameters
    ----------
    path : Path
        The table.
    pictures : sequence of Path or None, optional
        Of each point, as `map_pictures` finds them.

    Raises
    ------
    EmbedlensError
        If it is no such table.
    """
    path = given_path(path)
    frame = _read(path)
    names = [str(name) for name in frame]
    named = {name.strip().casefold(): name for name in names}
    axes = [named[axis] for axis in _AXES if axis in named]
    if not {"x", "y"} <= set(named) or not len(frame):
        raise EmbedlensError(
            f"{path} has the columns {', '.join(names)} and {len(frame)} rows; a map has a row a "
            "point and the columns x, y and perhaps z, with commas between them (tabs in .tsv). "
            "`embedlens map` writes one; `embedlens view` also takes a study folder."
        )
    label, file = (column_of(frame, name) for name in ("label", "path"))
    others = frame.drop(columns=[*axes, *(each for each in (label, file) if each is not None)])
    others = numbers_or_text(path, others)
    # `embedlens map` notes the pictures that a map learned from.
    learned = "learned" in others and others["learned"].astype(str).str.casefold().eq("true").any()
    return arrays_scene(
        {"map": _coordinates(path, frame[axes])},
        None if label is None else frame[label],
        pictures,
        paths=None if file is None else frame[file].astype(object).to_list(),
        columns=others,
        title=path.stem,
        learned=["map"] if learned else (),
    )


def map_pictures(path: Path, photos: Path) -> list[Path | None]:
    """Find each picture of a map in a folder; None where it is not there.

    A path that leads out of the folder is not followed: the table may be somebody else's.

    Parameters
    ----------
    path : Path
        The table, as for `file_scene`.
    photos : Path
        The folder that its column ``path`` begins at.

    Raises
    ------
    EmbedlensError
        If the table has no such column, or none of the pictures is there.
    """
    path = given_path(path)
    frame = _read(path)
    column = column_of(frame, "path")
    if column is None:
        raise EmbedlensError(
            f"{path} has no column path, so that nothing can be looked up in {photos}; add one "
            "with each picture's path in that folder."
        )
    root, names = given_path(photos).resolve(), frame[column].astype(str).to_list()
    files = [(root / name).resolve() for name in names]
    found = [file if file.is_relative_to(root) and file.is_file() else None for file in files]
    if not any(found):
        raise EmbedlensError(
            f"None of the {len(names)} pictures of {path} is in {photos}; the first is called "
            f"{next(iter(names), '')!r}. Give the folder that `embedlens embed` was given."
        )
    return found


def _coordinates(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    numbers: pd.DataFrame = frame.apply(pd.to_numeric, errors="coerce").astype("float64")
    wrong = numbers.isna()
    if wrong.to_numpy().any():
        row, column = (int(each[0]) for each in wrong.to_numpy().nonzero())
        raise EmbedlensError(
            f"{path} has {frame.iat[row, column]!r} in row {row + 1} of the column "
            f"{frame.columns[column]}, which is no number; mend it, or leave the row out."
        )
    return numbers


def _read(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise EmbedlensError(f"{path} does not exist; give a study folder or a map.")
    if path.suffix.lower() not in TABLES:
        raise EmbedlensError(
            f"{path} is no study folder, and no map: a map ends in {', '.join(TABLES)}."
        )
    return read_table(path)
