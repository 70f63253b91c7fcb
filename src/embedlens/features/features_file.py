"""Features in one file, to keep or to pass on: ``.npz``."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from embedlens.errors import EmbedlensError
from embedlens.features.embed import Features
from embedlens.files import replacing
from embedlens.given_path import given_path
from embedlens.images import splits_of_rows, text_of
from embedlens.images.grouping import column_named, grouped
from embedlens.images.listing import Entry
from embedlens.images.time_order import time_ranks

_NAMES = ("features", "labels", "splits", "paths", "groups", "record")
_WANTED = (
    "It must be an .npz with the arrays 'features' (n, d) and 'labels' (n,); "
    "`embedlens embed` writes one."
)


@dataclass(frozen=True)
class FeaturesFile:
    """What such a file holds.

    Attributes
    ----------
    features : ndarray of shape (n, d)
        A row a picture.
    labels : ndarray of shape (n,), str
        Classes.
    splits : ndarray of shape (n,), str
        "train", "validation" or "test"; empty strings where the file does not say.
    paths : ndarray of shape (n,), str
        File names; empty strings where the file does not say.
    record : dict
        How the features were made; empty where the file does not say.
    notes : tuple of str
        What was left out of the file, a sentence each.
    groups : ndarray of shape (n,), str, or None
        What no split may part, "" where a row is of none; None where the file does not say.
    times : ndarray of shape (n,), int64, or None
        The place of each picture's time in their order, from 0; None where none was asked for.
    """

    features: np.ndarray
    labels: np.ndarray
    splits: np.ndarray
    paths: np.ndarray
    record: dict[str, Any]
    notes: tuple[str, ...] = ()
    groups: np.ndarray | None = None
    times: np.ndarray | None = None


def write_features(features: Features, path: Path) -> None:
    """Write features, labels, splits, paths and the record of how they were made.

    Parameters
    ----------
    features : Features
        What `embed` returned.
    path : Path
        The file, ``*.npz``; ``numpy.load`` reads it without pickle.
    """
    path = given_path(path)
    images = features.images
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(
            file,
            features=features.values,
            labels=images.labels,
            splits=images.splits,
            paths=images.paths.astype(str),
            groups=images.groups,
            record=json.dumps(features.record),
        )


def read_features(
    path: Path, group: str | None = None, split_by_time: str | None = None
) -> FeaturesFile:
    """Read a file that `write_features` wrote, or anybody's with ``features`` and ``labels``.

    Labels, splits and paths may be columns, (n, 1), or rows. Splits go by any name that a split has
    elsewhere. Pictures whose label is missing (NaN or empty) are left out, and told in `notes`.

    Parameters
    ----------
    path : Path
        The file.
    group : str, optional
        What no split may part: another array of the file, or a pattern on the paths; as for
        ``ImageSet.read``. By default the array ``groups``, where there is one.
    split_by_time : str, optional
        An array of numbers or ISO dates: the file's splits are then not used.

    Raises
    ------
    EmbedlensError
        If it is no such file, if its arrays do not fit each other, if a split is unknown, or if
        there is no such group or time.
    """
    path = given_path(path)
    arrays, names = _arrays(path, (group or "", split_by_time or ""))
    columns = tuple(name for name in names if name not in ("features", "record"))
    values = _values(arrays["features"], path)
    count = len(values)
    labels = _texts(arrays["labels"], "labels", count, path)
    splits = _texts(arrays.get("splits", np.full(count, "")), "splits", count, path)
    paths = _texts(arrays.get("paths", np.full(count, "")), "paths", count, path)
    record = _record(arrays.get("record"), path)
    labelled = np.array([bool(label.strip()) for label in labels])
    if not labelled.any():
        raise EmbedlensError(f"{path} holds no label: all {count:,} are missing.")
    notes = []
    if missing := int((~labelled).sum()):
        first = int(np.argmin(labelled))
        notes.append(f"{missing:,} of {count:,} pictures have no label (the first in row "
                     f"{first + 1}); they are left out")  # fmt: skip
    kept = np.flatnonzero(labelled)
    given = splits_of_rows(
        [splits[row].strip() for row in kept], path, lambda i: f"row {kept[i] + 1}"
    )
    file = FeaturesFile(
        values[kept],
        np.array([labels[row] for row in kept]),
        np.array(given),
        np.array([paths[row] for row in kept]),
        record,
        tuple(notes),
        None if "groups" not in arrays else _column(arrays, "groups", count, path)[kept],
    )
    if group is not None:
        file = _grouped(file, group, columns, _column(arrays, group, count, path)[kept], path)
    if split_by_time is not None:
        if not column_named(split_by_time, columns):
            has = ", ".join(columns)
            raise EmbedlensError(f"{path} has no {split_by_time!r} among {has} to split by time.")
        texts = _column(arrays, split_by_time, count, path)[kept].tolist()
        where = f"{path}: {split_by_time}"
        times = time_ranks(texts, where, lambda i: f"row {kept[i] + 1}")
        if not times.any():
            raise EmbedlensError(f"{where}: all pictures are of one time; give another array.")
        file = replace(file, times=times, splits=np.full(len(kept), ""))
    return file


def _column(arrays: dict[str, np.ndarray], name: str, count: int, path: Path) -> np.ndarray:
    """Return an array of a row a picture, by its name in any case of letters; "" where none is."""
    found = next((each for each in arrays if _same(each, name)), "")
    if found in ("", "features", "record"):
        return np.full(count, "")
    return np.array([text.strip() for text in _texts(arrays[found], found, count, path)])


def _same(name: str, other: str) -> bool:
    return name.strip().casefold() == other.strip().casefold()


def _grouped(
    file: FeaturesFile, group: str, columns: tuple[str, ...], named: np.ndarray, path: Path
) -> FeaturesFile:
    """Give each row its group, and no split that parts one."""
    rows = zip(file.paths, file.labels, file.splits, named, strict=True)
    entries = [
        Entry(str(name), str(label), str(split), str(own)) for name, label, split, own in rows
    ]
    entries, problems = grouped(entries, group, columns, path)
    return replace(
        file,
        groups=np.array([entry.group for entry in entries]),
        splits=np.array([entry.split for entry in entries]),
        notes=(*file.notes, *(problem.reason for problem in problems)),
    )


def _arrays(path: Path, asked: tuple[str, ...]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return the arrays that are known or asked for, and the names of all."""
    try:
        with np.load(path, allow_pickle=False) as file:
            names = list(file)
            wanted = [n for n in names if n in _NAMES or any(_same(n, each) for each in asked)]
            arrays = {name: file[name] for name in wanted}
    except FileNotFoundError:
        raise EmbedlensError(f"{path} does not exist; make it with `embedlens embed`.") from None
    except ValueError as error:
        if "allow_pickle" in str(error):
            error = ValueError("an array holds Python objects; save it by .astype(str)")
        raise EmbedlensError(f"{path} is not a features file ({error}). {_WANTED}") from error
    except Exception as error:  # zipfile, zlib and numpy raise many kinds for broken files
        raise EmbedlensError(f"{path} is not a features file ({error}). {_WANTED}") from error
    lacking = [name for name in ("features", "labels") if name not in arrays]
    if lacking:
        has = ", ".join(names) or "nothing"
        raise EmbedlensError(
            f"{path} is not a features file (no {' and no '.join(lacking)} among {has}). {_WANTED}"
        )
    return arrays, names


