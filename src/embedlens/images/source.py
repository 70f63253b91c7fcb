"""Where the bytes come from: the pictures of a folder, of a zip, or named one by one."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import sys
import threading
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

from embedlens.errors import ImageSetError
from embedlens.images.decode import ImageError
from embedlens.images.passed_over import OWN_FOLDERS, PassedOver, litter, pass_over, written_by
from embedlens.images.problem import Problem

# No photograph comes near this; a file or zip member that says it is larger is not read.
MAX_FILE_BYTES = 2**30

# The stamp of a file of which nothing tells whether it has changed.
UNKNOWN = -1

_SIDECARS = frozenset({
    "csv", "tsv", "txt", "json", "jsonl", "xml", "yaml", "yml", "toml", "ini", "md", "html",
    "parquet", "npy", "npz", "mat", "h5", "pkl", "db", "log", "lock", "py", "ipynb", "sh",
    "zip", "tar", "gz", "7z", "rar",
})  # fmt: skip
_LITTER = frozenset({"thumbs.db", "desktop.ini"})


_NO_UNICODE = (
    "its name is not valid Unicode; rename it"
    if sys.getfilesystemencoding() == "utf-8"
    else f"its name cannot be read in this locale ({sys.getfilesystemencoding()}); set PYTHONUTF8=1"
)


class Source(Protocol):
    """Files with names, and the problems met while listing them.

    Reading is safe from many threads at once.
    """

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Files that are set aside."""

    def names(self) -> list[str]:
        """Names of what may be pictures: relative, with "/", sorted."""

    def read(self, name: str) -> bytes:
        """Bytes of the file; `ImageError` where it cannot or must not be read."""

    def stamp(self, name: str) -> tuple[int, int]:
        """Size in bytes, and a number that changes with the file.

        Equal stamps mean an unchanged file, but for `UNKNOWN` ones.
        """

    def file(self, name: str) -> Path | None:
        """Where the file lies, so that a table can point at it; None in an archive or at a URL."""


def files_of(source: Source, names: Iterable[str]) -> list[Path]:
    """Return where pictures lie, for a table that points at them.

    Parameters
    ----------
    source : Source
        Where their bytes come from.
    names : iterable of str
        Theirs.

    Raises
    ------
    ImageSetError
        If one lies in an archive, in a Parquet file or at a URL.
    """
    files = []
    for name in names:
        file = source.file(name)
        if file is None:
            raise ImageSetError(
                f"{name} lies in an archive, in a Parquet file or at a URL, and no table can point "
                "into it; unpack it, and give the folder."
            )
        files.append(file)
    return files


def may_be_picture(name: str) -> bool:
    """Whether a file is worth opening, told by its name alone.

    Not so: hidden files (a name that begins with a dot), ``Thumbs.db``, ``desktop.ini``, the
    suffixes of tables, texts, archives and programs that lie beside pictures, and all in folders
    that are `litter`. Anything else, with an unknown suffix or none, is opened, as its bytes
    decide.

    Examples
    --------
    >>> may_be_picture("cat/1.jpg"), may_be_picture("cat/._1.jpg"), may_be_picture("labels.csv")
    (True, False, False)
    """
    *folders, file = name.split("/")
    if file.startswith(".") or file.lower() in _LITTER or any(map(litter, folders)):
        return False
    return file.rpartition(".")[2].lower() not in _SIDECARS or "." not in file


class FileSource:
    """Files given by name, as in a table.

    Parameters
    ----------
    root : Path
        Where relative names start.
    names : iterable of str
        Paths relative to `root`, or absolute.
    """

    problems: tuple[Problem, ...] = ()

    def __init__(self, root: Path, names: Iterable[str]) -> None:
        self.root = root
        self._names = sorted(names)

    def names(self) -> list[str]:
        """The names, sorted."""
        return list(self._names)

    def read(self, name: str) -> bytes:
        """Bytes of the file.

        Raises
        ------
        ImageError
            The file is gone, may not be read, or is larger than `MAX_FILE_BYTES`.
        """
        try:
            file = self.root / name
            if not stat.S_ISREG(file.stat().st_mode):
                raise ImageError("not a file")
            check_size(file.stat().st_size)
            return file.read_bytes()
        except OSError as error:
            raise ImageError(f"cannot be read: {error.strerror or error}") from error

    def stamp(self, name: str) -> tuple[int, int]:
        """Size in bytes and a number of what the system says; (-1, `UNKNOWN`) for one not there.

        The times alone do not do: two files of one size and time may change places. A file that
        is moved keeps its inode, and one that is written over gets a new time of change.
        """
        try:
            status = (self.root / name).stat()
        except OSError:
            return -1, UNKNOWN
        return status.st_size, stamp_of_file(status)

    def file(self, name: str) -> Path | None:
        """Where it lies."""
        return self.root / name


