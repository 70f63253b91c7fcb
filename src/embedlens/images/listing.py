"""What a table says of each picture: its name, label and, if given, split."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath

from embedlens.errors import ImageSetError
from embedlens.images.class_names import class_name, describe_class_names
from embedlens.images.problem import Problem
from embedlens.images.several_labels import expect_one_class
from embedlens.images.table import NOTHING_ELSE, Wanted, read_columns


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
    group : str
        Of which no split may part the pictures; "" where none is given.
    time : str
        When it was taken, as the table writes it; "" where that was not asked for.
    """

    name: str
    label: str
    split: str = ""
    group: str = ""
    time: str = ""


def list_table(
    path: Path, wanted: Wanted = NOTHING_ELSE
) -> tuple[list[Entry], list[Problem], tuple[str, ...]]:
    """Read a CSV, TSV or Parquet table of pictures.

    Columns, in any case: path (or filename, file_name, file, image), relative to the table's folder
    or absolute; label (or class, category), which may be a number; and, if the split is given,
    split (or subset, set, partition, phase, usage, fold), with names as in `split_named`.

    Parameters
    ----------
    path : Path
        The table.
    wanted : Wanted, optional
        Columns that are read besides.

    Returns
    -------
    list of Entry, list of Problem
        Rows with no label, no file there, or the same path and label as another are set aside.
    tuple of str
        All columns that the table has.

    Raises
    ------
    ImageSetError
        The table cannot be read, lacks a column, has an unknown or partly missing split, or gives
        a picture two groups or times.
    """
    columns = read_columns(path, wanted)
    entries: set[Entry] = set()
    problems = []
    spelled = []
    for name, label, split, group, time in zip(
        columns.paths, columns.labels, columns.splits, columns.groups, columns.times, strict=True
    ):
        if not name or not label.strip():
            problems.append(Problem(name, "missing", "no path or no label", kept=False))
            continue
        name = PurePath(name).as_posix()
        entry = Entry(name, class_name(label), split, group, time)
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
    expect_one_each(entries, path)
    expect_one_class({entry.label for entry in entries}, path)
    problems += [*columns.problems, *describe_class_names(spelled)]
    return sorted(entries), problems, columns.names


def expect_one_each(entries: Iterable[Entry], where: Path) -> None:
    """Refuse a picture that rows of a table put into two groups or times.

    Raises
    ------
    ImageSetError
        There is one.
    """
    told: dict[str, Entry] = {}
    for entry in sorted(entries):
        first = told.setdefault(entry.name, entry)
        for what, one, other in (
            ("group", first.group, entry.group),
            ("time", first.time, entry.time),
        ):
            if one != other:
                raise ImageSetError(
                    f"{where}: gives {entry.name} the {what} {one!r} in one row and {other!r} in "
                    "another; keep one"
                )
