"""A table of coordinates, from a file, as a scene."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from embedlens.errors import EmbedlensError
from embedlens.viewer.arrays import arrays_scene
from embedlens.viewer.scene import Scene

_AXES = ("x", "y", "z")


def file_scene(path: Path) -> Scene:
    """Read a CSV, TSV or Parquet table with the columns x and y, perhaps z, label and path.

    Its other columns are what points can be coloured by.

    Raises
    ------
    EmbedlensError
        If it is no such table.
    """
    frame = _read(path)
    axes = [axis for axis in _AXES if axis in frame]
    if axes[:2] != ["x", "y"] or not len(frame):
        raise EmbedlensError(
            f"{path} has the columns {', '.join(map(str, frame.columns))} and {len(frame)} rows; "
            "a map has a row a point and the columns x, y and perhaps z. `embedlens map` writes "
            "one; `embedlens view` also takes a study folder."
        )
    label = frame["label"].to_numpy() if "label" in frame else None
    paths = frame["path"].astype(str).to_list() if "path" in frame else None
    others = frame.drop(columns=[*axes, "label", "path"], errors="ignore")
    columns = {str(name): others[name].to_numpy() for name in others}
    return arrays_scene(
        frame[axes].to_numpy(), label, paths=paths, columns=columns, title=path.stem
    )


def _read(path: Path) -> pd.DataFrame:
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return pd.read_parquet(path)
        return pd.read_csv(path, sep="\t" if path.suffix.lower() == ".tsv" else ",")
    except FileNotFoundError:
        raise EmbedlensError(f"{path} does not exist; give a study folder or a map.") from None
    except (OSError, ValueError) as error:
        raise EmbedlensError(f"{path} cannot be read as a table ({error}).") from error
