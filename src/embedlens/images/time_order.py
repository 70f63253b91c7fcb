"""Times as a table writes them: numbers or ISO dates, brought into order."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from embedlens.errors import ImageSetError


def time_ranks(
    values: Sequence[str], where: str, place: Callable[[int], str] = lambda i: f"row {i + 1}"
) -> npt.NDArray[np.int64]:
    """Return the place of each time in their order, from 0; equal times have one.

    Parameters
    ----------
    values : sequence of str
        All numbers, or all ISO 8601 dates with or without a time of day. Dates without a time zone
        are compared with each other only.
    where : str
        The column, for messages.
    place : callable, optional
        Names a value by its number, for messages.

    Returns
    -------
    ndarray of shape (n,), int64

    Raises
    ------
    ImageSetError
        A value is neither, or they are of two kinds.

    Examples
    --------
    >>> time_ranks(["2024-03-01", "2023-12-31", "2024-03-01"], "taken").tolist()
    [1, 0, 1]
    >>> time_ranks(["10", "9.5"], "frame").tolist()
    [1, 0]
    """
    parsed = [_parsed(value) for value in values]
    kinds: dict[str, int] = {}
    for number, (kind, _) in enumerate(parsed):
        if not kind:
            raise ImageSetError(
                f"{where}: {place(number)}: {values[number]!r} is no number and no ISO date, such "
                "as 2024-03-31 or 2024-03-31T12:30; mend it"
            )
        kinds.setdefault(kind, number)
    if len(kinds) > 1:
        (one, first), (other, second) = list(kinds.items())[:2]
        raise ImageSetError(
            f"{where}: {place(first)} is a {one} ({values[first]}), {place(second)} a {other} "
            f"({values[second]}); write all in one way"
        )
    order = sorted({key for _, key in parsed})
    rank = {key: number for number, key in enumerate(order)}
    return np.array([rank[key] for _, key in parsed], np.int64)


# Python reads 1_10 as 110, and 01.02, a day and a month, as a number.
_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*|0\d+(?!\.)|(?=\.\d))(\.\d*)?(e[+-]?\d+)?", re.ASCII | re.I)


def _parsed(text: str) -> tuple[str, float | datetime]:
    """Return what kind of time a text is, "" for none, and what it is compared by."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        number = float(text)
        return ("number" if np.isfinite(number) else ""), number
    try:
        time = datetime.fromisoformat(text + "-01" if re.fullmatch(r"\d{4}-\d\d", text) else text)
    except ValueError:
        return "", 0.0
    if time.tzinfo is None:
        return "date", time.replace(tzinfo=UTC)
    return "date with a time zone", time


def time_split(
    times: npt.NDArray[np.int64],
    groups: Sequence[str] | npt.NDArray[np.str_],
    test: float = 0.2,
    validation: float = 0.3,
) -> npt.NDArray[np.str_]:
    """Split by time: the earliest pictures train, the next validate, the latest test.

    Pictures of one time are never parted, nor are groups, which count as of their first picture:
    what was seen before is not new. Shares are of pictures, as near as that allows.

    Parameters
    ----------
    times : ndarray of shape (n,), int64
        Of two times or more, as from `time_ranks`.
    groups : sequence of str, shape (n,)
        Pictures that stay together.
    test, validation : float
        As in `stratified_split`.

    Returns
    -------
    ndarray of shape (n,), str

    Raises
    ------
    ImageSetError
        All groups begin at one time.

    Examples
    --------
    >>> time_split(np.arange(5), list("abcde"), validation=0.25).tolist()
    ['train', 'train', 'train', 'validation', 'test']
    """
    _, number = np.unique(np.asarray(groups), return_inverse=True)
    first = np.full(number.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, number, times)
    _, moment, counts = np.unique(first[number], return_inverse=True, return_counts=True)
    if len(counts) < 2:
        raise ImageSetError(
            "all pictures, or all groups of them, begin at one time: there is no later one to test "
            "on; give another column"
        )
    for_test = _cut(counts, test)
    for_validation = _cut(counts[:for_test], validation)
    splits = np.full(len(times), "train", "<U10")
    splits[moment >= for_validation] = "validation"
    splits[moment >= for_test] = "test"
    return splits


def _cut(counts: npt.NDArray[np.int64], share: float) -> int:
    """Return how many moments lie before the last ``share`` of pictures: one at least."""
    if not share or len(counts) < 2:
        return len(counts)
    before = np.cumsum(counts)[:-1]
    return int(np.abs(before - (1 - share) * counts.sum()).argmin()) + 1
