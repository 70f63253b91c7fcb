"""Tables that give a picture several labels: cells with a separator, lists, or a column a label."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from embedlens.errors import ImageSetError
from embedlens.images.class_names import class_name

SETS = "label_sets"
"""Name of a column that gives several labels, even where no row has two."""

SEVERAL = ("labels", "classes", "categories", "tags", SETS)
"""Names of columns that give several labels, as a rule."""

UNANSWERED = "?"
"""In a cell of several labels: nobody has said yet which a picture has. An empty cell says none."""

_SEPARATORS = (";", "|")
_UNSURE = (",", " ")  # part labels in one table, and words of a label in another
_YES = {"1", "true", "yes"}
_FLAGS = ({"0", "1"}, {"true", "false"}, {"yes", "no"}, {"-1", "1"})


@dataclass(frozen=True)
class LabelCells:
    """What one table says of labels, before it is known whether a row has several.

    Attributes
    ----------
    column : str
        The column, for messages.
    rows : sequence
        A cell each: text, a list of texts, or nothing. Of a column a label, the names of those that
        say yes.
    names : tuple of str
        All labels, where each has a column of its own; else empty.
    """

    column: str
    rows: Sequence[Any]
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabelSets:
    """The labels of each row.

    Attributes
    ----------
    rows : list of (tuple of str or None)
        Sorted, none twice; empty where a picture has none of the labels; None where nobody has
        said, by a question mark alone.
    names : tuple of str
        All labels: sorted, or in the order of their columns.
    several : bool
        Whether a row has more than one, the labels have a column each, or their one column is
        called `SETS`; if not, this is a table of one class a picture.
    """

    rows: list[tuple[str, ...] | None]
    names: tuple[str, ...]
    several: bool


def label_sets(tables: Sequence[LabelCells], separator: str | None, where: object) -> LabelSets:
    """Part the cells of one or several tables that belong together into labels.

    Without a separator the cells tell it: a semicolon or a bar where one of them occurs, a comma
    where most of what it parts stands in other cells too. Spaces around a label, empty labels and
    repeated ones are dropped.

    Parameters
    ----------
    tables : sequence of LabelCells
        Whose rows follow each other.
    separator : str or None
        As the user gave it.
    where : path
        The place, for messages.

    Returns
    -------
    LabelSets

    Raises
    ------
    ImageSetError
        What parts the labels is not clear, or a cell is no text and no list of texts.

    Examples
    --------
    >>> cells = LabelCells("labels", ["cat; dog;", "dog;dog", "", "bird"])
    >>> label_sets([cells], None, "t.csv").rows
    [('cat', 'dog'), ('dog',), (), ('bird',)]
    """
    names = tuple(dict.fromkeys(name for table in tables for name in table.names))
    cells = [
        _cell(value, f"{where}: column {table.column}: row {row}")
        for table in tables
        for row, value in enumerate(table.rows, start=1)
    ]
    texts = _texts(cells)
    if texts and separator is None:
        column = next(table.column for table in tables if not table.names)
        separator = _separator_of(texts, f"{where}: column {column}")
    rows = [None if cell == UNANSWERED else _labels(cell, separator) for cell in cells]
    told = [row for row in rows if row is not None]
    found = tuple(sorted({label for row in told for label in row}))
    several = any(table.names or table.column.strip().casefold() == SETS for table in tables)
    return LabelSets(rows, names or found, several or any(len(row) > 1 for row in told))


def separator_of(table: LabelCells, where: object) -> str | None:
    """Return what parts the labels of a table's cells; None where nothing does.

    Raises
    ------
    ImageSetError
        As `label_sets`.
    """
    place = f"{where}: column {table.column}"
    return _separator_of(_texts([_cell(value, place) for value in table.rows]), place)


def other_separator(names: Collection[str], known: Collection[str]) -> str | None:
    """Return what parts names that are not known into labels that are; None where nothing does.

    Of a table whose cells were parted by what another table is parted by.

    Examples
    --------
    >>> other_separator(["cat", "dog|cat"], ["cat", "dog"])
    '|'
    """
    strange = set(names) - set(known)
    for separator in (*_SEPARATORS, ","):
        cells = [_labels(name, separator) for name in strange if separator in name]
        if cells and all(set(cell) <= set(known) for cell in cells):
            return separator
        if separator in _SEPARATORS and any(set(cell) & set(known) for cell in cells):
            return separator
    return None


def free_separator(names: Iterable[str], usual: str = _SEPARATORS[0]) -> str:
    """Return what may part labels of these names: the usual, or what none of them holds."""
    told, known = list(names), (usual, *_SEPARATORS, ",", "\t")
    return next((each for each in known if not any(each in name for name in told)), _SEPARATORS[0])


def flag_cells(columns: Mapping[str, Sequence[str]], where: object) -> LabelCells:
    """Return labels that have a column each, of texts that say yes or no.

    Raises
    ------
    ImageSetError
        A cell says neither, or is empty.
    """
    yes = {}
    for name, values in columns.items():
        spelled = [_flag(value) for value in values]
        if not is_flag(values):
            usual = next((pair for pair in _FLAGS if spelled[0] in pair), _FLAGS[0])
            row, wrong = next(
                (row, value) for row, value in enumerate(values, start=1)
                if _flag(value) not in usual
            )  # fmt: skip
            said = repr(wrong) if wrong.strip() else "empty"
            raise ImageSetError(
                f"{where}: column {name}: row {row} is {said}; a column a label holds 1 where a "
                "picture has the label and 0 where it has not"
            )
        yes[name] = [value in _YES for value in spelled]
    rows = [
        tuple(name for name, has in zip(yes, row, strict=True) if has)
        for row in zip(*yes.values(), strict=True)
    ]
    return LabelCells(" and ".join(columns), rows, tuple(columns))


def is_flag(values: Sequence[Any]) -> bool:
    """Whether a column says yes or no, and nothing else."""
    found = {_flag(value) for value in values}
    return bool(found) and any(found <= pair for pair in _FLAGS)


def _flag(value: Any) -> str:
    return str(value).strip().casefold().removesuffix(".0")


def _cell(value: Any, where: str) -> str | tuple[str, ...]:
    """Return a cell's text, or its list."""
    if value is None or value != value:
        return ()
    if isinstance(value, str):
        text = value.strip()
        if text[:1] != "[" or text[-1:] != "]":
            return text or ()
        value = _list_in(text, where)
    given = value if isinstance(value, (list, tuple)) else [value]
    numbers = (
        int(each) if isinstance(each, float) and each.is_integer() else each for each in given
    )
    told = [each for each in numbers if each is not None]
    if not all(isinstance(each, (str, int)) for each in told):
        raise ImageSetError(f"{where}: {value!r} is no list of labels; write them as text")
    return tuple(map(str, told))


