"""The image set: labelled pictures with ids and splits, wherever they are read from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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
from embedlens.images.grouped_split import grouped_split
from embedlens.images.grouping import column_named, grouped, united
from embedlens.images.levels import Levels, describe_levels, levels_by_kind, shared_ranges
from embedlens.images.likeness import copy_distances, looker
from embedlens.images.listing import Entry
from embedlens.images.location import Location, Place, locate
from embedlens.images.near_copies import near_copies
from embedlens.images.partly_labelled import locate_partly_labelled
from embedlens.images.problem import NOTES, Problem
from embedlens.images.record import Record, known_records, read_records, share_levels
from embedlens.images.source import Source
from embedlens.images.split import SPLITS, complete_split, stratified_split
from embedlens.images.table import Wanted
from embedlens.images.time_order import time_ranks, time_split

if TYPE_CHECKING:
    import pandas as pd

Strings = npt.NDArray[np.str_]
Integers = npt.NDArray[np.int64]
Arrays = dict[str, npt.NDArray[Any]]

_ALIGNED = (
    "ids", "paths", "labels", "splits", "given_splits", "widths", "heights", "formats", "sizes",
    "stamps", "hashes", "kinds", "blacks", "whites", "groups", "given_groups", "times",
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
    kinds : ndarray of shape (n,), str
        What pictures of more than eight bits that do not say what is black and white are: "16-bit
        TIFF"; "" elsewhere.
    blacks, whites : ndarray of shape (n,), float64
        Black and white of pictures of more than eight bits that do not say them, the same for all
        of a kind; NaN elsewhere.
    groups : ndarray of shape (n,), str
        What no draw of splits parts: copies of each other, and the groups that were given.
    given_groups : ndarray of shape (n,), str
        The group that a column or the path names, "" where none was asked for or found.
    times : ndarray of shape (n,), int64
        The place of each picture's time in their order, from 0; all 0 where there is no split by
        time.
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
    kinds: Strings
    blacks: npt.NDArray[np.float64]
    whites: npt.NDArray[np.float64]
    groups: Strings
    given_groups: Strings
    times: Integers
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
        group: str | None = None,
        split_by_time: str | None = None,
        known: Path | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> ImageSet:
        r"""Read labelled pictures from a folder, archive, table or URL.

        A folder, zip, tar or URL has a folder a class, or ``train`` and any of ``val`` and ``test``
        with class folders within; a CSV, TSV or Parquet table has the columns path, label and
        perhaps split. A folder with ``metadata.csv``, ``.jsonl`` or ``.parquet`` (Hugging Face's
        imagefolder), and Parquet files that hold the pictures themselves, are read as well.

        Splits that are given are kept; what is missing is drawn from train, stratified and seeded,
        copies (see `group_copies`) always on one side, and groups too where they are given. Files
        that cannot be used are set aside and listed in `problems`.

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
        group : str, optional
            What no split may part, such as the pictures of one patient: a column of the table, or,
            where it has none of that name, a regular expression with one capture group, which is
            looked for in each path: ``patient_(\d+)``. Given splits that part a group are not used.
        split_by_time : str, optional
            A column of numbers or ISO dates. The earliest pictures train, the next validate, the
            latest test; see `time_split`. Given splits are not used.
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
            be read, none lies in a class folder, all are of one class, ``group`` is neither a
            column nor a pattern that names a group, or a time cannot be read.

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
        found = locate(path, Wanted(group or "", split_by_time or ""))
        return cls.of_location(
            found, test=test, validation=validation, seed=seed, group=group,
            split_by_time=split_by_time, known=known, progress=progress,
        )  # fmt: skip

    @classmethod
    def of_location(
        cls,
        found: Location,
        *,
        test: float = 0.2,
        validation: float = 0.3,
        seed: int = 0,
        group: str | None = None,
        split_by_time: str | None = None,
        known: Path | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> ImageSet:
        """Read the pictures of a place that was looked into; parameters are those of `read`."""
        arrays, problems = gather_pictures(found, group, split_by_time, known, progress)
        _expect_two_classes(arrays["labels"], found.root)
        problems += _small_classes(arrays["labels"])
        splits = _draw(arrays, test=test, validation=validation, seed=seed)
        return cls.of_arrays(found, arrays, splits, problems)

    @classmethod
    def of_arrays(
        cls, found: Location, arrays: Arrays, splits: Strings, problems: list[Problem]
    ) -> ImageSet:
        """Put together what `gather_pictures` returned, and the splits that were drawn of it."""
        problems = [*problems, *_trained_later(arrays["times"], splits)]
        frozen = {name: _frozen(array) for name, array in (arrays | {"splits": splits}).items()}
        classes = tuple(sorted(set(arrays["labels"].tolist())))
        return cls(
            found.root, found.source, **frozen, classes=classes, problems=tuple(sorted(problems))
        )

    @classmethod
    def read_partly_labelled(
        cls,
        path: Place,
        *,
        levels: Mapping[str, Levels] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> ImageSet:
        """Read pictures of which some, or none, have a label; the label of the others is "".

        Pictures of a folder that lie in no class folder have none, nor have rows of a table whose
        label is empty; the table may lack the column. No split is drawn: all are in train, but for
        those whose split is given. Copies of the same bytes need one label: of those that have none
        one stays, and none beside one that has a label.

        Parameters
        ----------
        path : path
            As for `read`; besides, a folder without class folders, one picture, and a table without
            a column of labels.
        levels : mapping of str to (float, float), optional
            Black and white of deep pictures by their kind, as the set that these are compared with
            has them (`shared_levels`). A picture of a kind that is not among them has its own. By
            default those that are read here share theirs.
        progress : callable, optional
            Called as ``progress(done, total)`` after each file.

        Raises
        ------
        ImageSetError
            Nothing is there, or no picture can be read.
        """
        found = locate_partly_labelled(path)
        return cls.of_partly_labelled(found, levels=levels, progress=progress)

    @classmethod
    def of_partly_labelled(
        cls,
        found: Location,
        *,
        levels: Mapping[str, Levels] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> ImageSet:
        """Read the pictures of a place that was looked into; see `read_partly_labelled`."""
        rows, unreadable = _identified(found.source, found.entries, None, levels, progress)
        problems = [*found.problems, *unreadable]
        if not rows:
            raise _none_readable(found.root, problems)
        rows.sort(key=lambda row: (not row[0].label, row[0]))
        told_of = {record.id for entry, record in rows if entry.label}
        first = {record.id: entry for entry, record in reversed(rows)}
        rows = [
            (entry, record)
            for entry, record in rows
            if entry.label or (record.id not in told_of and first[record.id] is entry)
        ]
        arrays = _arrays(rows)
        none = np.full(len(rows), "", dtype="<U1")
        arrays |= {
            "groups": arrays["ids"], "given_groups": none, "times": np.zeros(len(rows), np.int64),
            "splits": np.where(arrays["given_splits"] == "", "train", arrays["given_splits"]),
        }  # fmt: skip
        frozen = {name: _frozen(array) for name, array in arrays.items()}
        classes = tuple(sorted({entry.label for entry, _ in rows} - {""}))
        return cls(
            found.root, found.source, **frozen, classes=classes, problems=tuple(sorted(problems))
        )

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
    def shared_levels(self) -> dict[str, Levels]:
        """Black and white of the deep pictures that do not say them, by their kind."""
        return levels_by_kind(self.kinds, self.blacks, self.whites)

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
        centre: str = "nearest",
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
                interpolation=interpolation, fill=fill, reduced=reduced, centre=centre,
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

        Parameters are those of `read`. A split by time is drawn by no seed.
        """
        arrays = {name: getattr(self, name) for name in _ALIGNED}
        splits = _draw(arrays, test=test, validation=validation, seed=seed)
        return replace(self, splits=_frozen(splits))

    @property
    def by_time(self) -> bool:
        """Whether the splits follow a time; there is then one way to split."""
        return bool(self.times.any())

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

        Columns: path, id, label, split, group (what no split parts), given_group, width, height,
        format, bytes, stamp, hash (as a signed number), kind, black, white, kept, problem.
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
                "group": self.groups, "given_group": self.given_groups,
                "width": self.widths, "height": self.heights, "format": self.formats,
                "bytes": self.sizes, "stamp": self.stamps, "hash": self.hashes.view(np.int64),
                "kind": self.kinds, "black": self.blacks, "white": self.whites, "kept": True,
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


def gather_pictures(
    found: Location,
    group: str | None,
    split_by_time: str | None,
    known: Path | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[Arrays, list[Problem]]:
    """Read the pictures of a place: all that an image set says of them, but for their splits.

    Parameters are those of `ImageSet.read`.

    Returns
    -------
    dict of str to ndarray
        By the names of an image set's attributes.
    list of Problem

    Raises
    ------
    ImageSetError
        As `ImageSet.read`; not where all are of one class.
    """
    source, problems = found.source, found.problems
    entries, told = _together(found, group, split_by_time)
    problems += told
    rows, unreadable = _identified(source, entries, known, None, progress)
    problems += unreadable
    kept, copies = find_copies([entry for entry, _ in rows], [record.id for _, record in rows])
    rows = [row for row, keep in zip(rows, kept, strict=True) if keep]
    problems += copies
    if not rows:
        raise _none_readable(found.root, problems)
    given_groups = [entry.group for entry, _ in rows]
    groups = united(_copies(rows, source), given_groups)
    times = _times(rows, split_by_time)
    arrays = _arrays(rows) | {
        "groups": np.array(groups), "given_groups": np.array(given_groups), "times": times,
    }  # fmt: skip
    return arrays, problems


def _identified(
    source: Source,
    entries: Sequence[Entry],
    known: Path | None,
    levels: Mapping[str, Levels] | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[list[tuple[Entry, Record]], list[Problem]]:
    """Return what can be read, and what of it cannot or was taken for something."""
    names = [entry.name for entry in entries]
    records = read_records(source, names, known_records(known), progress)
    readable: list[tuple[Entry, Record]] = []
    problems = []
    for entry, record in zip(entries, records, strict=True):
        if isinstance(record, Record):
            readable.append((entry, record))
        else:
            problems.append(Problem(entry.name, "unreadable", str(record), kept=False))
    if levels is None:
        ranges = [record.deep for _, record in readable if record.deep]
        problems += describe_levels(ranges)
        levels = {kind: shared.levels for kind, shared in shared_ranges(ranges).items()}
    return _with_levels(readable, source, levels), problems


def _none_readable(where: Path | str, problems: Sequence[Problem]) -> ImageSetError:
    first = problems[0]
    return ImageSetError(
        f"{where}: no picture can be read ({first.path}: {first.reason}); mend or replace them"
    )


def _with_levels(
    rows: Sequence[tuple[Entry, Record]], source: Source, levels: Mapping[str, Levels]
) -> list[tuple[Entry, Record]]:
    entries, records = [entry for entry, _ in rows], [record for _, record in rows]
    shared = share_levels(source, [entry.name for entry in entries], records, levels)
    return list(zip(entries, shared, strict=True))


def _expect_two_classes(labels: Strings, where: Path | str) -> None:
    if (labels == labels[0]).all():
        raise ImageSetError(
            f"{where}: only one class, {str(labels[0])!r}; add pictures of another to tell it from"
        )


def _small_classes(labels: Strings) -> list[Problem]:
    counts = Counter(labels.tolist())
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


def _together(
    found: Location, group: str | None, split_by_time: str | None
) -> tuple[list[Entry], list[Problem]]:
    """Give entries their groups, and take splits from them that a group or a time is against."""
    entries, problems = found.entries, list[Problem]()
    if group is not None:
        entries, problems = grouped(entries, group, found.columns, found.root)
    if split_by_time is None:
        return entries, problems
    if not column_named(split_by_time, found.columns):
        has = f"no column among {', '.join(found.columns)}" if found.columns else "no table"
        raise ImageSetError(
            f"{found.root}: there is {has} to split by time '{split_by_time}'; give a column of a "
            "CSV, Parquet or metadata file"
        )
    if any(entry.split for entry in entries):
        reason = f"the splits that came with the pictures are not used: {split_by_time} splits them"
        problems.append(Problem("times", "split", reason, kept=True))
    _ranks(entries, split_by_time)  # what is no time is refused before pictures are read
    return [replace(entry, split="") for entry in entries], problems


def _times(rows: Sequence[tuple[Entry, Record]], split_by_time: str | None) -> Integers:
    if split_by_time is None:
        return np.zeros(len(rows), np.int64)
    ranks = _ranks([entry for entry, _ in rows], split_by_time)
    if not ranks.any():
        raise ImageSetError(
            f"column {split_by_time}: all pictures are of one time; give another column"
        )
    return ranks


def _ranks(entries: Sequence[Entry], split_by_time: str) -> Integers:
    where = f"column {split_by_time}"
    return time_ranks([entry.time for entry in entries], where, lambda i: entries[i].name)


def _draw(arrays: Arrays, test: float, validation: float, seed: int) -> Strings:
    """Split by time where there are times, by whole groups where some are given, else by class."""
    if arrays["times"].any():
        return time_split(arrays["times"], arrays["groups"], test, validation)
    return complete_split(
        arrays["labels"].tolist(),
        arrays["groups"].tolist(),
        arrays["given_splits"].tolist(),
        test=test,
        validation=validation,
        seed=seed,
        draw=grouped_split if (arrays["given_groups"] != "").any() else stratified_split,
    )


def _trained_later(times: Integers, splits: Strings) -> list[Problem]:
    """Tell how many pictures are trained on though they are later than the first that is tested."""
    if not times.any():
        return []
    later = int((times[splits != "test"] >= times[splits == "test"].min()).sum())
    reason = (
        f"{later:,} pictures are not tested though they are as late as those that are: their group "
        "or their copy was seen before"
    )
    return [Problem("times", "time", reason, kept=True)] if later else []


def _copies(rows: Sequence[tuple[Entry, Record]], source: Source) -> list[str]:
    """Name what is copies of each other: the same bytes, and what looks the same and is a copy."""

    def pixels(row: int, side: int) -> npt.NDArray[np.uint8]:
        entry, record = rows[row]
        levels = record.deep.levels if record.deep else None
        return decode(source.read(entry.name), side, levels=levels, reduced=True)

    look = looker(pixels)
    pairs = near_copies(_hashes(rows))
    ids = [record.id for _, record in rows]
    # Lists of labels are no classes: all pictures with one list may be copies of each other.
    labels = [entry.label if entry.labels is None else "" for entry, _ in rows]
    return group_copies(ids, labels, pairs, copy_distances(look, pairs), look).names


def _arrays(rows: Sequence[tuple[Entry, Record]]) -> Arrays:
    entries, records = [entry for entry, _ in rows], [record for _, record in rows]
    return {
        "ids": np.array([record.id for record in records]),
        "paths": np.array([entry.name for entry in entries], dtype=object),
        "labels": np.array([entry.label for entry in entries]),
        "given_splits": np.array([entry.split for entry in entries]),
        "widths": np.array([record.width for record in records], dtype=np.int64),
        "heights": np.array([record.height for record in records], dtype=np.int64),
        "formats": np.array([record.format for record in records]),
        "sizes": np.array([record.bytes for record in records], dtype=np.int64),
        "stamps": np.array([record.stamp for record in records], dtype=np.int64),
        "hashes": _hashes(rows),
        "kinds": np.array([record.deep.kind if record.deep else "" for record in records]),
        "blacks": np.array(
            [record.deep.levels[0] if record.deep else np.nan for record in records]
        ),
        "whites": np.array(
            [record.deep.levels[1] if record.deep else np.nan for record in records]
        ),
    }


def _hashes(rows: Sequence[tuple[Entry, Record]]) -> npt.NDArray[np.uint64]:
    return np.array([record.hash for _, record in rows], dtype=np.uint64)


def _frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array.setflags(write=False)
    return array
