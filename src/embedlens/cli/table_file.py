"""Tables that a command writes to the file that ``--out`` names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from embedlens.errors import EmbedlensError
from embedlens.files import replacing
from embedlens.given_path import given_path

if TYPE_CHECKING:
    import pandas as pd


def _write_json(table: pd.DataFrame, path: Path) -> None:
    table.to_json(path, orient="records", indent=1, double_precision=15, force_ascii=False)


_WRITERS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    ".csv": lambda table, path: table.to_csv(path, index=False, encoding="utf-8"),
    ".tsv": lambda table, path: table.to_csv(path, index=False, encoding="utf-8", sep="\t"),
    ".parquet": lambda table, path: table.to_parquet(path, index=False),
    ".json": _write_json,
}


def table_path(text: str) -> Path:
    """Read the name of a table to write.

    Raises
    ------
    EmbedlensError
        If its suffix is none that can be written, or it is a folder.
    """
    return suffixed(text, *(each for each in _WRITERS if each != ".json"))


def suffixed(text: str, *suffixes: str) -> Path:
    """Read the name of a file to write, whose suffix says what will be in it.

    Raises
    ------
    EmbedlensError
        If it has none of the suffixes, or is a folder.
    """
    path = given_path(text)
    if path.suffix.lower() not in suffixes:
        raise EmbedlensError(
            f"{path} does not end in {' or '.join(suffixes)}; --out takes a file that says by its "
            f"suffix what it holds, say {path.stem or 'out'}{suffixes[0]}."
        )
    if path.is_dir():
        raise EmbedlensError(f"{path} is a folder; --out takes a file here.")
    return path


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table in the format of its name, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        _WRITERS[path.suffix.lower()](table, partial)
