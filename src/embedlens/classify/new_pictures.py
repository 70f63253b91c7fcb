"""The pictures that a classifier is asked of, wherever they are, with or without labels."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from embedlens.images import Problem, Source
from embedlens.images.partly_labelled import locate_partly_labelled


@dataclass(frozen=True)
class NewPictures:
    """Pictures by name.

    Attributes
    ----------
    source : Source
        Where the bytes come from.
    names : tuple of str
        All that may be pictures.
    labels : dict of str to str
        The class of those that have one, by name; empty where none is a class of the classifier.
    problems : tuple of Problem
        Files that are set aside unread.
    note : str
        What the names of folders or a column were not taken for; "" where there is nothing to say.
    """

    source: Source
    names: tuple[str, ...]
    labels: dict[str, str]
    problems: tuple[Problem, ...]
    note: str = ""

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
        names = tuple(sorted({each.name for each in found.entries}))
        labels = {each.name: each.label for each in found.entries if each.label}
        listed = set(names)
        aside = tuple(each for each in found.problems if not each.kept and each.path not in listed)
        others = sorted(set(labels.values()))
        if not labels or set(others) & set(classes):
            return cls(found.source, names, labels, aside)
        some = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
        note = f"The names {some} are no class of the classifier, and not taken for labels."
        return cls(found.source, names, {}, aside, note)
