"""New labels for the pictures of a class, by the ImageNet top of a backbone."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.backbones import Backbone, get_backbone
from embedlens.backbones.imagenet_classes import find_imagenet_classes, imagenet_classes
from embedlens.errors import ImageSetError
from embedlens.features import embed
from embedlens.files import replacing
from embedlens.images import ImageSet
from embedlens.images.source import files_of

# On 730 photographs of six wild animals EfficientNet-Lite2 leaves out 27 at 0.8 and agrees with the
# labels of all others; at 0 it disagrees with 3 (benchmarks/relabel.py).
SURE = 0.8
# Less than this on all candidates together: the picture shows something else.
SEEN = 0.1


@dataclass(frozen=True)
class Relabelling:
    """Proposed labels.

    Attributes
    ----------
    images : ImageSet
        The pictures they are proposed for.
    rows : ndarray of shape (m,), int64
        Which of `whole` they are.
    whole : ImageSet
        The image set they come from.
    meanings : dict of str to tuple of str
        ImageNet classes that each candidate stands for.
    proposals : DataFrame
        A row a picture, the least sure first within each label: path, label (now), proposed,
        confidence (the candidate's share of what the network gives all candidates), seen (that
        sum), second, imagenet (the network's own first class), sure.
    """

    images: ImageSet
    rows: NDArray[np.int64]
    whole: ImageSet
    meanings: dict[str, tuple[str, ...]]
    proposals: pd.DataFrame

    @property
    def unsure(self) -> pd.DataFrame:
        """The proposals that are left out."""
        return self.proposals[~self.proposals["sure"]]

    def table(self, folder: Path) -> pd.DataFrame:
        """Return the new image set: path, label and, where it was given, split.

        Pictures of other classes keep their labels; unsure ones are left out.

        Parameters
        ----------
        folder : Path
            Where the table will lie: paths are relative to it where pictures lie in it or beside
            it, and absolute elsewhere.
        """
        labels = self.whole.labels.astype(object)
        kept = np.ones(len(self.whole), dtype=bool)
        labels[self.rows] = self.proposals["proposed"].to_numpy()
        kept[self.rows] = self.proposals["sure"].to_numpy()
        files = files_of(self.whole.source, self.whole.paths[kept])
        frame = pd.DataFrame(
            {
                "path": [relative_path(file, folder) for file in files],
                "label": labels[kept],
                "split": self.whole.given_splits[kept],
            }
        )
        return frame if frame["split"].any() else frame.drop(columns="split")

    def write(self, folder: Path) -> Path:
        """Write ``labels.csv`` (the new image set), ``proposals.csv`` and ``unsure.csv``.

        Returns
        -------
        Path
            ``labels.csv``, for ``ImageSet.read``.
        """
        folder.mkdir(parents=True, exist_ok=True)
        ordered = self.proposals.sort_values(["proposed", "confidence", "path"])
        tables = {
            "proposals.csv": ordered,
            "unsure.csv": ordered[~ordered["sure"]],
            "labels.csv": self.table(folder),
        }
        for name, table in tables.items():
            with replacing(folder / name) as partial:
                table.to_csv(partial, index=False)
        return folder / "labels.csv"


def relabel(
    images: ImageSet,
    into: Sequence[str] | Mapping[str, str],
    *,
    label: str | None = None,
    backbone: str = "EfficientNetLite2",
    sure: float = SURE,
    progress: Callable[[int, int], None] | None = None,
) -> Relabelling:
    """Propose one of several names for each picture of a class.

    The network's ImageNet probabilities are added up over the classes that each name stands for
    (`find_imagenet_classes`); the name with the largest sum is proposed.

    Parameters
    ----------
    images : ImageSet
        Read from a folder or a table.
    into : sequence of str, or mapping of str to str
        The new labels; or new labels and the ImageNet classes they stand for, several joined by
        ``"+"``.
    label : str, optional
        The class whose pictures get new labels; by default all pictures.
    backbone : str, default "EfficientNetLite2"
        A network with its ImageNet top. The default comes with the install.
    sure : float, default 0.8
        Below this share of all candidates a proposal is unsure, and so it is where all candidates
        together have less than a tenth.
    progress : callable, optional
        Called as ``progress(done, total)`` after each picture.

    Returns
    -------
    Relabelling

    Raises
    ------
    ImageSetError
        If the class does not exist, there are fewer than two names, or the pictures lie in an
        archive, at which no table can point.
    BackboneError
        If ImageNet has no class of a name, or two names stand for the same class.

    Examples
    --------
    >>> found = relabel(images, ["fox", "wolf"], label="wild")  # doctest: +SKIP
    >>> found.write(Path("relabelled"))  # doctest: +SKIP
    """
    names = dict(into) if isinstance(into, Mapping) else {name: name for name in into}
    columns = _columns(names)
    if label is not None and label not in images.classes:
        raise ImageSetError(
            f"{images.root}: has no class {label!r}; its classes are {', '.join(images.classes)}"
        )
    files_of(images.source, images.paths)
    if not 0 < sure <= 1:
        raise ImageSetError(f"sure is {sure}; give a share between 0 and 1")
    rows = np.arange(len(images)) if label is None else np.flatnonzero(images.labels == label)
    chosen = images.subset(rows)
    network = _with_imagenet_top(backbone)
    shares = np.asarray(embed(chosen, network, progress=progress).values, dtype=np.float64)
    if shares.shape[1] != len(imagenet_classes()):
        raise ImageSetError(
            f"{network.name} gives {shares.shape[1]} features, not ImageNet's 1,000 classes"
        )
    meanings = {
        each: tuple(imagenet_classes()[i].name for i in indices)
        for each, indices in columns.items()
    }
    proposals = _propose(chosen, shares, columns, sure)
    return Relabelling(chosen, rows.astype(np.int64), images, meanings, proposals)


def _with_imagenet_top(name: str) -> Backbone:
    """Look a backbone up; one that is not cut, at the layer that gives ImageNet's classes."""
    backbone = get_backbone(name)
    if backbone.layer is not None:
        return backbone
    layer = backbone.family.imagenet_layer(backbone.network)
    if layer is None:
        raise ImageSetError(f"{name} has no layer of ImageNet's classes; name one, {name}@LAYER")
    return get_backbone(f"{backbone.network}@{layer}")


def _columns(names: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    if len(names) < 2:
        given = ", ".join(names) or "none"
        raise ImageSetError(f"give two or more names to choose from; there is {given}")
    columns = {name: find_imagenet_classes(meant) for name, meant in names.items()}
    taken: dict[int, str] = {}
    for name, indices in columns.items():
        for index in indices:
            if index in taken:
                shared = imagenet_classes()[index].name
                raise ImageSetError(
                    f"{taken[index]!r} and {name!r} both stand for ImageNet's {shared!r}; "
                    f"say which classes are meant: {name}={shared}+..."
                )
            taken[index] = name
    return columns


def _propose(
    images: ImageSet,
    shares: NDArray[np.float64],
    columns: Mapping[str, tuple[int, ...]],
    sure: float,
) -> pd.DataFrame:
    sums = np.stack([shares[:, list(indices)].sum(axis=1) for indices in columns.values()], axis=1)
    seen = sums.sum(axis=1)
    order = np.argsort(-sums, axis=1, kind="stable")
    rows = np.arange(len(sums))
    confidence = sums[rows, order[:, 0]] / np.maximum(seen, np.finfo(float).tiny)
    names = np.array(list(columns), dtype=object)
    usual = np.array([each.name for each in imagenet_classes()], dtype=object)
    return pd.DataFrame(
        {
            "path": images.paths,
            "label": images.labels,
            "proposed": names[order[:, 0]],
            "confidence": confidence.round(4),
            "seen": seen.round(4),
            "second": names[order[:, 1]],
            "imagenet": usual[shares.argmax(axis=1)],
            "sure": (confidence >= sure) & (seen >= SEEN),
        }
    )


def relative_path(path: Path, folder: Path) -> str:
    """Return a path from a folder where the file lies near it, so that both can be moved."""
    folder = _resolved(folder.absolute())
    beside = _resolved(path.parent.absolute()) / path.name
    path = beside.resolve() if beside.is_symlink() else beside
    near = path.is_relative_to(folder.parent)
    return Path(os.path.relpath(path, folder)).as_posix() if near else path.as_posix()


@lru_cache(maxsize=4096)
def _resolved(folder: Path) -> Path:
    # Pictures are many and their folders few; each part of a path costs a call of the system.
    return folder.resolve()
