"""The image set: labelled pictures with ids and splits, wherever they are read from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from embedlens.errors import ImageSetError
from embedlens.files import content_key, replacing
from embedlens.images.copies import find_copies
from embedlens.images.copy_groups import group_copies
from embedlens.images.decode import GREY, Colour, ImageError, decode
from embedlens.images.levels import Levels, describe_levels
from embedlens.images.likeness import copy_distances, looker
from embedlens.images.listing import Entry
from embedlens.images.location import Place, locate
from embedlens.images.near_copies import near_copies
from embedlens.images.problem import NOTES, Problem
from embedlens.images.record import Record, known_records, read_records, share_levels
from embedlens.images.source import Source
from embedlens.images.split import SPLITS, complete_split

if TYPE_CHECKING:
    import pandas as pd

Strings = npt.NDArray[np.str_]
Integers = npt.NDArray[np.int64]

_ALIGNED = (
    "ids", "paths", "labels", "splits", "given_splits", "widths", "heights", "formats", "sizes",
    "stamps", "hashes", "blacks", "whites", "groups",
)  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Labelled pictures: what they are and where, not their pixels.

    Made by `ImageSet.read`. The arrays are aligned, one entry a picture, in the order of the paths,
    and read-only.

    Attributes
    ----------
    root : Path or str
        The folder or archive, the folder of the table, or the URL.
    source : Source
        Where the bytes come from.
    ids : ndarray of shape (n,), str
        BLAKE2b-128 of each file's bytes, in hex; of deep pictures black and white are part of it.
    paths : ndarray of shape (n,), object
        Relative to `root`, with "/"; a table may also give absolute paths.
    labels : ndarray of shape (n,), str
        Classes.
    splits : ndarray of shape (n,), str
        "train", "validation" or "test".
    given_splits : ndarray of shape (n,), str
        The same where the source told it, and "" where it was drawn.
    widths, heights : ndarray of shape (n,), int64
        Pixels, after the EXIF orientation.
    formats : ndarray of shape (n,), str
        "JPEG", "PNG", ..., by content.
    sizes : ndarray of shape (n,), int64
        Bytes of the files.
    stamps : ndarray of shape (n,), int64
        Numbers that change with the files.
    hashes : ndarray of shape (n,), uint64
        `perceptual_hash` of each picture, 0 where there is none.
    blacks, whites : ndarray of shape (n,), float64
        Black and white of pictures of more than eight bits that do not say them, the same for all
        of a kind; NaN elsewhere.
    groups : ndarray of shape (n,), str
        What no draw of splits parts: pictures of one group are copies of each other.
    classes : tuple of str
        Sorted once; every class index in the project points into it.
    problems : tuple of Problem
        What was found wrong, with kept pictures and with those set aside.
    """

    root: Path | str
    source: Source
    ids: Strings
    paths: npt.NDArray[np.object_]
    labels: Strings
    splits: Strings
    given_splits: Strings
    widths: Integers
    heights: Integers
    formats: Strings
    sizes: Integers
    stamps: Integers
    hashes: npt.NDArray[np.uint64]
    blacks: npt.NDArray[np.float64]
    whites: npt.NDArray[np.float64]
    groups: Strings
    classes: tuple[str, ...]
    problems: tuple[Problem, ...]

    @classmethod
    def read(
        cls,
        path: Place | Sequence[Place],
        *,
        test: float = 0.2,
        validation: float = 0.3,
        seed: int = 0,
        known: Path | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> ImageSet:
        """Read labelled pictures from a folder, archive, table or URL.

        A folder, zip, tar or URL has a folder a class, or ``train`` and any of ``val`` and ``test``
        with class folders within; a CSV, TSV or Parquet table has the columns path, label and
        perhaps split. A folder with ``metadata.csv``, ``.jsonl`` or ``.parquet`` (Hugging Face's
        imagefolder), and Parquet files that hold the pictures themselves, are read as well.

        Splits that are given are kept; what is missing is drawn from train, stratified and seeded,
        copies (see `group_copies`) always on one side. Files that
        cannot be used are set aside and listed in `problems`.

        Parameters
        ----------
        path : path or sequence of paths
            Folder, zip, tar or table; a URL for fsspec (``s3://...``, ``hf://...``; needs the extra
            ``cloud``); ``kaggle:OWNER/NAME`` (needs the extra ``kaggle``). Several are read as one,
            also from a text with commas.
        test : float, default=0.2
            Share of each class for testing, the study's.
        validation : float, default=0.3
            Share of the rest for validation, the study's.
        seed : int, default=0
            Seed of the draw.
        known : Path, optional
            What `write` left earlier; files unchanged since are not read again.
        progress : callable, optional
            Called as ``progress(done, total)`` after each file.

        Returns
        -------
        ImageSet

        Raises
        ------
        ImageSetError
            Nothing is there, it is no folder, zip or table, a table lacks a column, no picture can
            be read, none lies in a class folder, or all are of one class.

        Examples
        --------
        >>> import tempfile
        >>> from PIL import Image
        >>> folder = Path(tempfile.mkdtemp())
        >>> for shade, name in enumerate(["cat/1", "cat/2", "cat/3", "dog/1", "dog/2"]):
        ...     (folder / name).parent.mkdir(exist_ok=True)
        ...     Image.new("L", (8, 8), shade).save(folder / f"{name}.png")
        >>> images = ImageSet.read(folder)
        >>> images.classes, len(images)
        (('cat', 'dog'), 5)
        >>> [problem.reason for problem in images.problems]
        ['only 2 pictures: it cannot be in all three splits']
        """
        found = locate(path)
        source, entries, problems = found.source, found.entries, found.problems
        names = [entry.name for entry in entries]
        records = read_records(source, names, known_records(known), progress)
        readable: list[tuple[Entry, Record]] = []
        for entry, record in zip(entries, records, strict=True):
            if isinstance(record, Record):
                readable.append((entry, record))
            else:
                problems.append(Problem(entry.name, "unreadable", str(record), kept=False))
        rows, levels = _with_shared_levels(readable, source)
        problems += levels
        kept, copies = find_copies([entry for entry, _ in rows], [record.id for _, record in rows])
        rows = [row for row, keep in zip(rows, kept, strict=True) if keep]
        problems += copies
        _check(rows, found.root, problems)
        problems += _small_classes(rows)
        groups = _groups(rows, source)
        splits = complete_split(
            [entry.label for entry, _ in rows],
            groups,
            [entry.split for entry, _ in rows],
            test=test,
            validation=validation,
            seed=seed,
        )
        classes = tuple(sorted({entry.label for entry, _ in rows}))
        arrays = _arrays(rows, splits, groups)
        return cls(found.root, source, **arrays, classes=classes, problems=tuple(sorted(problems)))

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"ImageSet({str(self.root)!r}: {len(self)} pictures, {len(self.classes)} classes)"

    @cached_property
    def codes(self) -> Integers:
        """Index of each picture's class in `classes`, int64 of shape (n,)."""
        return np.searchsorted(np.array(self.classes), self.labels).astype(np.int64)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of ids, labels and splits, in order: equal for equal content, wherever it lies."""
        columns = [self.ids.tolist(), self.labels.tolist(), self.splits.tolist()]
        return content_key(columns)

    def read_bytes(self, i: int) -> bytes:
        """Bytes of picture `i`'s file.

        Raises
        ------
        ImageError
            The file cannot be read any more.
        """
        try:
            return self.source.read(self.paths[i])
        except ImageError as error:
            raise ImageError(f"{self.paths[i]}: {error}") from error

    def levels(self, i: int) -> Levels | None:
        """Black and white of picture `i`, where it is a deep one that does not say them."""
        if np.isnan(self.whites[i]):
            return None
        return float(self.blacks[i]), float(self.whites[i])

    @property
    def notes(self) -> tuple[Problem, ...]:
        """What the whole set was taken for, where that is not plain: a few sentences at most."""
        return tuple(problem for problem in self.problems if problem.kind in NOTES)

    def pixels(
        self,
        i: int,
        size: int | tuple[int, int] | None,
        resize: str = "squash",
        *,
        crop: float = 1.0,
        shorter_side: int | None = None,
        interpolation: str = "bilinear",
        fill: Colour = GREY,
        reduced: bool = False,
    ) -> npt.NDArray[np.uint8]:
        """Picture `i` decoded to uint8 RGB of shape (height, width, 3); see `decode`.

        Raises
        ------
        ImageError
            The file cannot be read any more, or has become another.
        """
        data = self.read_bytes(i)
        try:
            return decode(
                data, size, resize, self.levels(i), crop=crop, shorter_side=shorter_side,
                interpolation=interpolation, fill=fill, reduced=reduced,
            )  # fmt: skip
        except ImageError as error:
            raise ImageError(f"{self.paths[i]}: {error}") from error

    def where(self, split: str | Sequence[str]) -> Integers:
        """Indices of the pictures in one split, or in any of several.

        Raises
        ------
        ImageSetError
            A name is none of `SPLITS`.
        """
        wanted = [split] if isinstance(split, str) else list(split)
        for name in wanted:
            if name not in SPLITS:
                raise ImageSetError(f"split {name!r} is unknown; use one of {', '.join(SPLITS)}")
        return np.flatnonzero(np.isin(self.splits, wanted)).astype(np.int64)

    def subset(self, selection: Sequence[int] | Integers | npt.NDArray[np.bool_]) -> ImageSet:
        """Some of the pictures, by indices or boolean mask; `classes` and `problems` stay."""
        rows = np.arange(len(self))[selection]
        taken: dict[str, Any] = {name: _frozen(getattr(self, name)[rows]) for name in _ALIGNED}
        return replace(self, **taken)

    def resplit(self, seed: int, *, test: float = 0.2, validation: float = 0.3) -> ImageSet:
        """The same pictures with the splits drawn by another seed; given splits stay.

        Parameters are those of `read`.
        """
        splits = complete_split(
            self.labels.tolist(),
            self.groups.tolist(),
            self.given_splits.tolist(),
            test=test,
            validation=validation,
            seed=seed,
        )
        return replace(self, splits=_frozen(splits))

    def counts(self) -> pd.DataFrame:
        """Pictures by class (index) and split (columns)."""
        import pandas as pd

        counts = np.stack(
            [np.bincount(self.codes[self.where(s)], minlength=len(self.classes)) for s in SPLITS], 1
        )
        return pd.DataFrame(
            counts, pd.Index(self.classes, name="class"), pd.Index(SPLITS, name="split")
        )

    def to_frame(self) -> pd.DataFrame:
        """A row a picture, then a row for each that was set aside.

        Columns: path, id, label, split, width, height, format, bytes, stamp, hash (as a signed
        number), black, white, kept, problem.
        Those set aside have `kept` False and but a path and a problem.
        """
        import pandas as pd

        told: dict[str, list[str]] = {}
        for problem in self.problems:
            if problem.kind not in ("small class", *NOTES):
                told.setdefault(problem.path, []).append(f"{problem.kind}: {problem.reason}")
        frame = pd.DataFrame(
            {
                "path": self.paths, "id": self.ids, "label": self.labels, "split": self.splits,
                "width": self.widths, "height": self.heights, "format": self.formats,
                "bytes": self.sizes, "stamp": self.stamps, "hash": self.hashes.view(np.int64),
                "black": self.blacks, "white": self.whites, "kept": True,
            }
        )  # fmt: skip
        aside = sorted({p.path for p in self.problems if not p.kept} - set(self.paths))
        empty = {"i": 0, "f": np.nan}
        blank = {name: empty.get(frame[name].dtype.kind, "") for name in frame.columns}
        rows = [{**blank, "path": path, "kept": False} for path in aside]
        others = pd.DataFrame(rows, columns=frame.columns).astype(frame.dtypes.to_dict())
        frame = pd.concat([frame, others], ignore_index=True)
        frame["problem"] = ["; ".join(told.get(path, [])) for path in frame["path"]]
        return frame

    def write(self, path: Path) -> None:
        """Write `to_frame` as Parquet, whole or not at all."""
        with replacing(path) as partial:
            self.to_frame().to_parquet(partial, index=False, write_page_checksum=True)


def _with_shared_levels(
    rows: Sequence[tuple[Entry, Record]], source: Source
) -> tuple[list[tuple[Entry, Record]], list[Problem]]:
    entries, records = [entry for entry, _ in rows], [record for _, record in rows]
    told = describe_levels([record.deep for record in records if record.deep])
    shared = share_levels(source, [entry.name for entry in entries], records)
    return list(zip(entries, shared, strict=True)), told


def _check(
    rows: Sequence[tuple[Entry, Record]], where: Path | str, problems: list[Problem]
) -> None:
    labels = {entry.label for entry, _ in rows}
    if not labels:
        first = problems[0]
        raise ImageSetError(
            f"{where}: no picture can be read ({first.path}: {first.reason}); mend or replace them"
        )
    if len(labels) == 1:
        raise ImageSetError(
            f"{where}: only one class, {labels.pop()!r}; add pictures of another to tell it from"
        )


def _small_classes(rows: Sequence[tuple[Entry, Record]]) -> list[Problem]:
    counts = Counter(entry.label for entry, _ in rows)
    return [
        Problem(
            label,
            "small class",
            f"only {count} picture{'s' * (count > 1)}: it cannot be in all three splits",
            kept=True,
        )
        for label, count in counts.items()
        if count < 3
    ]


def _groups(rows: Sequence[tuple[Entry, Record]], source: Source) -> list[str]:
    """Name what no split may part: the same bytes, and what looks the same and is a copy."""

    def pixels(row: int, side: int) -> npt.NDArray[np.uint8]:
        entry, record = rows[row]
        levels = record.deep.levels if record.deep else None
        return decode(source.read(entry.name), side, levels=levels, reduced=True)

    look = looker(pixels)
    pairs = near_copies(_hashes(rows))
    ids, labels = [record.id for _, record in rows], [entry.label for entry, _ in rows]
    return group_copies(ids, labels, pairs, copy_distances(look, pairs), look).names


def _arrays(
    rows: Sequence[tuple[Entry, Record]], splits: Strings, groups: Sequence[str]
) -> dict[str, Any]:
    entries, records = [entry for entry, _ in rows], [record for _, record in rows]
    arrays = {
        "ids": np.array([record.id for record in records]),
        "paths": np.array([entry.name for entry in entries], dtype=object),
        "labels": np.array([entry.label for entry in entries]),
        "splits": splits,
        "given_splits": np.array([entry.split for entry in entries]),
        "widths": np.array([record.width for record in records], dtype=np.int64),
        "heights": np.array([record.height for record in records], dtype=np.int64),
        "formats": np.array([record.format for record in records]),
        "sizes": np.array([record.bytes for record in records], dtype=np.int64),
        "stamps": np.array([record.stamp for record in records], dtype=np.int64),
        "hashes": _hashes(rows),
        "blacks": np.array(
            [record.deep.levels[0] if record.deep else np.nan for record in records]
        ),
        "whites": np.array(
            [record.deep.levels[1] if record.deep else np.nan for record in records]
        ),
        "groups": np.array(groups),
    }
    return {name: _frozen(array) for name, array in arrays.items()}


def _hashes(rows: Sequence[tuple[Entry, Record]]) -> npt.NDArray[np.uint64]:
    return np.array([record.hash for _, record in rows], dtype=np.uint64)


def _frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array.setflags(write=False)
    return array
