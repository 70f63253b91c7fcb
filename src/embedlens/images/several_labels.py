"""Tables that give a picture several labels: refused, for a class each would be a wrong reading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from embedlens.errors import ImageSetError
from embedlens.images.label_sets import is_flag

ONE_CLASS = (
    "A picture has one class here; take one label at a time, as a column label that says yes or "
    "no, or all of them: embedlens study --labels COLUMN,..."
)
_JOINTS = (";", "|", ",")
_SHOWN = 3


def expect_one_class(labels: Iterable[str], where: Path) -> None:
    """Refuse labels that are several joined by a semicolon, a bar or a comma, or a list as text.

    A joint alone proves nothing ("tench, Tinca tinca" is one class). What is joined are labels if
    all of them occur in other rows too: alone, or, by semicolon and bar, joined with others.

    Parameters
    ----------
    labels : iterable of str
        Of all rows.
    where : Path
        The table, for the message.

    Raises
    ------
    ImageSetError
        A label names several classes.

    Examples
    --------
    >>> expect_one_class(["tench, Tinca tinca", "cat", "dog"], Path("a.csv"))
    >>> expect_one_class(["cat", "dog", "cat, dog"], Path("a.csv"))
    Traceback (most recent call last):
        ...
    embedlens.errors.ImageSetError: a.csv: label 'cat, dog' is several: cat and dog are labels of \
other rows. A picture has one class here; take one label at a time, as a column label that says \
yes or no, or all of them: embedlens study --labels COLUMN,...
    """
    alone = {each.strip() for each in labels}
    for label in sorted(alone):
        if label[:1] == "[" and label[-1:] == "]" and "," in label:
            raise ImageSetError(f"{where}: label {label!r} is a list. {ONE_CLASS}")
    for joint in _JOINTS:
        parts_of = {label: _parts(label, joint) for label in alone if joint in label}
        often = Counter(part for parts in parts_of.values() for part in parts)
        for label, parts in sorted(parts_of.items()):
            known = [part in alone or (joint != "," and often[part] > 1) for part in sorted(parts)]
            if len(parts) > 1 and all(known):
                shown = " and ".join(sorted(parts))
                raise ImageSetError(
                    f"{where}: label {label!r} is several: {shown} are labels of other rows. "
                    f"{ONE_CLASS}"
                )


def _parts(label: str, joint: str) -> set[str]:
    return {each.strip() for each in label.split(joint)} - {""}


def explain_no_label(names: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> str:
    """Say what a table without a column of labels has instead; empty where it has nothing like it.

    Parameters
    ----------
    names : sequence of str
        Of all columns.
    columns : mapping of str to sequence
        Values of those that were read.
    """
    flags = [name for name in names if _differs(columns.get(name, ()))]
    if len(flags) > 1:
        shown = ", ".join(flags[:_SHOWN]) + (", ..." if len(flags) > _SHOWN else "")
        return f"{shown} are yes or no in every row, which looks like a column a label. {ONE_CLASS}"
    return ""


def _differs(values: Sequence[Any]) -> bool:
    """Whether a column says yes in some rows and no in others, and nothing else."""
    return is_flag(values) and len({str(value).strip().casefold() for value in values}) == 2
