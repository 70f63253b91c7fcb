"""Reading the columns of a table of pictures: as text, spelled as the file spells it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from embedlens.errors import ImageSetError
from embedlens.images.class_names import class_name
from embedlens.images.label_sets import (
    SETS,
    SEVERAL,
    LabelCells,
    flag_cells,
    is_flag,
    separator_of,
)
from embedlens.images.path_spelling import composed
from embedlens.images.problem import Problem
from embedlens.images.several_labels import ONE_CLASS, explain_no_label
from embedlens.images.split_names import has_splits, splits_named, splits_of_rows
from embedlens.images.time_order import time_ranks

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")
PATHS = ("path", "filename", "file_name", "file", "image")
LABELS = ("label", "class", "category")
# Columns that may tell the split, in this order; "split" alone has to.
SPLITS = ("split", "subset", "set", "partition", "phase", "usage", "fold")
_OTHER_SPLITS = ("is_valid", "is_val", "is_validation", "is_test", "is_train", "kfold", "folds")

_HEADER_FIRST = "begin the table with the line that names its columns"
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True)
class Wanted:
    """Columns that a user names, besides those that are always read.

    Attributes
    ----------
    group : str
        Whose pictures no split may part; "" for none. It may be no column.
    time : str
        By which the pictures are split; "" for none.
    labels : tuple of str
        That hold the labels, several a picture: one column with a separator or lists, or a column
        a label. By default the usual columns do.
    separator : str or None
        What stands between the labels of a cell; None where the cells tell it.
    sets : bool
        Whether the rows of such a column have several labels or none even where no row has two,
        and stay where nobody has said which.
    """

    group: str = ""
    time: str = ""
    labels: tuple[str, ...] = ()
    separator: str | None = None
    sets: bool = False


NOTHING_ELSE = Wanted()


@dataclass(frozen=True)
class Columns:
    """The columns of a table that matter, a text a row, "" for a missing value.

    Attributes
    ----------
    paths, labels : list of str
        Labels as they are written, with the spaces around them; empty lists where the table has
        no such column.
    splits : list of str
        "train", "validation" or "test"; "" in every row where the table does not tell.
    problems : list of Problem
        Columns that look as if they told the split, and are not used.
    groups, times : list of str
        "" in every row where the table has no such column, or none is wanted.
    names : tuple of str
        All columns that the table has.
    cells : LabelCells or None
        Of a table whose labels may be several a row, which `labels` is then empty for.
    """

    paths: list[str]
    labels: list[str]
    splits: list[str]
    problems: list[Problem]
    groups: list[str]
    times: list[str]
    names: tuple[str, ...]
    cells: LabelCells | None = None

    @property
    def told(self) -> LabelCells | list[str]:
        """What the table says of labels, whichever it has."""
        return self.labels if self.cells is None else self.cells


def read_columns(path: Path, wanted: Wanted = NOTHING_ELSE, *, labelled: bool = True) -> Columns:
    """Read a CSV, TSV, JSON-lines or Parquet table of pictures.

    A CSV may be separated by commas, semicolons, tabs or bars.

    Parameters
    ----------
    path : Path
        The table.
    wanted : Wanted, optional
        Columns that are read besides, where they are there.
    labelled : bool, default=True
        Whether it must have a column of labels.

    Raises
    ------
    ImageSetError
        The table cannot be read, lacks a column, has it twice, holds lists, has a split that
        is unknown or partly missing, or a time that is none.
    """
    frame, how = _frame(path, wanted)
    paths = _column(frame, PATHS, path)
    cells = label_cells(frame, wanted, path) if labelled else None
    labels = None if cells else _column(frame, LABELS, path)
    for names, column in ((PATHS, paths), (LABELS, labels)):
        if column is None and (names is PATHS or (labelled and cells is None)):
            has = ", ".join(name for name, _ in frame) or "no columns"
            instead = ""
            if names is PATHS and frame and frame[0][0].startswith("#"):
                instead = f"its first line is no header; {_HEADER_FIRST}"
            if names is LABELS:
                instead = explain_no_label([name for name, _ in frame], _read_whole(frame, path))
            raise ImageSetError(
                f"{path}: no column {' or '.join(names)} among {has}{how}; {instead or 'add it'}"
            )
    assert paths is not None
    count = len(paths[1])
    told = {wanted.group, wanted.time, *wanted.labels}
    others = [column for column in frame if column[0] not in told]
    splits, problems = read_split_columns(others, count, path)
    groups, times = read_wanted(frame, wanted, count, path)
    return Columns(
        [each.strip() for each in _texts(paths, path)],
        _texts(labels, path) if labels else [],
        splits,
        problems,
        groups,
        times,
        tuple(name for name, _ in frame),
        cells,
    )


def label_cells(frame: Sequence[Column], wanted: Wanted, where: Path) -> LabelCells | None:
    """Return what columns of several labels a row say; None where a table has one label a row.

    These are the columns that the user names; or, in a table without a column of one label, the one
    whose name says that it holds several.

    Raises
    ------
    ImageSetError
        A column that the user names is not there or says neither yes nor no, or the names of two
        say that they hold the labels.
    """
    if wanted.labels:
        columns = [_named(frame, name, where) for name in wanted.labels]
        if len(columns) == 1 and not is_flag(columns[0][1]):
            return LabelCells(*columns[0])
        texts = zip(wanted.labels, (_texts(column, where) for column in columns), strict=True)
        return flag_cells(dict(texts), where)
    if _column(frame, LABELS, where) is not None:
        return None
    found = [each for name in SEVERAL if (each := _column(frame, (name,), where))]
    if len(found) > 1:
        raise ImageSetError(
            f"{where}: columns {' and '.join(name for name, _ in found)} may each hold the labels; "
            "name one with --labels"
        )
    return LabelCells(*found[0]) if found else None


def label_separator(path: Path, wanted: Wanted = NOTHING_ELSE) -> str | None:
    """Return what parts the labels in the cells of a table; None where it has no such cells.

    None too where it cannot be told, as of a file that is gone.
    """
    if path.suffix.lower() not in TABLE_SUFFIXES or not path.is_file():
        return None
    try:
        cells = read_columns(path, wanted).cells
        return None if cells is None else separator_of(cells, path)
    except ImageSetError:
        return None


def _named(frame: Sequence[Column], name: str, where: Path) -> Column:
    column = _column(frame, (name.strip().casefold(),), where)
    if column is None:
        has = ", ".join(each for each, _ in frame) or "no columns"
        raise ImageSetError(
            f"{where}: no column {name} among {has}; labels are read from it: add it, or mend the "
            "name"
        )
    return column


def read_wanted(
    frame: Sequence[Column], wanted: Wanted, count: int, where: Path
) -> tuple[list[str], list[str]]:
    """Return group and time of each row, "" where there is no such column.

    Raises
    ------
    ImageSetError
        A column is there twice, holds lists, or a time is neither a number nor an ISO date.
    """
    found: list[list[str]] = []
    for name in (wanted.group, wanted.time):
        column = _column(frame, (name.strip().casefold(),), where) if name.strip() else None
        texts = _texts(column, where) if column else [""] * count
        found.append([class_name(each) for each in texts])
        if column and name == wanted.time:
            _expect_times(found[-1], f"{where}: column {column[0]}")
    return found[0], found[1]


def other_columns(path: Path, wanted: Wanted = NOTHING_ELSE) -> dict[str, dict[str, str]]:
    """Return what a table says of pictures beside their label and split: by column, by path in NFC.

    Left out are columns by whose name the table might be read otherwise: of paths, labels and
    splits, but for those that are wanted, and what is no cell of a CSV: lists, and bytes.

    Parameters
    ----------
    path : Path
        The table.
    wanted : Wanted, optional
        Group and time are kept, whatever they are called; the columns of labels are not.

    Raises
    ------
    ImageSetError
        It cannot be read, or has no column of paths.
    """
    frame, _ = _frame(path, wanted)
    paths = _column(frame, PATHS, path)
    if paths is None:
        raise ImageSetError(f"{path}: no column {' or '.join(PATHS)}; add it")
    names = [composed(PurePath(each.strip()).as_posix()) for each in _texts(paths, path)]
    ours = {"path", "label", "labels", SETS, "split", "proposed", ""}
    asked = {each.strip().casefold() for each in (wanted.group, wanted.time)}
    passed = {*PATHS, *LABELS, *SEVERAL, *SPLITS, *_OTHER_SPLITS}
    passed = (passed | {each.strip().casefold() for each in wanted.labels}) - asked
    found = {}
    for name, values in _with_numbers(frame, path):
        if name.strip().casefold() in ours | passed or not len(values):
            continue
        with suppress(ImageSetError):  # lists are no cells of a CSV
            found[name.strip()] = dict(zip(names, _texts((name, values), path), strict=True))
    return found


def _expect_times(times: Sequence[str], where: str) -> None:
    """Refuse what is no time; a row of no label or file needs none, and which it is comes later."""
    told = [row for row, time in enumerate(times) if time]
    time_ranks([times[row] for row in told], where, lambda i: f"row {told[i] + 1}")


def names_labels(path: Path, wanted: Wanted = NOTHING_ELSE) -> bool:
    """Whether a table has a column of paths and one of labels.

    A column that is named as if it held several labels is one where the pictures lie beside the
    table: in folders of their own, these are as likely their classes.

    Raises
    ------
    ImageSetError
        It cannot be read.
    """
    frame, _ = _frame(path, wanted)
    paths = _column(frame, PATHS, path)
    if paths is None or _column(frame, LABELS, path) is not None:
        return paths is not None
    if wanted.labels:
        return all(_column(frame, (each.strip().casefold(),), path) for each in wanted.labels)
    beside = not any("/" in name or "\\" in name for name in _texts(paths, path))
    return beside and any(_column(frame, (name,), path) for name in SEVERAL)


# A column's name and its values, in the order of the file.
Column = tuple[str, Sequence[Any]]


def read_split_columns(
    frame: Sequence[Column], count: int, where: Path
) -> tuple[list[str], list[Problem]]:
    """Return the split of each row of a table, and what of it is not used.

    Raises
    ------
    ImageSetError
        The column "split" has a value that is no split, or another column has some that are and
        some that are not.
    """
    splits, used, problems = [""] * count, "", []
    for column in _split_columns(frame, where):
        name, values = column[0], [each.strip() for each in _texts(column, where)]
        must = name.strip().casefold() == "split"
        understood = any(splits_named(set(values)).values())
        if used or not (must or understood):
            if any(values):
                problems.append(_unused(name, values, used, where))
        else:
            splits = splits_of_rows(values, where if must else f"{where}: column {name}")
            used = name if any(splits) else ""
    return splits, problems


def _split_columns(frame: Sequence[Column], where: Path) -> list[Column]:
    found = [column for name in SPLITS if (column := _column(frame, (name,), where))]
    taken = {name for name, _ in found}
    known = {*PATHS, *LABELS}
    for column in frame:
        name, values = column
        if name in taken or name.strip().casefold() in known:
            continue
        if name.strip().casefold() in _OTHER_SPLITS or _tells_splits(values):
            found.append(column)
    return found


def _tells_splits(values: Sequence[Any]) -> bool:
    """Whether a column of whatever name holds splits and nothing else."""
    distinct = set()
    for value in values:
        if not isinstance(value, str):
            return False
        distinct.add(value)
        if len(distinct) > 20:
            return False
    splits = splits_named(distinct)
    return all(splits.values()) and has_splits(splits.values())


def _unused(name: str, values: Sequence[str], used: str, where: Path) -> Problem:
    distinct = sorted(set(values) - {""})
    shown = ", ".join(distinct[:3]) + (", ..." if len(distinct) > 3 else "")
    why = f"the splits are those of column {used}" if used else (
        "no value of it is train, validation or test; the split is drawn, "
        "or give a column split"
    )  # fmt: skip
    return Problem(where.name, "split", f"column {name} ({shown}) is not used: {why}", kept=True)


def text_of(value: Any) -> str:
    """Return a cell as text, "" where it is missing; a whole number has no point.

    Examples
    --------
    >>> [text_of(value) for value in (1, 1.0, "01", None, float("nan"), True, b"cat")]
    ['1', '1', '01', '', '', 'True', 'cat']

    Raises
    ------
    TypeError
        It is a list or a struct.
    """
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (list, tuple, dict, set)):
        raise TypeError(f"{value!r} is several values")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # integers with gaps come as floats
    return "" if value != value else str(value)


def _frame(path: Path, wanted: Wanted) -> tuple[list[Column], str]:
    """Return the columns, and how they are parted, for messages."""
    read = {".jsonl": _json_lines}.get(path.suffix.lower(), _separated)
    try:
        return _parquet(path, wanted) if path.suffix.lower() == ".parquet" else read(path)
    except ImageSetError:
        raise
    except UnicodeDecodeError as error:
        raise ImageSetError(
            f"{path}: cannot be read as a table: {error}; save it as UTF-8"
        ) from error
    except Exception as error:  # csv, json and pyarrow raise many kinds for broken files
        raise ImageSetError(f"{path}: cannot be read as a table: {error}") from error


def _texts(column: Column, where: Path) -> list[str]:
    name, values = column
    texts = []
    for row, value in enumerate(values, start=1):
        try:
            texts.append(text_of(value))
        except TypeError as error:
            why = f". {ONE_CLASS}" if name.strip().casefold() in LABELS else "; give one"
            raise ImageSetError(f"{where}: column {name}: row {row}: {error}{why}") from error
        except UnicodeDecodeError as error:
            raise ImageSetError(f"{where}: column {name}: row {row} is no UTF-8 text") from error
    return texts


def _column(frame: Sequence[Column], names: Sequence[str], where: Path) -> Column | None:
    for wanted in names:
        found = [column for column in frame if column[0].strip().casefold() == wanted]
        if len(found) > 1:
            raise ImageSetError(f"{where}: has column {wanted} {len(found)} times; keep one")
        if found:
            return found[0]
    return None


def _parquet(path: Path, wanted: Wanted) -> tuple[list[Column], str]:
    import pyarrow.parquet as pq

    asked = {each.strip().casefold() for each in (wanted.group, wanted.time, *wanted.labels)}
    known = {*PATHS, *LABELS, *SEVERAL, *SPLITS, *_OTHER_SPLITS, *asked}
    schema = pq.read_schema(path)
    # Columns of another name are read only where they are text, and so might tell the split.
    names = [
        name
        for name in dict.fromkeys(schema.names)
        if name.strip().casefold() in known or _is_text(schema.field(name).type)
    ] if len(set(schema.names)) == len(schema.names) else schema.names  # fmt: skip
    read = _cells(path, names)
    return [(str(name), read.get(name, ())) for name in schema.names], ""


def _cells(path: Path, names: Iterable[str]) -> dict[str, Sequence[Any]]:
    """Return columns of a Parquet table by name; of what is not asked for nothing is read."""
    import pyarrow.parquet as pq

    return {name: pq.read_table(path, columns=[name]).column(0).to_pylist() for name in names}


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _with_numbers(frame: Sequence[Column], path: Path) -> Sequence[Column]:
    """Return columns, also those of numbers and dates that `_parquet` passes over."""
    if path.suffix.lower() != ".parquet":
        return frame
    import pyarrow as pa
    import pyarrow.parquet as pq

    cells = _cells(
        path, [each.name for each in pq.read_schema(path) if pa.types.is_primitive(each.type)]
    )
    return [(name, values if len(values) else cells.get(name, ())) for name, values in frame]


def _read_whole(frame: Sequence[Column], path: Path) -> dict[str, Sequence[Any]]:
    """Return columns by name, also those of numbers that `_parquet` passes over."""
    if path.suffix.lower() != ".parquet":
        return dict(frame)
    import pyarrow as pa
    import pyarrow.parquet as pq

    whole = [
        each.name
        for each in pq.read_schema(path)
        if pa.types.is_integer(each.type) or pa.types.is_boolean(each.type)
    ]
    return _cells(path, whole)


def _json_lines(path: Path) -> tuple[list[Column], str]:
    # Not by splitlines: texts in JSON may hold other breaks as they are.
    lines = _decoded(path).split("\n")
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines if line.strip()]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("a line is no object")
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [(name, [row.get(name) for row in rows]) for name in names], ""


def separated_text(path: Path) -> tuple[str, str]:
    """Return the text of a CSV or TSV file, and what separates its cells, as `read_columns` does.

    Raises
    ------
    OSError, UnicodeDecodeError
        It cannot be read, or is no UTF-8 and no marked UTF-16.
    """
    text = _decoded(path)
    if text[:5].casefold().startswith("sep=") and text[4:6].strip("\r\n"):
        return text.partition("\n")[2], text[4]  # as Excel writes it
    return text, _separator(text, path)


def _separated(path: Path) -> tuple[list[Column], str]:
    text, separator = separated_text(path)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header = next((row for row in rows if any(each.strip() for each in row)), [])
    cells: list[list[str]] = [[] for _ in header]
    count = 0
    for row in rows:
        if not any(row):
            continue
        count += 1
        if any(each.strip() for each in row[len(header) :]):
            raise ValueError(_too_many(row, count, header))
        for i, column in enumerate(cells):
            column.append(row[i] if i < len(row) else "")
    columns: list[Column] = list(zip(header, cells, strict=True))
    return columns, f" (separated by {_SEPARATORS.get(separator, repr(separator))})"


def _too_many(row: list[str], count: int, header: list[str]) -> str:
    """Say what is wrong where a row has more cells than the header."""
    if any(name.strip().casefold() in PATHS for name in header):
        return (
            f"row {count} has {len(row)} cells for {len(header)} columns; put what holds a "
            "separator in quotes"
        )
    return (
        f"its first line ({', '.join(header)[:80]}) is no header, as it names no column "
        f"{' or '.join(PATHS)}; {_HEADER_FIRST}"
    )


def _separator(text: str, path: Path) -> str:
    """Return the separator under which the first line has the columns that are needed."""
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    order = [usual, *(each for each in _SEPARATORS if each != usual)]
    first = next((line for line in text.splitlines() if line.strip()), "")

    def names(separator: str) -> list[str]:
        row = next(csv.reader([first], delimiter=separator), [])
        return [name.strip().casefold() for name in row]

    def fitting(separator: str) -> tuple[int, int]:
        found = names(separator)
        known = sum(any(name in found for name in needed) for needed in (PATHS, LABELS + SEVERAL))
        return known, len(found)

    # max keeps the first of equals.
    return max(order, key=fitting)


def _decoded(path: Path) -> str:
    data = path.read_bytes()
    # Excel's "Unicode text" is UTF-16 with its mark.
    return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
