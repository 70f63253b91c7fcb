"""What a folder's layout says of each picture: its label and, if given, split."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from embedlens.errors import ImageSetError
from embedlens.images.class_names import class_name, describe_class_names
from embedlens.images.listing import Entry
from embedlens.images.problem import Problem
from embedlens.images.split_names import (
    has_splits,
    says_nothing,
    split_named,
    splits_hinted,
    splits_named,
)
from embedlens.images.table import TABLE_SUFFIXES

# Folders hold "the same" folders where this share of all pairs of them is there, and no more than
# that share of the pictures lies beside them: a class may lack pictures in one split.
_SAME = 0.8
_BESIDE = 0.1

# A folder named so and numbered, or named so and something else, is a share of the pictures.
SHARES = frozenset({
    "batch", "cam", "camera", "center", "centre", "chunk", "client", "day", "device", "domain",
    "fold", "group", "hospital", "kfold", "location", "part", "patient", "round", "run", "scanner",
    "sensor", "session", "set", "shard", "site", "source", "split", "subject", "trial", "user",
    "view", "week", "year",
})  # fmt: skip

Parts = tuple[str, ...]


@dataclass(frozen=True)
class _Layout:
    """Which part of a path is what.

    Attributes
    ----------
    label : int
        The part that is the class.
    split_of : dict of str to str
        The split by the name of a folder; empty where the folders give none.
    split : int
        The part that is the split.
    note : str
        What was taken for what, where that is not plain from the names.
    """

    label: int
    split_of: dict[str, str]
    split: int = 0
    note: str = ""


def list_folders(names: list[str], where: Path | str) -> tuple[list[Entry], list[Problem]]:
    """Tell label and split from the folders in which pictures lie.

    The classes are the top folders; but where these are splits by their names (see
    `splits_named`), a training and another, the classes are the folders within. So they are where
    the top folders hold equal folders and are numbered or fewer than these, as those of folds,
    cameras and hospitals are; these give no split. A class may also hold the splits. A single top
    folder that holds folders is looked through. Pictures may lie deeper within their class folder;
    those that lie in no class folder are set aside.

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
        No picture, none in a class folder, split folders with no training folder among them, or
        folders that can only be splits and of which one has an unknown name.
    """
    if not names:
        raise ImageSetError(f"{where}: no pictures found; put each class's in a folder of its own")
    paths = _look_through({name: tuple(name.split("/")) for name in names})
    layout = _layout(paths, where)
    if layout.split_of and layout.split == 0:
        paths = _look_through_doubled(paths, layout.split_of)
    entries, problems, spelled = [], [], []
    for name in names:
        path = paths[name]
        split = ""
        if len(path) > 1 and layout.split_of:
            split = layout.split_of.get(path[layout.split], "")
        if len(path) < max(layout.label, layout.split if layout.split_of else 0) + 2:
            problems.append(Problem(name, "loose", "it lies in no class folder", kept=False))
        elif layout.split_of and not split:
            problems.append(Problem(name, "loose", "it lies beside the split folders", kept=False))
        else:
            entries.append(Entry(name, class_name(path[layout.label]), split))
            spelled.append(path[layout.label])
    if not entries:
        raise ImageSetError(
            f"{where}: the pictures lie in no class folder ({names[0]}); "
            f"put each class's in a folder of its own{_or_a_table(where)}"
        )
    if layout.note:
        problems.append(Problem(_and(_tops(paths.values())), "layout", layout.note, kept=True))
    return entries, problems + describe_class_names(spelled)


def _look_through(paths: dict[str, Parts]) -> dict[str, Parts]:
    """Leave out single top folders; a picture beside one keeps its name alone."""
    while len(tops := _tops(paths.values())) == 1 and any(len(p) > 2 for p in paths.values()):
        top = next(iter(tops))
        paths = {
            name: path[1:] if len(path) > 1 and path[0] == top else path[-1:]
            for name, path in paths.items()
        }
    return paths


def _look_through_doubled(paths: dict[str, Parts], split_of: dict[str, str]) -> dict[str, Parts]:
    """Leave out what lies between a split and its classes: train/train/cat, train/images/cat."""
    below = _below(paths.values())
    for top in (top for top, split in split_of.items() if split):
        own = below.get(top, set())
        deeper = any(len(p) > 3 for p in paths.values() if p[0] == top)
        if len(own) == 1 and deeper and _says_nothing(next(iter(own)), top):
            paths = {
                name: (top, *path[2:]) if len(path) > 2 and path[0] == top else path
                for name, path in paths.items()
            }
    return paths


def _says_nothing(name: str, top: str) -> bool:
    """Whether a folder in a split folder repeats its name, or is called "images"."""
    same = name.casefold() == top.casefold() or split_named(name) != ""
    return same or says_nothing(name)


def _layout(paths: dict[str, Parts], where: Path | str) -> _Layout:
    tops = _tops(paths.values())
    split_of = splits_named(tops, alike=True)
    given = set(split_of.values()) - {""}
    if given and "train" not in given and all(split_of.values()):
        raise ImageSetError(f"{where}: has {_and(tops)} but no train folder; add one")
    if has_splits(split_of.values()):
        return _Layout(1, split_of, note=_read_as(split_of))
    below = _below(paths.values())
    within = splits_named(set().union(*below.values()), alike=True) if below else {}
    if _class_first(paths, tops, below, within):
        note = f"{_and(tops)} are taken as the classes, and as splits the folders within: "
        return _Layout(0, within, 1, note + _read_as(within, plain=True))
    if not _hold_the_same(paths.values(), below):
        return _Layout(0, {})  # a lone "train" beside folders of other names is a class of trains
    return _crossed(tops, set().union(*below.values()), where)


def _class_first(
    paths: dict[str, Parts],
    tops: Collection[str],
    below: dict[str, set[str]],
    within: dict[str, str],
) -> bool:
    """Whether each class folder holds the splits: cat/train, cat/test, dog/train, dog/test."""
    if not has_splits(within.values()) or len(tops) < 2:
        return False
    full = sum(any(within[each] for each in below.get(top, ())) for top in tops)
    told = sum(bool(len(p) > 2 and within[p[1]]) for p in paths.values())
    return full >= _SAME * len(tops) and told >= len(paths) / 2


def _hold_the_same(paths: Iterable[Parts], below: dict[str, set[str]]) -> bool:
    """Whether all top folders hold folders of the same names, so that both can be the classes."""
    depths = [len(path) for path in paths]
    nested = sum(depth > 2 for depth in depths)
    held = [{class_name(each).casefold() for each in own} for own in below.values() if own]
    every: set[str] = set().union(*held)
    return (
        len(held) > 1
        and len(every) > 1
        and nested >= (1 - _BESIDE) * len(depths)
        and sum(map(len, held)) >= _SAME * len(held) * len(every)
    )


def _crossed(tops: Collection[str], inner: Collection[str], where: Path | str) -> _Layout:
    """Decide what is the class where each top folder holds the same folders."""
    these, those = _and(tops), _and(inner)
    same = f"{these} hold the same folders ({those})"
    split_of = splits_hinted(tops)
    if all(split_of.values()) and has_splits(split_of.values()):
        return _Layout(1, split_of, note=f"{same}: {_read_as(split_of, plain=True)}")
    unknown = sorted(top for top, split in split_of.items() if not split)
    if unknown and len(unknown) < len(split_of):
        raise ImageSetError(
            f"{where}: {same}, so that they are splits and not classes, but {_and(unknown)} is not "
            "train, validation or test; rename or move it, or give a table of paths and labels"
        )
    if _are_classes(tops, inner):
        note = (
            f"{same}: {these} are taken as the classes; if {those} are, give the folders one by "
            f"one, with commas: {','.join(f'{where}/{top}' for top in sorted(tops)[:2])},..."
        )
        return _Layout(0, {}, note=note)
    note = (
        f"{same}: {those} are taken as the classes, and no split from {these}; if {these} are the "
        "classes, give a table with the columns path and label"
    )
    return _Layout(1, {}, note=note)


def _are_classes(tops: Collection[str], inner: Collection[str]) -> bool:
    shares, inner_shares = _are_shares(tops), _are_shares(inner)
    if shares != inner_shares:
        return inner_shares
    return len(tops) >= len({class_name(each).casefold() for each in inner})


def _are_shares(names: Collection[str]) -> bool:
    """Whether folders are numbered shares of one thing, or named as such: fold1, site_north."""
    words = [re.findall(r"[^\W\d_]+", name.casefold()) for name in names]
    if all(set(own) & SHARES for own in words):
        return True
    stems = {re.sub(r"[\W_]*(\d+|(?<=[\W_])[a-z])$", "", each.casefold()) for each in names}
    return len(stems) == 1 and len(names) > 1


def _read_as(split_of: dict[str, str], *, plain: bool = False) -> str:
    """Say which folders are which split; "" where their names say so, unless asked for."""
    known = {"train", "val", "valid", "validation", "test"}
    if not plain and all(name.casefold() in known for name, split in split_of.items() if split):
        return ""
    told = [f"{name!r} as {split}" for name, split in sorted(split_of.items()) if split]
    return f"read {', '.join(told[:6])}" + (", ..." if len(told) > 6 else "")


def _or_a_table(where: Path | str) -> str:
    """Return a hint at a table beside the pictures, which may hold their labels."""
    if not isinstance(where, Path) or not where.is_dir():
        return ""
    tables = sorted(path for path in where.iterdir() if path.suffix.lower() in TABLE_SUFFIXES)
    return f", or give the table that lies there: {tables[0]}" if tables else ""


def _and(names: Collection[str]) -> str:
    ordered = sorted(names)
    shown: Sequence[str] = (
        ordered if len(ordered) <= 4 else [*ordered[:3], f"{len(ordered) - 3} more"]
    )
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _tops(paths: Iterable[Parts]) -> set[str]:
    return {path[0] for path in paths if len(path) > 1}


def _below(paths: Iterable[Parts]) -> dict[str, set[str]]:
    """Return the folders in each top folder."""
    below: dict[str, set[str]] = {}
    for path in paths:
        if len(path) > 1:
            own = below.setdefault(path[0], set())
            if len(path) > 2:
                own.add(path[1])
    return below
