"""A table with a title and a caption, written as CSV, Markdown and LaTeX."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from embedlens.files import write_whole

MISSING = "–"
LONG = 24
"""Cells with more letters are set over several lines."""

_ROOM = 10  # columns on a page, besides the first
_LONG_COLUMN = 4  # columns that one with long cells takes the place of

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    MISSING: "--",
}


@dataclass(frozen=True)
class Table:
    """What is shown of some results, at full precision, and how to write its numbers.

    Attributes
    ----------
    title : str
        A few words.
    caption : str
        What the numbers are and what they were computed on.
    frame : DataFrame
        The first column names the row.
    formats : mapping of str to str
        Format specification by column, as for ``format``; ".1p" shows a difference of shares in
        points of 100. Other columns are written as they are.

    Examples
    --------
    >>> frame = pd.DataFrame({"backbone": ["Xception"], "accuracy": [0.98765]})
    >>> print(Table("Accuracy", "Of a head.", frame, {"accuracy": ".1%"}).to_markdown())
    | backbone | accuracy |
    | --- | ---: |
    | Xception | 98.8% |
    <BLANKLINE>
    Of a head.
    <BLANKLINE>
    """

    title: str
    caption: str
    frame: pd.DataFrame
    formats: Mapping[str, str] = field(default_factory=dict)

    @property
    def numeric(self) -> list[bool]:
        """Whether each column holds numbers, and is set flush right."""
        kinds = [self.frame[column].dtype.kind for column in self.frame]
        return [kind in "iuf" for kind in kinds]

    def cells(self) -> list[list[str]]:
        """Return the formatted rows; what is not known is a dash."""
        specifications = [self.formats.get(str(column), "") for column in self.frame]
        rows = self.frame.itertuples(index=False, name=None)
        return [list(map(_shown, row, specifications)) for row in rows]

    def parts(self) -> list[list[int]]:
        """Return the places of columns that stand side by side on a page, the first in each.

        So that a table with many columns is read from top to bottom and hides none of them.
        """
        cells = self.cells()
        wide = [any(len(cell) > LONG for cell in column) for column in zip(*cells, strict=True)]
        parts, room = [[0]], _ROOM
        for place in range(1, len(wide)):
            needs = _LONG_COLUMN if wide[place] else 1
            if needs > room and len(parts[-1]) > 1:
                parts.append([0])
                room = _ROOM
            parts[-1].append(place)
            room -= needs
        return parts

    def to_csv(self) -> str:
        """Return the frame at full precision."""
        return self.frame.to_csv(index=False, lineterminator="\n")

    def to_markdown(self) -> str:
        """Return the table, formatted, and its caption."""
        rules = ["---:" if right else "---" for right in self.numeric]
        rows = [list(map(_in_markdown, row)) for row in [list(self.frame.columns), *self.cells()]]
        lines = ["| " + " | ".join(row) + " |" for row in [rows[0], rules, *rows[1:]]]
        return "\n".join([*lines, "", _in_markdown(self.caption), ""])

    def to_latex(self, label: str) -> str:
        """Return a ``table`` that needs the package booktabs.

        Parameters
        ----------
        label : str
            It is referred to as ``tab:<label>``.
        """
        lines = [" & ".join(map(_in_latex, row)) + r" \\" for row in self.cells()]
        return "\n".join(
            [
                r"\begin{table}",
                r"\centering",
                rf"\caption{{{_in_latex(self.caption)}}}",
                rf"\label{{tab:{label}}}",
                rf"\begin{{tabular}}{{{''.join('r' if right else 'l' for right in self.numeric)}}}",
                r"\toprule",
                " & ".join(map(_in_latex, self.frame.columns)) + r" \\",
                r"\midrule",
                *lines,
                r"\bottomrule",
                r"\end{tabular}",
                r"\end{table}",
                "",
            ]
        )

    def write(self, folder: Path, name: str) -> None:
        """Write ``<name>.csv``, ``.md`` and ``.tex`` into a folder."""
        write_whole(folder / f"{name}.csv", self.to_csv())
        write_whole(folder / f"{name}.md", self.to_markdown())
        write_whole(folder / f"{name}.tex", self.to_latex(name))


def _shown(value: Any, specification: str) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    if specification.endswith("p"):
        value, specification = 100 * value, f"{specification[:-1]}f"
    text = format(value, specification)
    if specification and set(text) <= set("-0.%"):
        return text.removeprefix("-")  # what rounds to nothing has no sign
    # A true minus is as wide as a digit and is not taken for a hyphen.
    return "−" + text[1:] if specification and text.startswith("-") else text


def _in_markdown(text: str) -> str:
    return re.sub(r"([\\|<>*_`\[\]])", r"\\\1", _one_line(text))


def _in_latex(text: str) -> str:
    escaped = "".join(_LATEX.get(letter, letter) for letter in _one_line(text))
    return escaped.replace("−", "$-$")


def _one_line(text: str) -> str:
    return " ".join(str(text).split())