class FolderSource(FileSource):
    """All that may be pictures in a folder, however deep.

    Links to files within the folder are followed. Links out of it, and links to folders, are set
    aside: a folder within is read under its own name, and a link to it could lead in circles.

    Parameters
    ----------
    root : Path
        The folder; it may itself be a link.
    """

    def __init__(self, root: Path) -> None:
        self._resolved = root.resolve()
        self._problems: list[Problem] = []
        self._passed = PassedOver()
        super().__init__(root, self._scan(root, ""))
        self.problems = tuple(sorted([*self._problems, *self._passed.problems()]))

    def _scan(self, folder: Path, prefix: str) -> Iterator[str]:
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            self._set_aside(prefix, "unreadable", f"cannot be listed: {error.strerror}")
            return
        written = written_by([e.name + "/" * e.is_dir(follow_symlinks=False) for e in entries])
        if prefix and written:
            self._passed.add(prefix[:-1], written)
            return
        for entry in entries:
            name = prefix + entry.name
            own = f"of {written}" if written and entry.name in OWN_FOLDERS else ""
            if (what := own or litter(entry.name)) and entry.is_dir(follow_symlinks=False):
                self._passed.add(name, what)
                continue
            if entry.name.startswith("."):
                continue
            if not name.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in name):
                self._set_aside(name, "unreadable", _NO_UNICODE)
            elif entry.is_symlink():
                yield from self._followed(Path(entry.path), name)
            elif entry.is_dir():
                yield from self._scan(Path(entry.path), name + "/")
            elif entry.is_file() and may_be_picture(entry.name):
                yield name

    def _followed(self, link: Path, name: str) -> Iterator[str]:
        target = Path(os.path.realpath(link))
        if target.is_dir():
            self._set_aside(name, "outside", "a link to a folder; put the folder itself there")
        elif not may_be_picture(name):
            return
        elif not target.is_relative_to(self._resolved):
            self._set_aside(name, "outside", "a link out of the folder; put the file itself there")
        elif not target.is_file():
            self._set_aside(name, "missing", "a link to a file that is not there")
        else:
            yield name

    def _set_aside(self, name: str, kind: str, reason: str) -> None:
        shown = name.encode("utf-8", "backslashreplace").decode()
        self._problems.append(Problem(shown, kind, reason, kept=False))


class ZipSource:
    """All that may be pictures in a zip; nothing is unpacked to the disk.

    Members whose names are absolute or climb out of the zip are set aside. The backslashes that
    some Windows programs write are read as "/".

    Parameters
    ----------
    path : Path
        The zip.

    Raises
    ------
    ImageSetError
        The file is not a zip.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()  # zipfile's own count of open members is not thread-safe
        try:
            self._zip = zipfile.ZipFile(path)
            self._changed = stamp_of_file(path.stat())
        except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
            raise ImageSetError(f"{path}: not a readable zip ({error}); pack it again") from error
        members: dict[str, zipfile.ZipInfo] = {}
        problems = set()
        for member in self._zip.infolist():
            name = member.filename.replace("\\", "/")
            if member.is_dir():
                continue
            if leads_out(name):
                problems.add(Problem(name, "outside", "its name leads out of the zip", kept=False))
            else:
                members[PurePosixPath(name).as_posix()] = member
        left, passed = pass_over(members)
        self._members = {name: members[name] for name in left if may_be_picture(name)}
        self.problems = tuple(sorted([*problems, *passed]))

    def __reduce__(self) -> tuple[type[ZipSource], tuple[Path]]:
        return ZipSource, (self.path,)

    def names(self) -> list[str]:
        """Names of the members that may be pictures, sorted."""
        return sorted(self._members)

    def read(self, name: str) -> bytes:
        """Bytes of a member.

        Raises
        ------
        ImageError
            The member is encrypted, damaged, or larger than `MAX_FILE_BYTES` by its own account.
        """
        member = self._members[name]
        if member.flag_bits & 1:
            raise ImageError("encrypted; unpack the zip with its password")
        check_size(member.file_size)
        try:
            with self._lock:
                return self._zip.read(member)
        except Exception as error:  # zipfile and its decompressors have many ways to fail
            raise ImageError(f"damaged in the zip: {error}") from error

    def stamp(self, name: str) -> tuple[int, int]:
        """Size of the member in bytes, and its checksum with the time of the zip's last change."""
        member = self._members[name]
        return member.file_size, stamp_of(member.CRC, self._changed)

    def file(self, name: str) -> Path | None:
        """None: it is no file of its own."""
        return None


def leads_out(name: str) -> bool:
    """Whether the name of an archive's member is absolute or climbs out.

    Examples
    --------
    >>> leads_out("cat/../../x.png"), leads_out("C:/x.png"), leads_out("cat/x..png")
    (True, True, False)
    """
    return name.startswith("/") or bool(re.match(r"[A-Za-z]:", name)) or ".." in name.split("/")


def stamp_of(*told: object) -> int:
    """Return a number from what is told of a file: another where any of it is another."""
    digest = hashlib.blake2b(repr(told).encode(), digest_size=7).digest()
    return int.from_bytes(digest)


def stamp_of_file(status: os.stat_result) -> int:
    """Return `stamp_of` the times and the inode of a file."""
    return stamp_of(status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def check_size(size: int) -> None:
    """Refuse what is larger than `MAX_FILE_BYTES`.

    Raises
    ------
    ImageError
        It is.
    """
    if size > MAX_FILE_BYTES:
        raise ImageError(f"too large: {size:,} bytes; the limit is {MAX_FILE_BYTES:,}")
