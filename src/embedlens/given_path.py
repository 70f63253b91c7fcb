"""A path as a user gives it, read by one rule everywhere: in options, settings and Python."""

from __future__ import annotations

import os
from pathlib import Path

from embedlens.errors import EmbedlensError


def given_path(given: str | os.PathLike[str]) -> Path:
    """Return a path that a user gave, with ``~`` and ``~user`` as the home folder.

    Raises
    ------
    EmbedlensError
        If it is empty, as a variable of a shell that was never set makes it, or names no user.

    Examples
    --------
    >>> given_path("photos/")
    PosixPath('photos')
    """
    text = os.fspath(given)
    if not text.strip():
        raise EmbedlensError(f"A path is empty ({text!r}); give one, or . for the current folder.")
    if "\0" in text:
        raise EmbedlensError(f"{text!r} holds a null character, which no path can.")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise EmbedlensError(
            f"{text}: there is no user of this name; write ./{text} for a file of this name."
        ) from None


def absolute(given: str | os.PathLike[str], start: Path | None = None) -> Path:
    """Return a path that is found again from another folder; links in it stay as they are.

    Parameters
    ----------
    given : path
        As a user gave it.
    start : Path, optional
        Where a relative one begins; by default the current folder.
    """
    path = given_path(given)
    # Path.resolve would follow links.
    return Path(os.path.abspath(start / path if start else path))  # noqa: PTH100
