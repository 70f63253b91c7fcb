"""What a table says of each picture: its name, label and, if given, split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from embedlens.errors import ImageSetError
from embedlens.images.class_names import class_name, describe_class_names
from embedlens.images.label_sets import LabelCells, label_sets
from embedlens.images.path_spelling import name_on_disk
from embedlens.images.problem import Problem
from embedlens.images.several_labels import expect_one_class
from embedlens.images.table import NOTHING_ELSE, Columns, Wanted, read_columns


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
    labels : tuple of str or None
        Of a table of several labels a picture, those of this one; its class is then their list.
        None where a picture has one class.
    """

    name: str
    label: str
    split: str = ""
    group: str = ""
    time: str = ""
    labels: tuple[str, ...] | None = None


@dataclass(frozen=True)
class RowLabels:
    """The label of a row of a table, or its labels.

    Attributes
    ----------
    text : str
        As it is written; of several labels, their list; "" where there is none.
    several : tuple of str or None
        The labels, where the rows of the table may have several.
    unanswered : bool
        Whether nobody has said yet, and the picture is wanted all the same.
    """

    text: str
    several: tuple[str, ...] | None = None
    unanswered: bool = False

    @property
    def missing(self) -> bool:
        """Whether the picture cannot be used: of several labels it may have none."""
        return self.several is None and not self.text.strip() and not self.unanswered


def row_labels(
    tables: Sequence[LabelCells | list[str]], wanted: Wanted, where: object
) -> list[RowLabels]:
    """Return the labels of the rows of tables that belong together, one after the other.

    Where no row of a column of several labels has more than one, they are classes, unless sets of
    labels are wanted.

    Raises
    ------
    ImageSetError
        As `label_sets`; or some tables have one label a row by their column's name, others several.
    """
    cells = [table for table in tables if isinstance(table, LabelCells)]
    if not cells:
        if wanted.separator is not None:
            raise ImageSetError(
                f"{where}: --separator parts the labels of a column of several; name the column "
                "with --labels, or leave it out"
            )
        return [RowLabels(str(label)) for table in tables for label in cast(list[str], table)]
    if len(cells) < len(tables):
        raise ImageSetError(
            f"{where}: some of its tables have a column of one label and others of several; give "
            "all of them one"
        )
    found = label_sets(cells, wanted.separator, where)
    if not (found.several or wanted.sets):
        return [RowLabels("".join(row or ())) for row in found.rows]
    return [
        RowLabels("", unanswered=wanted.sets)
        if row is None
        else RowLabels(LABEL_JOINT.join(row), row)
        for row in found.rows
    ]


def read_classes(path: Path) -> tuple[Columns, list[str]]:
    """Return the columns of a table that may lack labels, and the class of each row, or "".

    A column of several labels a row gives classes where no row has more than one.

    Raises
    ------
    ImageSetError
        As `read_columns`.
    """
    columns = read_columns(path, labelled=False)
    none = [""] * len(columns.paths)
    if columns.labels:
        return columns, columns.labels
    try:
        rows = row_labels([read_columns(path).told], NOTHING_ELSE, path)
    except ImageSetError:  # no labels, or nobody knows what parts them
        return columns, none
    several = any(row.several is not None for row in rows)
    return columns, none if several else [row.text for row in rows]


LABEL_JOINT = "; "
"""What a list of labels is shown with."""


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
    spelled: list[str] = []
    labels = row_labels([columns.told], wanted, path)
    for name, label, split, group, time in zip(
        columns.paths, labels, columns.splits, columns.groups, columns.times, strict=True
    ):
        if not name or label.missing:
            problems.append(Problem(name, "missing", "no path or no label", kept=False))
            continue
        there = name_on_disk(path.parent, name)
        entry = Entry(there, class_name(label.text), split, group, time, label.several)
        if not there:
            problems.append(Problem(name, "missing", "no such file", kept=False))
        elif entry in entries:
            problems.append(Problem(name, "duplicate", "the same row twice", kept=False))
        else:
            entries.add(entry)
            spelled += [label.text] if label.several is None else label.several
    if not entries:
        first = f" (first: {problems[0].path}: {problems[0].reason})" if problems else ""
        raise ImageSetError(f"{path}: names no picture that is there{first}; mend its paths")
    expect_one_each(entries, path)
    if not has_sets(entries):
        expect_one_class({entry.label for entry in entries}, path)
    problems += [*columns.problems, *describe_class_names(spelled)]
    return sorted(entries), problems, columns.names


def has_sets(entries: Iterable[Entry]) -> bool:
    """Whether pictures have several labels each, and not one class."""
    return any(entry.labels is not None for entry in entries)


def expect_one_each(entries: Iterable[Entry], where: Path) -> None:
    """Refuse a picture that rows of a table put into two groups or times, or give other labels.

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
            ("labels", first.labels, entry.labels),
        ):
            if one != other:
                raise ImageSetError(
                    f"{where}: gives {entry.name} the {what} {one!r} in one row and {other!r} in "
                    "another; keep one"
                )
