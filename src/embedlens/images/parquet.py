"""Pictures inside Parquet files, as Hugging Face stores image data sets."""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from embedlens.errors import ImageSetError
from embedlens.images.class_names import class_name, describe_class_names
from embedlens.images.decode import ImageError
from embedlens.images.label_sets import SEVERAL, LabelCells
from embedlens.images.listing import Entry, RowLabels, has_sets, row_labels
from embedlens.images.problem import Problem
from embedlens.images.several_labels import ONE_CLASS, expect_one_class, explain_no_label
from embedlens.images.source import check_size, stamp_of_file
from embedlens.images.split_names import has_splits, splits_named
from embedlens.images.table import (
    LABELS,
    NOTHING_ELSE,
    SPLITS,
    Column,
    Wanted,
    label_cells,
    read_split_columns,
    read_wanted,
    text_of,
)

_GROUPS_HELD = 4
_IMAGES = ("image", "img", "picture")
# ClassLabel numbers with no class stand for "not labelled".
_UNLABELLED = -1


class ParquetSource:
    """Pictures stored as bytes in a column of one or more Parquet files.

    The column is called image, img or picture, and holds bytes or a struct with the field bytes.
    The label column may hold numbers, whose names are then looked for where Hugging Face's
    ``ClassLabel`` leaves them. A split is taken from a column, or from a file's name:
    ``train-00000-of-00002.parquet``. Where some files are named for splits, training and another,
    those of other names are set aside.

    Parameters
    ----------
    files : sequence of Path
        The files.
    root : Path
        Names of pictures are the file's name from here, and the row: ``"train.parquet/000012"``.
    wanted : Wanted, optional
        Columns that are read besides.

    Raises
    ------
    ImageSetError
        A file is no Parquet, has no column of pictures or of labels, or has a split that is
        unknown; or the files are of splits with no training among them.
    """

    problems: tuple[Problem, ...] = ()

    def __init__(self, files: Sequence[Path], root: Path, wanted: Wanted = NOTHING_ELSE) -> None:
        self.files, self.root = tuple(sorted(files)), root
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[int, int], list[bytes | None]] = OrderedDict()
        self._places: dict[str, tuple[int, int, int]] = {}
        self.entries: list[Entry] = []
        self.told: list[Problem] = []
        self.columns: dict[str, None] = {}
        self._wanted = wanted
        self._spelled: set[str] = set()
        self._labels = self._read_labels()
        split_of = _splits_of_files(self.files, root)
        self._files = [
            self._index(number, path, split_of) for number, path in enumerate(self.files)
        ]
        self._check_splits()
        if not has_sets(self.entries):
            expect_one_class(self._spelled, root)
        self.told += describe_class_names(self._spelled)
        self._stamps = [stamp_of_file(path.stat()) for path in self.files]

    def __reduce__(self) -> tuple[type[ParquetSource], tuple[Sequence[Path], Path, Wanted]]:
        return ParquetSource, (self.files, self.root, self._wanted)

    def names(self) -> list[str]:
        """Names of the pictures, sorted."""
        return sorted(self._places)

    def read(self, name: str) -> bytes:
        """Bytes of a picture.

        Raises
        ------
        ImageError
            The cell is empty, the file is damaged, or the picture exceeds `MAX_FILE_BYTES`.
        """
        data = self._cell(name)
        if not data:
            raise ImageError("no bytes in the table; it may point at a file elsewhere")
        check_size(len(data))
        return data

    def stamp(self, name: str) -> tuple[int, int]:
        """Size of the picture in bytes, and a number of its file's times."""
        try:
            size = len(self._cell(name) or b"")
        except ImageError:
            size = -1
        return size, self._stamps[self._places[name][0]]

    def file(self, name: str) -> Path | None:
        """None: it is no file of its own."""
        return None

    def _read_labels(self) -> dict[Path, list[RowLabels]]:
        """Return the labels of each file's rows; all together tell whether they are several."""
        import pyarrow.parquet as pq

        told: dict[Path, LabelCells | list[str]] = {}
        for path in self.files:
            try:
                told[path] = _labels(pq.ParquetFile(path, memory_map=False), path, self._wanted)
            except ImageSetError:
                raise
            except Exception as error:  # pyarrow raises many kinds for broken files
                raise ImageSetError(f"{path}: not a readable Parquet file ({error})") from error
        rows = iter(row_labels(list(told.values()), self._wanted, self.root))
        counts = {
            path: len(each.rows if isinstance(each, LabelCells) else each)
            for path, each in told.items()
        }
        return {path: list(islice(rows, count)) for path, count in counts.items()}

    def _index(self, number: int, path: Path, split_of: dict[Path, str]) -> Any:
        import pyarrow.parquet as pq

        try:
            # Not memory-mapped: a file that shrinks meanwhile would end the process.
            file = pq.ParquetFile(path, memory_map=False)
            splits, unused = _splits(file, path)
            groups, times = self._read_wanted(file, path)
            column = image_column(file.schema_arrow)
        except ImageSetError:
            raise
        except Exception as error:  # pyarrow raises many kinds for broken files
            raise ImageSetError(f"{path}: not a readable Parquet file ({error})") from error
        if column is None:
            has = ", ".join(file.schema_arrow.names)
            raise ImageSetError(f"{path}: no column of pictures named image among {has}; add it")
        self.told += unused
        if not any(splits) and split_of and not split_of[path]:
            reason = "its name is of no split, where those beside it are; rename it to use it"
            self.told.append(Problem(path.name, "loose", reason, kept=False))
            return file, column
        splits = splits if any(splits) else [split_of.get(path, "")] * len(splits)
        row = 0
        base = path.relative_to(self.root).as_posix()
        for group in range(file.num_row_groups):
            for i in range(file.metadata.row_group(group).num_rows):
                name = f"{base}/{row:06}"
                label = self._labels[path][row]
                if not label.missing:
                    self._places[name] = number, group, i
                    own = class_name(label.text)
                    self.entries.append(
                        Entry(name, own, splits[row], groups[row], times[row], label.several)
                    )
                    self._spelled |= {label.text} if label.several is None else {*label.several}
                else:
                    self.told.append(Problem(name, "missing", "no label", kept=False))
                row += 1
        return file, column

    def _read_wanted(self, file: Any, path: Path) -> tuple[list[str], list[str]]:
        names = file.schema_arrow.names
        self.columns |= dict.fromkeys(names)
        asked = {self._wanted.group.strip().casefold(), self._wanted.time.strip().casefold()}
        frame: list[Column] = [
            (name, file.read(columns=[name]).column(0).to_pylist())
            for name in names
            if name.strip().casefold() in asked
        ]
        return read_wanted(frame, self._wanted, file.metadata.num_rows, path)

    def _check_splits(self) -> None:
        """Refuse splits that some files give and others do not: nobody knows those of these."""
        given = {name: entry.split for entry in self.entries
                 for name in (entry.name.rpartition("/")[0],)}  # fmt: skip
        lacking = sorted(name for name, split in given.items() if not split)
        if lacking and len(lacking) < len(given):
            raise ImageSetError(
                f"{self.root / lacking[0]}: gives no split, where {min(set(given) - set(lacking))} "
                "does; add a column split"
            )

    def _cell(self, name: str) -> bytes | None:
        number, group, row = self._places[name]
        with self._lock:
            if (number, group) not in self._held:
                self._held[number, group] = self._group(number, group)
                if len(self._held) > _GROUPS_HELD:
                    self._held.popitem(last=False)
            self._held.move_to_end((number, group))
            return self._held[number, group][row]

    def _group(self, number: int, group: int) -> list[bytes | None]:
        file, column = self._files[number]
        try:
            cells = file.read_row_group(group, columns=[column]).column(0).combine_chunks()
        except Exception as error:
            raise ImageError(f"damaged in {self.files[number].name}: {error}") from error
        if hasattr(cells, "field"):
            cells = cells.field("bytes")
        return [cell.as_py() for cell in cells]


