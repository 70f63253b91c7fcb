"""A table that a user gives, by a file: read as it is written, its columns found by their names."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd

from embedlens.errors import EmbedlensError
from embedlens.images.table import LABELS, PATHS, separated_text

_COLUMNS = {"path": PATHS, "label": LABELS}
_SEPARATED = (".csv", ".tsv")
_PARQUET = (".parquet", ".pq")
TABLES = (*_SEPARATED, *_PARQUET)


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV, TSV or Parquet file; cells of a text file stay the text that they are.

    Parameters
    ----------
    path : Path
        Its ending, one of `TABLES`, says what it is.

    Raises
    ------
    EmbedlensError
        If it cannot be read as a table.
    """
    suffix = path.suffix.lower()
    if suffix not in TABLES:
        raise EmbedlensError(f"{path} is no table: one ends in {', '.join(TABLES)}.")
    try:
        if suffix in _PARQUET:
            # Its own types: whole numbers with gaps would else come as floats.
            frame = pd.read_parquet(path, dtype_backend="numpy_nullable")
        else:
            text, separator = separated_text(path)
            frame = pd.read_csv(
                io.StringIO(text), sep=separator, dtype=str, keep_default_na=False, index_col=None
            )
    except Exception as error:  # pandas and pyarrow raise many kinds for broken files
        raise EmbedlensError(f"{path} cannot be read as a table ({error}).") from error
    if suffix in _SEPARATED and not isinstance(frame.index, pd.RangeIndex):
        raise EmbedlensError(
            f"{path} has rows with more cells than its {len(frame.columns)} columns; mend them, or "
            "quote cells that hold the separator."
        )
    frame = frame.rename(columns=str)
    if suffix not in _SEPARATED:
        return frame
    # Spreadsheets end lines with separators: columns without a name and a cell.
    named = np.array([not str(name).startswith("Unnamed: ") for name in frame], bool)
    filled = frame.fillna("").astype(bool).any().to_numpy(bool)
    return frame.loc[:, named | filled]


def column_of(frame: pd.DataFrame, what: str) -> str | None:
    """Return the column that holds "path" or "label", by any usual name; None if none does."""
    named = {str(name).strip().casefold(): str(name) for name in frame}
    return next((named[other] for other in _COLUMNS[what] if other in named), None)


def numbers_or_text(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """Return columns of a text file as numbers where all cells but empty ones are; else as text.

    A table with types of its own keeps them.
    """
    if path.suffix.lower() not in _SEPARATED:
        return frame
    return frame.apply(_numbers_or_text)


def _numbers_or_text(values: pd.Series) -> pd.Series:
    given = values.replace("", pd.NA)
    if _has_decimal_commas(given.dropna()):
        given = given.str.replace(",", ".")
    plain = given.dropna().str.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
    # A code such as 007 is no number: its zeros would be lost.
    coded = given.dropna().str.fullmatch(r"\s*[+-]?0\d+\s*")
    if len(plain) and plain.all() and not coded.any():
        return pd.to_numeric(given, errors="coerce").astype("Float64")
    return values


def _has_decimal_commas(given: pd.Series) -> bool:
    """Whether all cells are numbers as 0,5, none has a point, and not all may be 1,000."""
    numbers = given.str.fullmatch(r"\s*[+-]?\d+(,\d+)?([eE][+-]?\d+)?\s*")
    thousands = given.str.fullmatch(r"\s*[+-]?(\d+|[1-9]\d{0,2},\d{3})\s*")
    return bool(numbers.all() and not thousands.all())
