"""The splits of a study: as they came with the pictures, or drawn anew for each repeat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedlens.errors import StudyError
from embedlens.images import SPLITS, ImageSet
from embedlens.results.settings import Settings


def repeats_of(images: ImageSet, settings: Settings) -> int:
    """Return how many splits there are: one, where a time or the pictures themselves give it."""
    drawn = not images.by_time and not set(SPLITS) <= set(images.given_splits)
    return settings.repeats if drawn else 1


def check_splits(images: ImageSet, settings: Settings) -> None:
    """Refuse pictures of which a split cannot be trained or tested, before they are embedded.

    Raises
    ------
    StudyError
        If a split trains on fewer than two classes or has no test picture.
    """
    for repeat in range(repeats_of(images, settings)):
        split = split_of(images, settings, repeat)
        require_two_classes(split.labels, split.splits, f"Split {repeat + 1}")


def require_two_classes(labels: NDArray[np.str_], splits: NDArray[np.str_], name: str) -> None:
    """Raise StudyError unless a split trains on two classes and tests on a picture.

    Parameters
    ----------
    labels, splits : ndarray of shape (pictures,), str
        Class, and "train", "validation" or "test", of each picture.
    name : str
        What the message calls the split.
    """
    trained, tested = np.unique(labels[splits == "train"]), int((splits == "test").sum())
    counts = ", ".join(f"{(splits == s).sum():,} {s}" for s in SPLITS)
    of = f"{len(labels):,} pictures of {len(np.unique(labels)):,} classes ({counts})"
    if not tested:
        raise StudyError(
            f"{name} of {of} has no picture to test on. A class of one picture, of copies of one, "
            "or of one group is only trained on: give two pictures (or groups) of each class or "
            "more, better twenty; or give test pictures."
        )
    if len(trained) < 2:
        only = f"on one class only, {trained[0]}" if len(trained) else "on no picture"
        raise StudyError(
            f"{name} of {of} trains {only}; a head needs two classes to tell apart. Put training "
            "pictures of another class in, or leave the splits out: they are then drawn."
        )


def split_of(
    images: ImageSet, settings: Settings, repeat: int, rows: NDArray[np.int64] | None = None
) -> ImageSet:
    """Return the pictures as one repeat splits them, or some rows of them."""
    split = images.resplit(
        settings.seed + repeat, test=settings.test, validation=settings.validation
    )
    return split if rows is None else split.subset(rows)