def _values(values: np.ndarray, path: Path) -> np.ndarray:
    if values.ndim != 2 or 0 in values.shape:
        pooled = " Average feature maps over the picture first." if values.ndim > 2 else ""
        raise EmbedlensError(
            f"{path} holds features of shape {values.shape}; it must be (pictures, features), "
            f"both at least 1.{pooled}"
        )
    if values.dtype.kind not in "fiub":
        raise EmbedlensError(f"{path} holds features of type {values.dtype}; they must be numbers.")
    if values.dtype.kind != "f":
        values = values.astype(np.float32)
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        raise EmbedlensError(
            f"{path} holds features that are not finite (NaN or infinity), the first in row "
            f"{int(np.argmin(finite)) + 1}; compute them again or leave the row out."
        )
    return values


def _texts(array: np.ndarray, name: str, count: int, path: Path) -> list[str]:
    """Return an array of a row a picture as text, "" where a value is missing."""
    if array.shape in ((count, 1), (1, count)):
        array = array.reshape(count)
    if array.shape != (count,):
        ones = " If they are one-hot, give their argmax." if array.ndim == 2 else ""
        raise EmbedlensError(
            f"{path} holds features of {count:,} pictures and {name} of shape {array.shape}; "
            f"there must be one for each picture.{ones}"
        )
    if array.dtype.kind not in "USiufb":
        raise EmbedlensError(f"{path} holds {name} of type {array.dtype}; give text or numbers.")
    try:
        return [text_of(value) for value in array.tolist()]
    except UnicodeDecodeError as error:
        raise EmbedlensError(f"{path} holds {name} that are no UTF-8 text ({error}).") from error


def _record(array: np.ndarray | None, path: Path) -> dict[str, Any]:
    try:
        record = json.loads(str(array)) if array is not None else {}
    except ValueError as error:
        raise EmbedlensError(f"{path} holds a record that is no JSON ({error}).") from error
    return record if isinstance(record, dict) else {}
