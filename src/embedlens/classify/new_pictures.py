"""The pictures that a classifier is asked of, wherever they are, with or without labels."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from embedlens.images import Problem, Source
from embedlens.images.label_sets import other_separator
from embedlens.images.location import Location
from embedlens.images.partly_labelled import locate_label_sets, locate_partly_labelled
from embedlens.images.table import Wanted


@dataclass(frozen=True)
class NewPictures:
    """Pictures by name.

    Attributes
    ----------
    place : str
        Where they are, as the user wrote it.
    source : Source
        Where the bytes come from.
    names : tuple of str
        All that may be pictures.
    labels : dict of str to str
        The class of those that have one, by name; empty where none is a class of the classifier. Of
        several labels a picture, the cell that holds them.
    problems : tuple of Problem
        Files that are set aside unread.
    note : str
        What the names of folders or a column were not taken for, and which labels are in doubt; ""
        where there is nothing to say.
    sets : dict of str to tuple of str
        Of several labels a picture, those of each, by name, perhaps none; without the pictures of
        which nothing is said.
    """

    place: str
    source: Source
    names: tuple[str, ...]
    labels: dict[str, str]
    problems: tuple[Problem, ...]
    note: str = ""
    sets: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def find(cls, place: str, classes: Collection[str]) -> NewPictures:
        """List the pictures of a place.

        Parameters
        ----------
        place : str
            As for `locate_partly_labelled`.
        classes : collection of str
            Those of the classifier. Folders that are called otherwise, all of them, are no labels.

        Raises
        ------
        ImageSetError
            If nothing is there, or it holds no picture.
        """
        found = locate_partly_labelled(place)
        names = _names(found)
        told: dict[str, set[str]] = {}
        for each in found.entries:
            if each.label:
                told.setdefault(each.name, set()).add(each.label)
        labels = {name: min(own) for name, own in told.items() if len(own) == 1}
        doubtful = _of_two(name for name, own in told.items() if len(own) > 1)
        aside = _aside(found, names)
        others = sorted(set(labels.values()))
        if not labels or set(others) & set(classes):
            return cls(place, found.source, names, labels, aside, doubtful)
        note = (
            f"The names {_some(others)} are no class of the classifier, and not taken for labels."
        )
        return cls(place, found.source, names, {}, aside, " ".join(filter(None, (note, doubtful))))

    @classmethod
    def find_sets(
        cls, place: str, columns: tuple[str, ...], separator: str, known: Collection[str]
    ) -> NewPictures:
        """List the pictures of a place with several labels each.

        Parameters
        ----------
        place : str
            As for `locate_label_sets`.
        columns : tuple of str
            Those of a table that hold the labels; none where their names say so.
        separator : str
            What stands between the labels of a cell, as a rule: where it leaves cells whole that
            another parts into labels of the classifier, it is that.
        known : collection of str
            The labels of the classifier.

        Raises
        ------
        ImageSetError
            If nothing is there, it holds no picture, or its labels cannot be read.
        """
        found = locate_label_sets(place, Wanted(labels=columns, separator=separator))
        told = {label for each in found.entries for label in each.labels or ()}
        other = other_separator(told, known)
        if other is not None:
            found = locate_label_sets(place, Wanted(labels=columns, separator=other))
        names = _names(found)
        sets = {each.name: each.labels for each in found.entries if each.labels is not None}
        cells = {name: separator.join(labels) for name, labels in sets.items()}
        return cls(place, found.source, names, cells, _aside(found, names), "", sets)


def _of_two(names: Iterable[str]) -> str:
    """Say that pictures are under two labels; "" where none is."""
    those = sorted(names)
    if not those:
        return ""
    which = "1 picture is" if len(those) == 1 else f"{len(those):,} pictures are"
    return f"{which} under two labels or more, and judged by none: {_some(those)}."


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _names(found: Location) -> tuple[str, ...]:
    return tuple(sorted({each.name for each in found.entries}))


def _aside(found: Location, names: tuple[str, ...]) -> tuple[Problem, ...]:
    listed = set(names)
    return tuple(each for each in found.problems if not each.kept and each.path not in listed)
