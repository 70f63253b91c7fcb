"""How a path that a table names is spelled: by the table, and by the disk."""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from unicodedata import normalize


def composed(name: str) -> str:
    r"""Return a name with composed accents, as names that look alike are compared.

    macOS writes accents decomposed: nobody can see the difference.

    Examples
    --------
    >>> composed("cafe\u0301/1.png") == "caf\u00e9/1.png"
    True
    """
    return normalize("NFC", name)


def name_on_disk(folder: Path, name: str) -> str:
    """Return the name of a file as the disk spells it, with "/"; "" where there is none.

    A table may have composed accents and the disk decomposed ones, or the other way round.
    """
    given = PurePath(name).as_posix()
    for spelled in dict.fromkeys([given, composed(given), normalize("NFD", given)]):
        # Path.is_file raises where a name is too long or a folder may not be entered.
        if os.path.isfile(folder / spelled):  # noqa: PTH113
            return spelled
    return ""
