"""Paths as people know them: from the folder that all pictures lie in."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import PurePath


def common_folder(paths: Iterable[str]) -> str:
    """Return the folder above all absolute paths; empty where there is none.

    Paths of a folder or an archive are relative already; a table may name whole ones.

    Examples
    --------
    >>> common_folder(["/home/me/pictures/cat/1.jpg", "/home/me/pictures/dog/1.jpg"])
    '/home/me/pictures'
    >>> common_folder(["cat/1.jpg", "dog/1.jpg"])
    ''
    """
    whole = {str(PurePath(path).parent) for path in paths if PurePath(path).is_absolute()}
    try:
        return os.path.commonpath(whole) if whole else ""
    except ValueError:  # on several drives
        return ""


def shortened(path: str, folder: str) -> str:
    """Return a path below a folder as seen from there, and any other as it is.

    Examples
    --------
    >>> shortened("/home/me/pictures/cat/1.jpg", "/home/me/pictures")
    'cat/1.jpg'
    """
    if folder and PurePath(path).is_relative_to(folder):
        return PurePath(path).relative_to(folder).as_posix()
    return path
