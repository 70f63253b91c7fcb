"""What a table says of each picture: its name, label and, if given, split."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePath

from embedlens.errors import ImageSetError
from embedlens.images.class_names import class_name, describe_class_names
from embedlens.images.problem import Problem
from embedlens.images.table import read_columns


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


def list_table(path: Path) -> tuple[list[Entry], list[Problem]]:
    """Read a CSV, TSV or Parquet table of pictures.

    Columns, in any case: path (or filename, file_name, file, image), relative to the table's folder
    or absolute; label (or class, category), which may be a number; and, if the split is given,
    split (or subset, set, partition, phase, usage, fold), with names as in `split_named`.

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
    entries: set[Entry] = set()
    problems = []
    spelled = []
    for name, label, split in zip(columns.paths, columns.labels, columns.splits, strict=True):
        if not name or not label.strip():
            problems.append(Problem(name, "missing", "no path or no label", kept=False))
            continue
        name = PurePath(name).as_posix()
        entry = Entry(name, class_name(label), split)
        # Path.is_file raises where a name is too long or a folder may not be entered.
        if not os.path.isfile(path.parent / name):  # noqa: PTH113
            problems.append(Problem(name, "missing", "no such file", kept=False))
        elif entry in entries:
            problems.append(Problem(name, "duplicate", "the same row twice", kept=False))
        else:
            entries.add(entry)
            spelled.append(label)
    if not entries:
        first = f" (first: {problems[0].path}: {problems[0].reason})" if problems else ""
        raise ImageSetError(f"{path}: names no picture that is there{first}; mend its paths")
    return sorted(entries), [*problems, *columns.problems, *describe_class_names(spelled)]