def image_column(schema: Any) -> str | None:
    """Return the name of the column that holds pictures, or None: a schema of pyarrow in."""
    import pyarrow as pa

    for name in schema.names:
        kind = schema.field(name).type
        if pa.types.is_struct(kind):
            fields = {kind.field(i).name: kind.field(i).type for i in range(kind.num_fields)}
            kind = fields.get("bytes", kind)
        binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
        if name.casefold() in _IMAGES and binary:
            return str(name)
    return None


def _labels(file: Any, path: Path, wanted: Wanted) -> LabelCells | list[str]:
    cells = label_cells(_label_columns(file, wanted), wanted, path)
    if cells is not None:
        return cells
    name = _column(file, LABELS)
    if name is None:
        has = ", ".join(file.schema_arrow.names)
        instead = explain_no_label(file.schema_arrow.names, {}) or "add it"
        raise ImageSetError(f"{path}: no column label or class among {has}; {instead}")
    values = file.read(columns=[name]).column(0).to_pylist()
    names = _class_names(file, name)
    try:
        return [_label(value, names) for value in values]
    except TypeError as error:
        raise ImageSetError(f"{path}: column {name}: {error}. {ONE_CLASS}") from error


def _label_columns(file: Any, wanted: Wanted) -> list[Column]:
    """Return all columns by name, with the values of those that may hold several labels."""
    several = {each.strip().casefold() for each in wanted.labels} or set(SEVERAL)
    return [
        (name, _named_lists(file, name) if name.strip().casefold() in several else ())
        for name in file.schema_arrow.names
    ]