def _texts(cells: Sequence[str | tuple[str, ...]]) -> list[str]:
    return [cell for cell in cells if isinstance(cell, str)]


def _list_in(text: str, where: str) -> Any:
    """Return the list that a text in brackets writes out."""
    try:
        # Python joins texts that have no comma between them, as NumPy prints them.
        if not re.search(r"""['"]\s+['"]""", text):
            return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        pass
    raise ImageSetError(
        f"{where}: {text!r} cannot be read as a list; write ['one', 'two'], or one;two without "
        "brackets"
    )


def _labels(cell: str | tuple[str, ...], separator: str | None) -> tuple[str, ...]:
    if isinstance(cell, str):
        cell = tuple(cell.split(separator)) if separator else (cell,)
    return tuple(sorted({class_name(each) for each in cell} - {""}))


def _separator_of(texts: Sequence[str], where: str) -> str | None:
    """Return what parts the labels of cells; None where nothing does."""
    distinct = sorted(set(texts))
    sure = [each for each in _SEPARATORS if any(each in text for text in distinct)]
    if len(sure) == 1:
        return sure[0]
    if sure:
        raise ImageSetError(
            f"{where}: holds both ; and |, and either may part labels; name it with --separator"
        )
    for separator in _UNSURE:
        joined = [text for text in distinct if separator in text]
        if not joined:
            continue
        often = Counter(part for text in distinct for part in set(_labels(text, separator)))
        parts = {part for text in joined for part in _labels(text, separator)}
        shared = sum(often[part] > 1 for part in parts) / len(parts)
        if separator == "," and shared >= 0.5:
            return separator
        if separator == "," or shared == 1:
            what = "a comma" if separator == "," else "a space"
            raise ImageSetError(
                f"{where}: {what} may part labels or be of one label, as in {joined[0]!r}; if it "
                f"parts them, add --separator '{separator}'; if not, call the column label"
            )
    return None
