"""Pictures in a tar, plain or compressed."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import IO, Any

from embedlens.errors import ImageSetError
from embedlens.images.decode import ImageError
from embedlens.images.passed_over import pass_over
from embedlens.images.problem import Problem
from embedlens.images.source import (
    check_size,
    leads_out,
    may_be_picture,
    stamp_of,
    stamp_of_file,
)

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")

# Pictures hardly shrink in an archive: one that grows this much, and past a gigabyte, is a bomb.
_MOST_GROWTH = 100
_HARMLESS = 2**30
_PIECE = 2**20


class TarSource:
    """All that may be pictures in a tar.

    A compressed tar can only be read from its start, so it is uncompressed once, into a temporary
    file that has no name and goes with the process. Members are then read where they lie. Members
    whose names are absolute or climb out of the tar are set aside, and so are links.

    Parameters
    ----------
    path : Path
        The tar.

    Raises
    ------
    ImageSetError
        The file is not a tar, is damaged, is a decompression bomb, or there is no room for it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._members: dict[str, tuple[int, int]] = {}
        self._problems: set[Problem] = set()
        try:
            self._changed = stamp_of_file(path.stat())
            self._file = _uncompressed(path)
            with tarfile.open(fileobj=self._file, mode="r:") as tar:
                self._list(tar)
        except Exception as error:  # tarfile and the decompressors have many ways to fail
            raise ImageSetError(f"{path}: not a readable tar ({error}); pack it again") from error
        left, passed = pass_over(self._members)
        self._members = {name: self._members[name] for name in left if may_be_picture(name)}
        self.problems = tuple(sorted([*self._problems, *passed]))

    def _list(self, tar: tarfile.TarFile) -> None:
        try:
            for member in tar:
                self._take(member)
        except Exception as error:
            if not self._members:
                raise
            reason = f"it is cut off or damaged ({error}); the pictures before that are read"
            self._problems.add(Problem(self.path.name, "unreadable", reason, kept=False))

    def _take(self, member: tarfile.TarInfo) -> None:
        name = member.name.replace("\\", "/")
        if leads_out(name):
            reason = "its name leads out of the tar"
            self._problems.add(Problem(name, "outside", reason, kept=False))
        elif member.islnk() or member.issym():
            if may_be_picture(name):
                reason = "a link in the tar; pack the file itself"
                self._problems.add(Problem(name, "outside", reason, kept=False))
        elif member.isfile() and not member.issparse():
            self._members[PurePosixPath(name).as_posix()] = member.offset_data, member.size

    def __reduce__(self) -> tuple[type[TarSource], tuple[Path]]:
        return TarSource, (self.path,)

    def names(self) -> list[str]:
        """Names of the members that may be pictures, sorted."""
        return sorted(self._members)

    def read(self, name: str) -> bytes:
        """Bytes of a member.

        Raises
        ------
        ImageError
            The tar ends before the member does, or it is larger than `MAX_FILE_BYTES`.
        """
        start, size = self._members[name]
        check_size(size)
        try:
            data = os.pread(self._file.fileno(), size, start)
        except (OSError, OverflowError) as error:
            raise ImageError(f"damaged in the tar: {error}") from error
        if len(data) != size:
            raise ImageError("damaged in the tar: it ends too early")
        return data

    def stamp(self, name: str) -> tuple[int, int]:
        """Size of the member in bytes, and a number of where it lies and of the tar's times."""
        start, size = self._members[name]
        return size, stamp_of(start, self._changed)

    def file(self, name: str) -> Path | None:
        """None: it is no file of its own."""
        return None


def _uncompressed(path: Path) -> IO[bytes]:
    """Open a tar, through a temporary file where it is compressed."""
    with path.open("rb") as file:
        start = file.read(6)
    opened = _opener(start)
    if opened is None:
        return path.open("rb")
    limit = max(_HARMLESS, _MOST_GROWTH * path.stat().st_size)
    spool = tempfile.TemporaryFile()  # noqa: SIM115
    with opened(path) as stream:
        while piece := stream.read(_PIECE):
            if spool.tell() + len(piece) > limit:
                raise ValueError(f"it unpacks to more than {limit:,} bytes")
            if shutil.disk_usage(tempfile.gettempdir()).free < 2 * len(piece):
                raise OSError(f"no room in {tempfile.gettempdir()} to unpack it")
            spool.write(piece)
    spool.seek(0)
    return spool


def _opener(start: bytes) -> Any:
    """Return what opens a compressed file that begins so; None for one that is not compressed."""
    if start.startswith(b"\x1f\x8b"):
        import gzip

        return gzip.open
    if start.startswith(b"BZh"):
        import bz2

        return bz2.open
    if start.startswith(b"\xfd7zXZ\0"):
        import lzma

        return lzma.open
    return None
