"""Columns of a table that a user has beside the pictures, found by the picture's path."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pandas as pd

from embedlens.errors import EmbedlensError
from embedlens.given_path import given_path
from embedlens.images.path_spelling import composed
from embedlens.viewer.arrays import add_column
from embedlens.viewer.given_table import column_of, numbers_or_text, read_table
from embedlens.viewer.given_values import one_a_point
from embedlens.viewer.scene import Scene


def add_columns(scene: Scene, path: Path) -> str:
    """Add the columns of a table to a scene, each picture's by its path; return what was found.

    Where no path of the table is one of the scene's, file names are compared, if they are all
    different in both. A picture without a row has no value.

    Parameters
    ----------
    scene : Scene
        With paths.
    path : Path
        A CSV, TSV or Parquet table with the column path (or file, filename, image) and any others.

    Raises
    ------
    EmbedlensError
        If it is no such table, names no picture of the scene, or names one twice.
    """
    path = given_path(path)
    if not path.is_file():
        raise EmbedlensError(f"{path} does not exist; give a CSV, TSV or Parquet table.")
    frame = read_table(path)
    file = column_of(frame, "path")
    if file is None or len(frame.columns) < 2:
        raise EmbedlensError(
            f"{path} has the columns {', '.join(map(str, frame))}; it needs path, as the study "
            "names its pictures, and another."
        )
    wanted = [composed(each) for each in scene.named_paths()]
    # A file may be called a\b or end in a blank: what is a picture's name is not spelt otherwise.
    known = set(wanted)
    given = [
        name if name in known else _posix(name) for name in map(composed, frame[file].astype(str))
    ]
    if not wanted:
        raise EmbedlensError(
            f"The pictures of {scene.title} have no paths, so that no row of {path} can be one's."
        )
    rows = _rows(wanted, given, path)
    others = numbers_or_text(path, frame.drop(columns=[file]))
    aligned = others.iloc[rows].reset_index(drop=True)
    aligned = aligned.mask(pd.Series(rows) < 0)
    for name, values in aligned.items():
        add_column(scene, str(name), one_a_point(f"columns[{name!r}]", values, scene.count))
    found = sum(row >= 0 for row in rows)
    names = ", ".join(map(str, others))
    return f"{path.name}: {names}, of {found:,} of {scene.count:,} pictures."


def _posix(name: str) -> str:
    return name.strip().replace("\\", "/").removeprefix("./")


def _rows(wanted: list[str], given: list[str], path: Path) -> list[int]:
    """Return the row of each picture; -1 where the table has none."""
    places = _places(given, path)
    rows = [places.get(name, -1) for name in wanted]
    if max(rows) >= 0:
        return rows
    names, files = ([PurePosixPath(each).name for each in both] for both in (wanted, given))
    if len(set(names)) == len(names) and len(set(files)) == len(files):
        places = _places(files, path)
        rows = [places.get(name, -1) for name in names]
    if max(rows) < 0:
        first = repr(given[0]) if given else "none"
        raise EmbedlensError(
            f"{path} names no picture of the study: its first is {first}, "
            f"the study's {wanted[0]!r}. Give paths as the study has them."
        )
    return rows


def _places(names: list[str], path: Path) -> dict[str, int]:
    places: dict[str, int] = {}
    for row, name in enumerate(names):
        if name and places.setdefault(name, row) != row:
            raise EmbedlensError(
                f"{path} names {name} twice, in the rows {places[name] + 1} and {row + 1}; "
                "leave one a picture."
            )
    return places
