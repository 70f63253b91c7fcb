"""Pictures inside Parquet files, as Hugging Face stores image data sets."""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embedlens.errors import ImageSetError
from embedlens.images.decode import ImageError
from embedlens.images.listing import COLUMNS, Entry, split_named
from embedlens.images.problem import Problem
from embedlens.images.source import check_size

_GROUPS_HELD = 4
_IMAGES = ("image", "img", "picture")
# ClassLabel numbers with no class stand for "not labelled".
_UNLABELLED = -1


class ParquetSource:
    """Pictures stored as bytes in a column of one or more Parquet files.

    The column is called image, img or picture, and holds bytes or a struct with the field bytes.
    The label column may hold numbers, whose names are then looked for where Hugging Face's
    ``ClassLabel`` leaves them. A split is taken from a column, or from a file's name:
    ``train-00000-of-00002.parquet``.

    Parameters
    ----------
    files : sequence of Path
        The files.
    root : Path
        Names of pictures are the file's name from here, and the row: ``"train.parquet/000012"``.

    Raises
    ------
    ImageSetError
        A file is no Parquet, or has no column of pictures or of labels.
    """

    problems: tuple[Problem, ...] = ()

    def __init__(self, files: Sequence[Path], root: Path) -> None:
        self.files, self.root = tuple(sorted(files)), root
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[int, int], list[bytes | None]] = OrderedDict()
        self._places: dict[str, tuple[int, int, int]] = {}
        self.entries: list[Entry] = []
        self.unlabelled: list[Problem] = []
        self._files = [self._index(number, path) for number, path in enumerate(self.files)]
        self._stamps = [path.stat().st_mtime_ns for path in self.files]

    def __reduce__(self) -> tuple[type[ParquetSource], tuple[Sequence[Path], Path]]:
        return ParquetSource, (self.files, self.root)

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
        """Size of the picture in bytes, and the time of its file's last change in ns."""
        try:
            size = len(self._cell(name) or b"")
        except ImageError:
            size = -1
        return size, self._stamps[self._places[name][0]]

    def _index(self, number: int, path: Path) -> Any:
        import pyarrow.parquet as pq

        try:
            # Not memory-mapped: a file that shrinks meanwhile would end the process.
            file = pq.ParquetFile(path, memory_map=False)
            labels = _labels(file, path)
            splits = _splits(file, path)
            column = image_column(file.schema_arrow)
        except ImageSetError:
            raise
        except Exception as error:  # pyarrow raises many kinds for broken files
            raise ImageSetError(f"{path}: not a readable Parquet file ({error})") from error
        if column is None:
            has = ", ".join(file.schema_arrow.names)
            raise ImageSetError(f"{path}: no column of pictures named image among {has}; add it")
        row = 0
        base = path.relative_to(self.root).as_posix()
        for group in range(file.num_row_groups):
            for i in range(file.metadata.row_group(group).num_rows):
                name = f"{base}/{row:06}"
                if labels[row]:
                    self._places[name] = number, group, i
                    self.entries.append(Entry(name, labels[row], splits[row]))
                else:
                    self.unlabelled.append(Problem(name, "missing", "no label", kept=False))
                row += 1
        return file, column

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


def _labels(file: Any, path: Path) -> list[str]:
    name = _column(file, "label")
    if name is None:
        has = ", ".join(file.schema_arrow.names)
        raise ImageSetError(f"{path}: no column label or class among {has}; add it")
    values = file.read(columns=[name]).column(0).to_pylist()
    names = _class_names(file, name)
    return [_label(value, names) for value in values]


def _label(value: Any, names: list[str]) -> str:
    if value is None or value == _UNLABELLED:
        return ""
    if names and isinstance(value, int) and 0 <= value < len(names):
        return names[value]
    return str(value).strip()


def _class_names(file: Any, column: str) -> list[str]:
    metadata = file.schema_arrow.metadata or {}
    try:
        described = json.loads(metadata.get(b"huggingface", b"{}"))
        return list(map(str, described["info"]["features"][column]["names"]))
    except (ValueError, KeyError, TypeError):
        return []


def _splits(file: Any, path: Path) -> list[str]:
    name = _column(file, "split")
    if name is not None:
        values = file.read(columns=[name]).column(0).to_pylist()
        return [split_named(str(value)) for value in values]
    told = split_named(re.split(r"[-_.]", path.name)[0])
    return [told] * file.metadata.num_rows


def _column(file: Any, meaning: str) -> str | None:
    found = {str(name).strip().casefold(): str(name) for name in file.schema_arrow.names}
    return next((found[each] for each in COLUMNS[meaning] if each in found), None)
