"""One run at a time in a study folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedlens.errors import StudyError


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold a study folder while its run lasts; the system lets go of it when the process ends.

    Raises
    ------
    StudyError
        If another run holds it.
    """
    with (folder / ".lock").open("a+", encoding="utf-8") as file:
        if not _take(file.fileno()):
            file.seek(0)
            raise StudyError(
                f"Another run (process {file.read().strip() or 'unknown'}) is at work in {folder}. "
                "Wait for its end, or choose another folder with --out."
            )
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _take(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
