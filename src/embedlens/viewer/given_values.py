"""Labels and columns as people have them: lists, arrays, Series; what they stand for, or a no."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.errors import EmbedlensError
from embedlens.viewer.scene import UNKNOWN

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def one_a_point(what: str, given: Any, count: int) -> pd.Series:
    """Return values as a Series whose type says what they are, one a point.

    Whole numbers with gaps stay whole, categories keep their order, and None, NaN, NaT, pd.NA and
    what a mask hides are missing.

    Parameters
    ----------
    what : str
        What they are, for messages.
    given : array-like of shape (count,) or (count, 1)
        Lists, tuples, arrays, Series, Categoricals; tuples in them are values of their own.
    count : int
        Points.

    Raises
    ------
    EmbedlensError
        If they are something else, or are more or fewer.
    """
    if isinstance(given, str | bytes | Mapping | set | frozenset) or not isinstance(given, Sized):
        kind = type(given).__name__
        raise EmbedlensError(f"{what} is a {kind}; give a list or an array with a value a point.")
    shape = tuple(given.shape) if hasattr(given, "shape") else (len(given),)
    if len(shape) != 1 and shape[1:] != (1,):
        raise EmbedlensError(
            f"{what} has the shape {shape}; give one value a point, ({count},). Of one-hot rows "
            f"{what}.argmax(axis=1) makes that."
        )
    if len(given) != count:
        raise EmbedlensError(
            f"{what} has {len(given)} entries for {count} points; there must be one a point."
        )
    return pd.Series(_typed(what, given)).reset_index(drop=True)


def categories(what: str, values: pd.Series) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return distinct values as text, in order, and the place of each among them.

    Numbers are in their order, also where they are written as text; categories of pandas in theirs;
    all else by its text. -1 are values that are missing or empty.

    Raises
    ------
    EmbedlensError
        If there are more than the viewer tells apart, or different values look the same.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        write = _writer(values.cat.categories)
        order: list[Any] = [write(each) for each in values.cat.categories]
        _expect_told_apart(what, list(values.cat.categories), order)
        words = np.array([*order, ""], object)[values.cat.codes.to_numpy()]
    else:
        write, order = _writer(values), []
        missing, boxed = values.isna().to_numpy(bool), values.astype(object)
        words = np.array(
            ["" if gap else write(v) for v, gap in zip(boxed, missing, strict=True)], object
        )
        _expect_told_apart(what, boxed[~missing].tolist(), words[~missing].tolist())
    known = np.array([bool(word.strip()) for word in words], bool)
    present = dict.fromkeys(words[known].tolist())
    found = [each for each in order if each in present] or _in_order(list(present), values)
    if len(found) >= UNKNOWN:
        raise EmbedlensError(
            f"{what} has {len(found):,} different values; the viewer tells up to {UNKNOWN:,} apart."
        )
    place = {word: code for code, word in enumerate(found)}
    codes = np.array([place.get(word, -1) for word in words], np.int64)
    return tuple(found), codes


def is_number(values: pd.Series) -> bool:
    """Whether values are a scale to colour by, rather than categories."""
    kind = values.dtype
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)


def numbers(what: str, values: pd.Series) -> NDArray[np.float32]:
    """Return numbers as the viewer takes them; NaN where there is none.

    Raises
    ------
    EmbedlensError
        If they are complex, or float32 cannot hold one.
    """
    if pd.api.types.is_complex_dtype(values.dtype):
        raise EmbedlensError(f"{what} holds complex numbers; give their real parts or sizes.")
    wide = values.to_numpy(np.float64, na_value=np.nan)
    beyond = np.abs(wide) > np.finfo(np.float32).max
    if beyond.any():
        row = int(beyond.argmax())
        raise EmbedlensError(
            f"{what} holds {wide[row]} in row {row}, beyond what the viewer can show (3.4e38); "
            "give NaN where there is no value, or logarithms."
        )
    return wide.astype(np.float32)


def _typed(what: str, given: Any) -> Any:
    """Return values in an array of pandas, inferred from themselves where they come in a list."""
    if isinstance(given, pd.DataFrame):
        given = given.iloc[:, 0]
    elif isinstance(given, pd.MultiIndex):
        given = list(given)
    if isinstance(given, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        values: Any = pd.Series(given).array
        if values.dtype != object:
            return values
        given = list(values)
    elif isinstance(given, np.ma.MaskedArray):
        hidden = np.ma.getmaskarray(given).ravel()
        given = np.ma.getdata(given).ravel().astype(object)
        given[hidden] = None
    if not isinstance(given, list) and hasattr(given, "__array__"):
        array = np.asarray(given).ravel()
        if array.dtype != object:
            return _array(what, array)
        given = list(array)
    boxed = np.empty(len(given), object)
    for row, value in enumerate(given):
        boxed[row] = _scalar(what, row, value)
    return _array(what, boxed)


def _array(what: str, values: NDArray[Any]) -> Any:
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "backslashreplace").astype(object)
    if values.dtype.kind in "cV":
        raise EmbedlensError(f"{what} holds values of type {values.dtype}; give numbers or text.")
    if values.dtype == np.float16:
        values = values.astype(np.float32)
    try:
        return pd.array(values)
    except (TypeError, ValueError, OverflowError):
        return pd.Series(values.astype(object), dtype=object).array


def _scalar(what: str, row: int, value: Any) -> Any:
    """Return a value of a list by itself: out of an array without axes, or of bytes."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    if isinstance(value, list | dict | set | np.ndarray | pd.Series):
        raise EmbedlensError(
            f"{what}[{row}] is a {type(value).__name__}; give one value a point, text or a number."
        )
    return value


def _writer(values: pd.Series | pd.Index) -> Callable[[Any], str]:
    """Return what writes a value: whole numbers that a gap made floats are whole."""
    if not pd.api.types.is_float_dtype(values.dtype):
        return str
    wide = values.dropna().to_numpy(np.float64)
    if np.isfinite(wide).all() and (wide == np.trunc(wide)).all():
        return lambda value: str(int(value))
    narrow = str(values.dtype).lower() == "float32"
    return (lambda value: str(np.float32(value))) if narrow else str


def _in_order(words: list[str], values: pd.Series) -> list[str]:
    if is_number(values) or all(map(_NUMBER.fullmatch, words)):
        return sorted(words, key=lambda word: (float(word), word))
    return sorted(words)


def _expect_told_apart(what: str, values: Sequence[Any], words: Sequence[str]) -> None:
    """Refuse values that are not of one kind and read alike, as 1 and "1"."""
    kinds: dict[str, type] = {}
    for value, word in zip(values, words, strict=True):
        kind = str if isinstance(value, str) else type(value)
        if kinds.setdefault(word, kind) is not kind:
            raise EmbedlensError(
                f"{what} holds {word} both as {kinds[word].__name__} and as {kind.__name__}, which "
                "read the same; write them differently, or make them one."
            )
