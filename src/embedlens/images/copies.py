"""Finding byte-identical pictures, and those that a given split has on both sides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from embedlens.images.listing import Entry
from embedlens.images.problem import Problem
from embedlens.images.split import SPLITS


def find_copies(
    entries: Sequence[Entry], ids: Sequence[str]
) -> tuple[npt.NDArray[np.bool_], list[Problem]]:
    """Find pictures with the same bytes.

    Where a given split has a picture on both sides, only the copy in the later split stays: a test
    picture that was learned by heart measures nothing. Copies within a split are kept, and so are
    the same bytes under two labels, as nobody here knows which label is right.

    Parameters
    ----------
    entries : sequence of Entry, length n
        Names, labels and given splits.
    ids : sequence of str, length n
        Content ids.

    Returns
    -------
    kept : ndarray of shape (n,), bool
        False for the copies to set aside.
    problems : list of Problem
        Of kinds "leak", "two labels" ("other labels" where pictures have several) and "duplicate".
    """
    rows_of: dict[str, list[int]] = {}
    for row, content in enumerate(ids):
        rows_of.setdefault(content, []).append(row)
    kept = np.ones(len(ids), dtype=bool)
    problems: list[Problem] = []
    for rows in rows_of.values():
        if len(rows) == 1:
            continue
        copies = [entries[row] for row in rows]
        latest = max(copies, key=_rank)
        stays = [_rank(copy) == _rank(latest) for copy in copies]
        kept[rows] = stays
        problems += _problems(copies, stays, latest)
    return kept, problems


def _rank(entry: Entry) -> int:
    return SPLITS.index(entry.split) if entry.split else 0


def _problems(copies: list[Entry], stays: list[bool], latest: Entry) -> Iterator[Problem]:
    first = next(copy for copy, stay in zip(copies, stays, strict=True) if stay)
    for copy, stay in zip(copies, stays, strict=True):
        if not stay:
            reason = f"the same bytes as {latest.name}, which is in {latest.split}"
            yield Problem(copy.name, "leak", reason, kept=False)
        other = next((other for other in copies if other.label != copy.label), None)
        if other:
            reason = f"the same bytes as {other.name}, which {_labelled(other)}"
            kind = "two labels" if other.labels is None else "other labels"
            yield Problem(copy.name, kind, reason, stay)
        elif stay and copy is not first:
            yield Problem(copy.name, "duplicate", f"the same bytes as {first.name}", kept=True)


def _labelled(entry: Entry) -> str:
    if entry.labels is None:
        return f"is labelled {entry.label}"
    return f"has the labels {entry.label}" if entry.labels else "has no label"
