"""Where pictures can be: what a path or URL given by a user is read as."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from embedlens.errors import ImageSetError
from embedlens.given_path import given_path
from embedlens.images.combined import RootsSource
from embedlens.images.folders import list_folders
from embedlens.images.kaggle import PREFIX, download_from_kaggle
from embedlens.images.listing import Entry, has_sets, list_table
from embedlens.images.metadata import find_metadata, list_metadata
from embedlens.images.parquet import ParquetSource, image_column
from embedlens.images.problem import Problem
from embedlens.images.several_labels import ONE_CLASS
from embedlens.images.source import FileSource, FolderSource, Source, ZipSource
from embedlens.images.table import NOTHING_ELSE, TABLE_SUFFIXES, Wanted
from embedlens.images.tar import TAR_SUFFIXES, TarSource
from embedlens.images.url import UrlSource, is_url

Place = str | os.PathLike[str]


@dataclass(frozen=True)
class Location:
    """A place that was looked into.

    Attributes
    ----------
    root : Path or str
        Where names start: a folder, an archive, the folder of a table, or a URL.
    source : Source
        Where the bytes come from.
    entries : list of Entry
        The pictures.
    problems : list of Problem
        Files that are set aside.
    columns : tuple of str
        Those of its tables; none where it has no table.
    """

    root: Path | str
    source: Source
    entries: list[Entry]
    problems: list[Problem]
    columns: tuple[str, ...] = ()


def resolved(place: Place | Sequence[Place]) -> str:
    """Return a place in full, so that it is found again from another folder.

    Examples
    --------
    >>> resolved("s3://bucket/photos")
    's3://bucket/photos'
    """
    if not isinstance(place, (str, os.PathLike)):
        return ",".join(map(resolved, place))
    text = os.fspath(place)
    if is_url(text) or text.startswith(PREFIX):
        return text
    parts = several(text)
    return ",".join(map(resolved, parts)) if parts else str(given_path(text).resolve())


def several(place: Place | Sequence[Place]) -> list[Place]:
    """Return the places of a list, or of a text with commas that is no place itself; else none."""
    if not isinstance(place, (str, os.PathLike)):
        return list(place)
    text = os.fspath(place)
    parts = [part for part in text.split(",") if part]
    return list(parts) if len(parts) > 1 and not given_path(text).exists() else []


def locate(place: Place | Sequence[Place], wanted: Wanted = NOTHING_ELSE) -> Location:
    """Look into a place: list its pictures with classes and splits.

    Parameters
    ----------
    place : path or sequence of paths
        As for ``ImageSet.read``.
    wanted : Wanted, optional
        Columns of its tables that are read besides.

    Raises
    ------
    ImageSetError
        As ``ImageSet.read``; also where pictures have several labels each.
    """
    found = locate_labelled(place, wanted)
    if has_sets(found.entries):
        most = max(found.entries, key=lambda entry: len(entry.labels or ()))
        raise ImageSetError(
            f"{found.root}: gives pictures several labels, {most.name} for one has {most.label}. "
            f"{ONE_CLASS}"
        )
    return found


def locate_labelled(place: Place | Sequence[Place], wanted: Wanted = NOTHING_ELSE) -> Location:
    """Look into a place: list its pictures with their classes, or their several labels, and splits.

    Parameters
    ----------
    place : path or sequence of paths
        As for ``ImageSet.read``.
    wanted : Wanted, optional
        Columns of its tables that are read besides.

    Raises
    ------
    ImageSetError
        As ``ImageSet.read``.
    """
    if places := several(place):
        return _several(places, wanted)
    assert isinstance(place, (str, os.PathLike))
    text = os.fspath(place)
    if text.startswith(PREFIX):
        return _folder(download_from_kaggle(text), wanted)
    if is_url(text):
        _expect_no_columns(text, wanted)
        return _class_folders(UrlSource(text), text)
    where = given_path(text)
    if where.is_dir():
        return _folder(where, wanted)
    if not where.exists():
        raise ImageSetError(f"{where}: no such file or folder; check the spelling")
    return _file(where, wanted)


def open_source(place: Place | Sequence[Place], wanted: Wanted = NOTHING_ELSE) -> Source:
    """Open a place for reading pictures whose names are known, without listing a folder.

    Parameters
    ----------
    place, wanted
        As they were listed by.

    Raises
    ------
    ImageSetError
        Nothing is there, or it cannot be opened.
    """
    if not several(place) and isinstance(place, (str, os.PathLike)):
        where = given_path(place)
        if where.is_dir() and not _shards(where):
            return FileSource(where, ())
        if where.suffix.lower() in TABLE_SUFFIXES and where.is_file() and not holds_images(where):
            return FileSource(where.parent, ())
    return locate_labelled(place, wanted).source


def _expect_no_columns(where: Path | str, wanted: Wanted) -> None:
    """Refuse columns of labels where there is no table that could have them."""
    if wanted.labels or wanted.separator is not None:
        raise ImageSetError(
            f"{where}: there is no table for --labels and --separator; give a CSV, Parquet or "
            "metadata file, or leave them out"
        )


def _folder(where: Path, wanted: Wanted) -> Location:
    if shards := _shards(where):
        return _parquet(shards, where, wanted)
    source = FolderSource(where)
    if metadata := find_metadata(where, wanted):
        entries, problems, columns = list_metadata(metadata, where, source.names(), wanted)
        return Location(where, source, entries, [*source.problems, *problems], columns)
    _expect_no_columns(where, wanted)
    return _class_folders(source, where)


def _class_folders(source: Source, where: Path | str) -> Location:
    """List the pictures of a folder, archive or URL whose classes are folders."""
    names, aside = source.names(), [each for each in source.problems if not each.kept]
    if not names and aside:
        raise ImageSetError(
            f"{where}: no pictures found; {len(aside):,} set aside, the first "
            f"{aside[0].path}: {aside[0].reason}"
        )
    entries, problems = list_folders(names, where)
    return Location(where, source, entries, [*source.problems, *problems])


def _file(where: Path, wanted: Wanted) -> Location:
    source: Source
    suffix = where.suffix.lower()
    if suffix == ".parquet" and holds_images(where):
        return _parquet([where], where.parent, wanted)
    if suffix in TABLE_SUFFIXES:
        entries, problems, columns = list_table(where, wanted)
        named = FileSource(where.parent, {entry.name for entry in entries})
        return Location(where.parent, named, entries, problems, columns)
    if suffix == ".zip" or zipfile.is_zipfile(where):
        source = ZipSource(where)
    elif where.name.lower().endswith(TAR_SUFFIXES):
        source = TarSource(where)
    else:
        raise ImageSetError(f"{where}: not a folder, zip, tar, CSV, TSV or Parquet table; give one")
    _expect_no_columns(where, wanted)
    return _class_folders(source, where)


def _parquet(files: list[Path], root: Path, wanted: Wanted) -> Location:
    source = ParquetSource(files, root, wanted)
    if not source.entries:
        raise ImageSetError(f"{root}: no row has a label; add them")
    return Location(root, source, sorted(source.entries), source.told, tuple(source.columns))


def _several(places: Sequence[Place], wanted: Wanted) -> Location:
    sources: dict[str, Source] = {}
    entries, problems = [], []
    columns: dict[str, None] = {}
    for place in places:
        found = locate_labelled(place, wanted)
        columns |= dict.fromkeys(found.columns)
        base = Path(os.fspath(place)).name or "root"
        name = next(
            each for i in range(len(places) + 1)
            if (each := base if i == 0 else f"{base}-{i + 1}") not in sources
        )  # fmt: skip
        sources[name] = found.source
        entries += [replace(entry, name=f"{name}/{entry.name}") for entry in found.entries]
        problems += [replace(each, path=f"{name}/{each.path}") for each in found.problems]
    # A split that only some roots give would leave the others' pictures in none.
    given = sorted({entry.name.split("/")[0] for entry in entries if entry.split})
    others = sorted({entry.name.split("/")[0] for entry in entries if not entry.split})
    if given and others:
        reason = (
            f"its splits are not used, as {', '.join(others)} gives none: all splits are drawn; "
            "give splits in all or in none"
        )
        problems += [Problem(name, "split", reason, kept=True) for name in given]
        entries = [replace(entry, split="") for entry in entries]
    root = ",".join(os.fspath(place) for place in places)
    if len({entry.labels is None for entry in entries}) > 1:
        raise ImageSetError(
            f"{root}: pictures of some of these have one class and of others several labels; study "
            "them one by one"
        )
    return Location(root, RootsSource(sources), sorted(entries), problems, tuple(columns))


def _shards(folder: Path) -> list[Path]:
    """Return the Parquet files of pictures in a folder that has them, here or in ``data/``."""
    for place in (folder, folder / "data"):
        files = sorted(place.glob("*.parquet"))
        if files and all(map(holds_images, files)):
            return files
    return []


def holds_images(path: Path) -> bool:
    """Whether a file is a Parquet table that holds the pictures themselves."""
    import pyarrow.parquet as pq

    if path.suffix.lower() != ".parquet":
        return False
    try:
        return image_column(pq.read_schema(path)) is not None
    except Exception:  # told when it is read as a table
        return False
