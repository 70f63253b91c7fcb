"""An image set whose pictures have several labels each, or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from embedlens.errors import ImageSetError
from embedlens.images.image_set import Arrays, ImageSet, Strings, gather_pictures
from embedlens.images.iterative_split import iterative_split
from embedlens.images.listing import has_sets
from embedlens.images.location import Location, Place, locate_labelled
from embedlens.images.split import complete_split
from embedlens.images.table import Wanted
from embedlens.images.time_order import time_split

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class MultilabelSet:
    """Pictures, and which labels each has.

    Attributes
    ----------
    images : ImageSet
        The pictures and their splits; the class of each is the list of its labels, "cat; dog".
    names : tuple of str
        All labels: sorted, or in the order of their columns.
    members : ndarray of shape (pictures, labels), bool
        Whether each picture has each label.
    """

    images: ImageSet
    names: tuple[str, ...]
    members: npt.NDArray[np.bool_]

    @classmethod
    def read(
        cls,
        path: Place | Sequence[Place],
        labels: Sequence[str] = (),
        separator: str | None = None,
        *,
        test: float = 0.2,
        validation: float = 0.3,
        seed: int = 0,
    ) -> MultilabelSet:
        r"""Read a table of pictures with several labels each.

        Parameters
        ----------
        path : path or sequence of paths
            A CSV, TSV or Parquet table, a folder with a ``metadata`` file, or Parquet files that
            hold the pictures.
        labels : sequence of str, optional
            One column whose cells hold several labels, or a column a label with yes or no in each
            row. By default the column labels, classes, categories or tags of a table without a
            column of one label.
        separator : str, optional
            Between the labels of a cell; by default the cells tell it.
        test, validation, seed
            As for ``ImageSet.read``.

        Raises
        ------
        ImageSetError
            As ``ImageSet.read``; also where no picture has more than one label, or it is not clear
            what parts them.

        Examples
        --------
        >>> import tempfile
        >>> from PIL import Image
        >>> folder = Path(tempfile.mkdtemp())
        >>> for i in range(10):
        ...     Image.new("L", (8, 8), 20 * i).save(folder / f"{i}.png")
        >>> rows = [f"{i}.png,{'big;red' if i % 2 else 'red;'}" for i in range(10)]
        >>> _ = (folder / "t.csv").write_text("\n".join(["path,labels", *rows]))
        >>> found = MultilabelSet.read(folder / "t.csv")
        >>> found.names, found.members.sum(axis=0).tolist()
        (('big', 'red'), [5, 10])
        """
        found = locate_labelled(path, Wanted(labels=tuple(labels), separator=separator))
        if not has_sets(found.entries):
            raise ImageSetError(
                f"{found.root}: no picture has more than one label; ImageSet.read reads it"
            )
        return cls.of_location(found, tuple(labels), test=test, validation=validation, seed=seed)

    @classmethod
    def of_location(
        cls,
        found: Location,
        labels: tuple[str, ...] = (),
        *,
        test: float = 0.2,
        validation: float = 0.3,
        seed: int = 0,
        group: str | None = None,
        split_by_time: str | None = None,
        known: Path | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> MultilabelSet:
        """Read the pictures of a place whose entries have several labels; see `read`."""
        sets = {entry.name: set(entry.labels or ()) for entry in found.entries}
        told = set().union(*sets.values())
        # Of a column a label all are labels, also those that no picture has.
        names = labels if told <= set(labels) else tuple(sorted(told))
        arrays, problems = gather_pictures(found, group, split_by_time, known, progress)
        members = np.array([[name in sets[path] for name in names] for path in arrays["paths"]])
        splits = _draw(arrays, members, test=test, validation=validation, seed=seed)
        members.setflags(write=False)
        return cls(ImageSet.of_arrays(found, arrays, splits, problems), names, members)

    def to_frame(self) -> pd.DataFrame:
        """Return which labels each picture has: a column a label, of bool."""
        import pandas as pd

        return pd.DataFrame(self.members, columns=list(self.names))

    def __len__(self) -> int:
        return len(self.images)

    def resplit(self, seed: int, *, test: float = 0.2, validation: float = 0.3) -> MultilabelSet:
        """The same pictures with the splits drawn by another seed; see ``ImageSet.resplit``."""
        images = self.images
        arrays = {name: getattr(images, name) for name in ("groups", "given_splits", "times")}
        splits = _draw(arrays, self.members, test=test, validation=validation, seed=seed)
        splits.setflags(write=False)
        return replace(self, images=replace(images, splits=splits))

    def subset(self, rows: npt.NDArray[np.int64]) -> MultilabelSet:
        """Some of the pictures; all labels stay."""
        return replace(self, images=self.images.subset(rows), members=self.members[rows])


def read_set(
    place: Place | Sequence[Place],
    labels: Sequence[str] = (),
    separator: str | None = None,
    *,
    group: str | None = None,
    split_by_time: str | None = None,
    **how: Any,
) -> ImageSet | MultilabelSet:
    """Read pictures with one class each as `ImageSet`, with several labels as `MultilabelSet`.

    Parameters
    ----------
    place : path or sequence of paths
        As for ``ImageSet.read``.
    labels, separator
        As for ``MultilabelSet.read``.
    group, split_by_time, **how
        As for ``ImageSet.read``.

    Raises
    ------
    ImageSetError
        As ``ImageSet.read`` or ``MultilabelSet.read``.
    """
    wanted = Wanted(group or "", split_by_time or "", tuple(labels), separator)
    found = locate_labelled(place, wanted)
    how |= {"group": group, "split_by_time": split_by_time}
    if has_sets(found.entries):
        return MultilabelSet.of_location(found, tuple(labels), **how)
    return ImageSet.of_location(found, **how)


def _draw(
    arrays: Arrays, members: npt.NDArray[np.bool_], test: float, validation: float, seed: int
) -> Strings:
    if arrays["times"].any():
        return time_split(arrays["times"], arrays["groups"], test, validation)
    return complete_split(
        list(members),
        arrays["groups"].tolist(),
        arrays["given_splits"].tolist(),
        test=test,
        validation=validation,
        seed=seed,
        draw=iterative_split,
    )
