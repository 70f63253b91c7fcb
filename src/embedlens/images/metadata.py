"""Labels in a ``metadata`` file beside the pictures, as Hugging Face's imagefolder has them."""

from __future__ import annotations

from pathlib import Path

from embedlens.errors import ImageSetError
from embedlens.images.class_names import class_name, describe_class_names
from embedlens.images.listing import Entry, expect_one_each, has_sets, row_labels
from embedlens.images.path_spelling import composed
from embedlens.images.problem import Problem
from embedlens.images.several_labels import expect_one_class
from embedlens.images.split_names import has_splits, splits_named
from embedlens.images.table import NOTHING_ELSE, Wanted, names_labels, read_columns

_NAMES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")


def find_metadata(folder: Path, wanted: Wanted = NOTHING_ELSE) -> list[Path]:
    """Return the metadata files of an imagefolder that give labels.

    One in the folder, or one in each of its split folders. A file without a label column, as for
    captions, is none: the classes are then the folders.
    """
    split_of = _split_folders(folder)
    places = [folder, *(folder / name for name in sorted(split_of))]
    found = [place / name for place in places for name in _NAMES if (place / name).is_file()]
    return [path for path in found if _has_label(path, wanted)]


def list_metadata(
    files: list[Path], folder: Path, names: list[str], wanted: Wanted = NOTHING_ELSE
) -> tuple[list[Entry], list[Problem], tuple[str, ...]]:
    """Tell label and split of each picture from metadata files.

    Parameters
    ----------
    files : list of Path
        What `find_metadata` found.
    folder : Path
        The imagefolder.
    names : list of str
        Pictures that are there, relative to it.
    wanted : Wanted, optional
        Columns that are read besides.

    Returns
    -------
    list of Entry, list of Problem
        Pictures that no row names, and rows whose picture is not there, are set aside.
    tuple of str
        The columns of all files.

    Raises
    ------
    ImageSetError
        A file cannot be read, names no picture that is there, or has a split that is unknown or
        partly missing.
    """
    there, entries, spelled = set(names), set(), list[str]()
    alike = {composed(name): name for name in names}
    column_names: dict[str, None] = {}
    problems: list[Problem] = []
    split_of = _split_folders(folder)
    tables = [read_columns(file, wanted) for file in files]
    labels = iter(
        row_labels([each.told for each in tables], wanted, folder if len(files) > 1 else files[0])
    )
    for file, columns in zip(files, tables, strict=True):
        problems += columns.problems
        column_names |= dict.fromkeys(columns.names)
        above = file.parent.relative_to(folder).as_posix()
        prefix = "" if above == "." else f"{above}/"
        splits = columns.splits
        if not any(splits):
            splits = [split_of.get(above, "")] * len(splits)
        for path, split, group, time in zip(
            columns.paths, splits, columns.groups, columns.times, strict=True
        ):
            label = next(labels)
            given = prefix + path.replace("\\", "/").removeprefix("./")
            name = given if given in there else alike.get(composed(given), given)
            if not path or label.missing:
                problems.append(Problem(name, "missing", "no path or no label", kept=False))
            elif name not in there:
                problems.append(Problem(name, "missing", "no such file", kept=False))
            else:
                own = class_name(label.text)
                entries.add(Entry(name, own, split, group, time, label.several))
                spelled += [label.text] if label.several is None else label.several
    if not entries:
        raise ImageSetError(
            f"{files[0]}: names no picture that is there; mend its file_name column"
        )
    named = {entry.name for entry in entries}
    reason = f"no row of {files[0].name} names it"
    problems += [Problem(name, "loose", reason, kept=False) for name in sorted(there - named)]
    problems += describe_class_names(spelled)
    split_of_entry = {entry.split for entry in entries}
    if "" in split_of_entry and len(split_of_entry) > 1:
        raise ImageSetError(
            f"{folder}: some of its {files[0].name} files give splits and others do not; "
            "give a column split in all or in none"
        )
    expect_one_each(entries, files[0])
    if not has_sets(entries):
        expect_one_class({entry.label for entry in entries}, files[0])
    return sorted(entries), problems, tuple(column_names)


def _split_folders(folder: Path) -> dict[str, str]:
    """Return the split of each folder that is one by its name; none where train is alone."""
    split_of = splits_named([each.name for each in folder.iterdir() if each.is_dir()], alike=True)
    found = {name: split for name, split in split_of.items() if split}
    return found if has_splits(found.values()) else {}


def _has_label(path: Path, wanted: Wanted) -> bool:
    """Whether a table names pictures and their classes; one that cannot be read does not."""
    try:
        return names_labels(path, wanted)
    except ImageSetError:
        return False
