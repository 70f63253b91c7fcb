"""Files written whole or not at all, names for content, and checksums.

A file is written under another name beside its own and then put in its place: a reader meets the
earlier one or the new one, and a run that is killed leaves no half of one.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PIECE = 1 << 20  # bytes read at once


@contextmanager
def replacing(path: Path, suffix: str = ".tmp") -> Iterator[Path]:
    """Give the path of a new file, or folder, that takes the place of ``path`` in the end.

    After an error it is removed, and what was at ``path`` is still there.

    Parameters
    ----------
    path : Path
        Its folder must be there. A folder is replaced with all that it holds.
    suffix : str, default ".tmp"
        How the name ends meanwhile, for writers that go by it.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "table.csv"
    >>> with replacing(path) as partial:
    ...     _ = partial.write_text("a,b")
    >>> path.read_text(), len(list(path.parent.iterdir()))
    ('a,b', 1)
    """
    # Threads differ in it, and so do processes.
    partial = path.with_name(f"{path.name}.{threading.get_native_id()}{suffix}")
    try:
        yield partial
        if partial.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        partial.replace(path)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file of text or bytes; its folder is made if it is not there.

    Parameters
    ----------
    path : Path
    content : str or bytes
        All of it; text is written as UTF-8 with Unix line ends.
    """
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        partial.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, with a line for each part; its folder is made if it is not there."""
    write_whole(path, json.dumps(value, indent=1))


def text_key(text: str, size: int = 16) -> str:
    """Return the BLAKE2b of a text, ``2 * size`` hexadecimal digits."""
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()


def content_key(parts: Any, size: int = 16) -> str:
    """Return `text_key` of values as JSON: equal values have equal keys, in every process.

    Examples
    --------
    >>> content_key([1, "a"]) == content_key((1, "a")), content_key([1, "a"]) == content_key(["1a"])
    (True, False)
    """
    return text_key(json.dumps(parts), size)


def checksum(*files: Path) -> str:
    """Return the BLAKE2b-128 of the bytes of files, one after the other, in hexadecimal digits.

    Raises
    ------
    OSError
        If one cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    for path in files:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    return digest.hexdigest()
