"""What a folder's layout or a table says of each picture: its name, label and, if given, split."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePath

from embedlens.errors import ImageSetError
from embedlens.images.problem import Problem

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")

_SPLIT_OF = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
COLUMNS = {
    "path": ("path", "filename", "file_name", "file", "image"),
    "label": ("label", "class", "category"),
    "split": ("split",),
}


@dataclass(frozen=True, order=True)
class Entry:
    """A picture by name.

    Attributes
    ----------
    name : str
        Its name in the source.
    label : str
        Its class.
    split : str
        "train", "validation", "test", or "" where none is given.
    """

    name: str
    label: str
    split: str = ""


def list_folders(names: list[str], where: Path | str) -> tuple[list[Entry], list[Problem]]:
    """Tell label and split from the folders in which pictures lie.

    The classes are the top folders; but where a ``train`` and a ``val`` or ``test`` are among them,
    in any case of letters, the classes are the folders within these. A single top folder that holds
    folders is looked through. Pictures may lie deeper within their class folder; those that lie in
    no class folder are set aside.

    Parameters
    ----------
    names : list of str
        Names relative to the folder or zip, with "/".
    where : Path
        The folder or zip, for messages.

    Returns
    -------
    list of Entry, list of Problem

    Raises
    ------
    ImageSetError
        No picture, none in a class folder, or split folders with no ``train`` among them.
    """
    if not names:
        raise ImageSetError(f"{where}: no pictures found; put each class's in a folder of its own")
    paths = [name.split("/") for name in names]
    depth = 0
    while len(tops := _tops(paths, depth)) == 1 and any(len(path) > depth + 2 for path in paths):
        depth += 1
    split_of = {top: _SPLIT_OF.get(top.casefold(), "") for top in tops}
    given = set(split_of.values()) - {""}
    if given and "train" not in given and all(split_of.values()):
        found = ", ".join(sorted(tops))
        raise ImageSetError(f"{where}: has {found} but no train folder; add one")
    # A lone "train" beside folders of other names is a class of trains.
    by_split = "train" in given and len(given) > 1
    level = depth + by_split
    entries, problems = [], []
    for name, path in zip(names, paths, strict=True):
        split = split_of.get(path[depth], "") if by_split else ""
        if len(path) < level + 2:
            problems.append(Problem(name, "loose", "it lies in no class folder", kept=False))
        elif by_split and not split:
            problems.append(Problem(name, "loose", "it lies beside the split folders", kept=False))
        else:
            # macOS writes accents decomposed, others composed: one class, not two.
            entries.append(Entry(name, unicodedata.normalize("NFC", path[level]), split))
    if not entries:
        raise ImageSetError(
            f"{where}: the pictures lie in no class folder ({names[0]}); "
            "put each class's in a folder of its own"
        )
    return entries, problems


def _tops(paths: list[list[str]], depth: int) -> set[str]:
    return {path[depth] for path in paths if len(path) > depth + 1}


def list_table(path: Path) -> tuple[list[Entry], list[Problem]]:
    """Read a CSV, TSV or Parquet table of pictures.

    Columns, in any case: path (or filename, file_name, file, image), relative to the table's folder
    or absolute; label (or class, category), which may be a number; and, if the split is given,
    split: train (training), validation (val, valid, dev), test (testing).

    Parameters
    ----------
    path : Path
        The table.

    Returns
    -------
    list of Entry, list of Problem
        Rows with no label, no file there, or the same path and label as another are set aside.

    Raises
    ------
    ImageSetError
        The table cannot be read, lacks a column, or has an unknown or partly missing split.
    """
    columns = read_columns(path)
    count = len(columns["path"])
    splits = _splits(columns["split"], path) if "split" in columns else [""] * count
    entries: set[Entry] = set()
    problems = []
    for name, label, split in zip(columns["path"], columns["label"], splits, strict=True):
        if not name or not label:
            problems.append(Problem(name, "missing", "no path or no label", kept=False))
            continue
        name = PurePath(name).as_posix()
        # Path.is_file raises where a name is too long or a folder may not be entered.
        if not os.path.isfile(path.parent / name):  # noqa: PTH113
            problems.append(Problem(name, "missing", "no such file", kept=False))
        elif Entry(name, label, split) in entries:
            problems.append(Problem(name, "duplicate", "the same row twice", kept=False))
        else:
            entries.add(Entry(name, label, split))
    if not entries:
        first = f" (first: {problems[0].path}: {problems[0].reason})" if problems else ""
        raise ImageSetError(f"{path}: names no picture that is there{first}; mend its paths")
    return sorted(entries), problems


def is_split(name: str) -> bool:
    """Whether a folder's name is that of a split, in any case of letters."""
    return name.casefold() in _SPLIT_OF


def split_named(name: str) -> str:
    """Return the split that a name stands for, or ""."""
    return _SPLIT_OF.get(name.casefold(), "")


def read_columns(path: Path, needed: tuple[str, ...] = ("path", "label")) -> dict[str, list[str]]:
    """Read a table's columns under our names (path, label, split), as text.

    Raises
    ------
    ImageSetError
        The table cannot be read, or lacks a column that is needed.
    """
    import pandas as pd

    try:
        if path.suffix.lower() == ".parquet":
            frame = pd.read_parquet(path)
        elif path.suffix.lower() == ".jsonl":
            frame = pd.read_json(path, lines=True, dtype=False)
        else:
            separator = "\t" if path.suffix.lower() == ".tsv" else ","
            frame = pd.read_csv(
                path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig"
            )
    except Exception as error:  # pandas and pyarrow raise many kinds for broken files
        raise ImageSetError(f"{path}: cannot be read as a table: {error}") from error
    found = {str(column).strip().casefold(): column for column in frame.columns}
    columns = {}
    for name, others in COLUMNS.items():
        used = next((found[other] for other in others if other in found), None)
        if used is not None:
            try:
                columns[name] = [_text(value) for value in frame[used].tolist()]
            except Exception as error:  # text that is no Unicode is found only now
                raise ImageSetError(f"{path}: column {used} is damaged: {error}") from error
        elif name in needed:
            has = ", ".join(map(str, frame.columns))
            raise ImageSetError(
                f"{path}: no column {' or '.join(others)} among {has or 'no columns'}; add it"
            )
    return columns


def _text(value: object) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # integers with gaps come as floats
    return str(value).strip()


def _splits(given: list[str], path: Path) -> list[str]:
    if not any(given):
        return given
    for row, name in enumerate(given, start=1):
        if name.casefold() not in _SPLIT_OF:
            raise ImageSetError(
                f"{path}: split {name!r} in row {row} is not train, validation or test; mend it"
            )
    splits = [_SPLIT_OF[name.casefold()] for name in given]
    if "train" not in splits:
        raise ImageSetError(f"{path}: no row has split train; add some or leave the column out")
    return splits