def _named_lists(file: Any, name: str) -> list[Any]:
    """Return a column; of lists of numbers that have names, the names."""
    values, names = file.read(columns=[name]).column(0).to_pylist(), _class_names(file, name)
    if not names:
        return list(values)
    return [
        [_label(each, names) for each in value] if isinstance(value, list) else value
        for value in values
    ]


def _label(value: Any, names: list[str]) -> str:
    if value == _UNLABELLED:
        return ""
    if names and isinstance(value, int) and 0 <= value < len(names):
        return names[value]
    return text_of(value)


def _class_names(file: Any, column: str) -> list[str]:
    metadata = file.schema_arrow.metadata or {}
    try:
        described = json.loads(metadata.get(b"huggingface", b"{}"))
        feature = described["info"]["features"][column]
        return list(map(str, feature.get("feature", feature)["names"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _splits(file: Any, path: Path) -> tuple[list[str], list[Problem]]:
    schema = file.schema_arrow
    known = [name for name in schema.names if name.strip().casefold() in SPLITS]
    frame: list[Column] = [(n, file.read(columns=[n]).column(0).to_pylist()) for n in known]
    return read_split_columns(frame, file.metadata.num_rows, path)


def _splits_of_files(files: Sequence[Path], root: Path) -> dict[Path, str]:
    """Return the split of each file by its name; none where one is alone or none has such a name.

    Raises
    ------
    ImageSetError
        All are of splits, of more than one, and none of them is training.
    """
    names = {path: re.sub(r"[-_.]?\d+[-_]of[-_]\d+.*$", "", path.stem) for path in files}
    meant = splits_named(set(names.values()), alike=True)
    found = {path: meant[name] for path, name in names.items()}
    given = set(found.values()) - {""}
    if len(given) > 1 and "train" not in given:
        raise ImageSetError(f"{root}: has files of {' and '.join(sorted(given))}, none of train")
    return found if has_splits(given) else {}


def _column(file: Any, names: Sequence[str]) -> str | None:
    found = {str(name).strip().casefold(): str(name) for name in file.schema_arrow.names}
    return next((found[each] for each in names if each in found), None)
