"""Groups of pictures that no split may part, as a user says them: a column, or a pattern."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from embedlens.errors import ImageSetError
from embedlens.images.class_names import alike, class_name, looks_missing
from embedlens.images.listing import Entry
from embedlens.images.problem import Problem

_EXAMPLE = r"'patient_(\d+)'"
_NAMED = 3  # pictures that a note names; the others it counts


def column_named(text: str, columns: Sequence[str]) -> bool:
    """Whether a table has a column of this name, in any case of letters."""
    return text.strip().casefold() in {column.strip().casefold() for column in columns}


def group_pattern(text: str, columns: Sequence[str]) -> re.Pattern[str]:
    r"""Return a pattern whose one capture group names the group that a path is of.

    Parameters
    ----------
    text : str
        What is no column.
    columns : sequence of str
        Those that there are, for the message; none where there is no table.

    Raises
    ------
    ImageSetError
        It is no regular expression, or has not one capture group.

    Examples
    --------
    >>> group_pattern(r"patient_(\d+)", []).search("cat/patient_12/3.png").group(1)
    '12'
    """
    among = (
        f"no column among {', '.join(columns)}" if columns else "no column, as there is no table"
    )
    how = f"name a column, or give a pattern on the path with one capture group, such as {_EXAMPLE}"
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise ImageSetError(f"group '{text}' is {among}, and no pattern ({error}); {how}") from None
    if pattern.groups != 1:
        raise ImageSetError(
            f"group '{text}' is {among}, and as a pattern it has {pattern.groups} capture groups; "
            f"{how}"
        )
    return pattern


def grouped(
    entries: Sequence[Entry], group: str, columns: Sequence[str], where: Path | str
) -> tuple[list[Entry], list[Problem]]:
    """Give each picture its group, and none a split that parts a group.

    It is a column where a table has one of that name; otherwise it is a pattern, which is looked
    for in the path. Splits that came with the pictures and part a group are not used.

    Parameters
    ----------
    entries : sequence of Entry
        Where it is a column, with their groups.
    group : str
        What the user gave.
    columns : sequence of str
        Of the tables.
    where : Path or str
        The place, for messages.

    Returns
    -------
    list of Entry, list of Problem
        Pictures of no group are named.

    Raises
    ------
    ImageSetError
        It is neither a column nor a pattern, or gives no picture a group.
    """
    result = [replace(entry, group=class_name(entry.group)) for entry in entries]
    if not column_named(group, columns):
        pattern = group_pattern(group, columns)
        found = [pattern.search(entry.name) for entry in entries]
        result = [
            replace(entry, group=class_name(match.group(1) or "") if match else "")
            for entry, match in zip(entries, found, strict=True)
        ]
    without = [entry.name for entry in result if not entry.group]
    if len(without) == len(result):
        among = f"; there is no column of that name among {', '.join(columns)}" if columns else ""
        raise ImageSetError(
            f"{where}: group '{group}' gives no picture a group, {without[0]} for one{among}"
        )
    problems = _doubtful(sorted({entry.group for entry in result} - {""}))
    if without:
        named = ", ".join(without[:_NAMED]) + (", ..." if len(without) > _NAMED else "")
        problems.append(Problem(
            "groups", "group",
            f"{len(without):,} of {len(result):,} pictures are in no group of '{group}' "
            f"({named}); each is taken as a group of its own", kept=True,
        ))  # fmt: skip
    if parted := _parted(result):
        first = min(parted)
        sides = " and ".join(sorted(parted[first]))
        many = len({entry.group for entry in result if entry.group})
        problems.append(Problem(
            "groups", "split",
            f"the splits that came with the pictures part {len(parted):,} of {many:,} groups "
            f"({first} is in {sides}), so they are not used: all splits are drawn, and each group "
            "is on one side", kept=True,
        ))  # fmt: skip
        result = [replace(entry, split="") for entry in result]
    return result, problems


def _doubtful(groups: Sequence[str]) -> list[Problem]:
    """Tell which groups are called as if there was none, and which look like one."""
    told = [
        f"{name!r} is read as one group; leave the cell empty where there is none"
        for name in groups
        if looks_missing(name)
    ]
    for names in alike(groups):
        shown = " and ".join(map(repr, names))
        told.append(
            f"{shown} are read as {len(names)} groups, which a split may part; write them in one "
            "way if they are one"
        )
    return [Problem("groups", "group", reason, kept=True) for reason in told]


def _parted(entries: Sequence[Entry]) -> dict[str, set[str]]:
    """Return the groups that given splits part, with the splits of each."""
    splits: dict[str, set[str]] = {}
    for entry in entries:
        if entry.group and entry.split:
            splits.setdefault(entry.group, set()).add(entry.split)
    return {group: those for group, those in splits.items() if len(those) > 1}


def united(copies: Sequence[str], groups: Sequence[str]) -> list[str]:
    """Join groups of copies with groups that were given, where they share a picture.

    Parameters
    ----------
    copies : sequence of str, length n
        The group of copies that each picture is of.
    groups : sequence of str, length n
        The group that was given, "" for none.

    Returns
    -------
    list of str
        Called by the least given group within, or by that of the copies where there is none.

    Examples
    --------
    >>> united(["a", "b", "b", "c"], ["p2", "p2", "p1", ""])
    ['p1', 'p1', 'p1', 'c']
    """
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def root(node: tuple[str, str]) -> tuple[str, str]:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    # The lesser of two is the root: given groups come before copies, in the order of names.
    for copy, group in zip(copies, groups, strict=True):
        one, other = root(("copy", copy)), root(("a", group) if group else ("copy", copy))
        low, high = sorted((one, other))
        parent[high] = low
    return [root(("copy", copy))[1] for copy in copies]
