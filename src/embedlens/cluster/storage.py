"""A folder or bucket that every node reaches; files in it appear whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from embedlens.errors import EmbedlensError
from embedlens.given_path import absolute

_PIECE = 1 << 26  # bytes written and read at once: a part of an upload, of which S3 takes 10,000


class Storage:
    """Files by name, "/" between their parts, below a folder or a URL.

    Parameters
    ----------
    place : str or path
        A folder, or a URL that pyarrow knows: ``s3://bucket/prefix``, ``gs://...``. Credentials and
        region are found where AWS's tools find them; ``AWS_ENDPOINT_URL`` names another server.

    Raises
    ------
    EmbedlensError
        If pyarrow cannot open it.

    Examples
    --------
    >>> import tempfile
    >>> storage = Storage(tempfile.mkdtemp())
    >>> storage.write("a/b.txt", b"whole")
    >>> storage.names("a"), storage.read("a/b.txt")
    (['b.txt'], b'whole')
    """

    def __init__(self, place: str | Path) -> None:
        self.place = str(place) if "://" in str(place) else str(absolute(place))
        self._system, self._root = _opened(self.place)

    def __reduce__(self) -> tuple[type[Storage], tuple[str]]:
        return Storage, (self.place,)

    def __str__(self) -> str:
        return self.place

    @property
    def folder(self) -> Path | None:
        """The folder, where it is one of this machine's file system."""
        return None if "://" in self.place else Path(self.place)

    def names(self, folder: str) -> list[str]:
        """Return the names of the files directly in a folder, sorted; none where it is absent."""
        from pyarrow.fs import FileSelector, FileType

        found = self._system.get_file_info(
            FileSelector(self._path(folder), allow_not_found=True, recursive=False)
        )
        return sorted(each.base_name for each in found if each.type == FileType.File)

    def read(self, name: str) -> bytes:
        """Return the bytes of a file.

        Raises
        ------
        FileNotFoundError
            If it is not there.
        """
        with self.open(name) as file:
            data: bytes = file.read()
            return data

    def open(self, name: str) -> Any:
        """Open a file for reading at any place in it, as a ``pyarrow.NativeFile``."""
        return self._system.open_input_file(self._path(name))

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a file, some at a time."""
        with self._system.open_input_stream(self._path(name)) as file:
            while piece := file.read(_PIECE):
                yield piece

    def write(self, name: str, data: bytes) -> None:
        """Write a file; it takes the place of one of its name."""
        with self.writing(name) as file:
            file.write(data)

    @contextmanager
    def writing(self, name: str) -> Iterator[Any]:
        """Open a file for writing in pieces; it is seen when the block ends without an error.

        In a bucket an error may leave a file that ends early: whatever says that a file of several
        pieces is complete must be written after it.
        """
        path = self._path(name)
        if self.folder is None:
            with self._system.open_output_stream(path, buffer_size=_PIECE) as file:
                yield file
            return
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        # Nodes that share a folder may have processes and threads of equal numbers.
        partial = target.with_name(f".{target.name}.{uuid4().hex}.tmp")
        try:
            with self._system.open_output_stream(str(partial), buffer_size=_PIECE) as file:
                yield file
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def delete(self, name: str) -> None:
        """Delete a file, if it is there."""
        from pyarrow.fs import FileType

        path = self._path(name)
        if self._system.get_file_info(path).type != FileType.NotFound:
            self._system.delete_file(path)

    def delete_folder(self, name: str) -> None:
        """Delete a folder with all that is in it, if it is there."""
        from pyarrow.fs import FileType

        path = self._path(name)
        if self._system.get_file_info(path).type == FileType.Directory:
            self._system.delete_dir(path)

    def read_json(self, name: str) -> dict[str, Any]:
        """Return a file of JSON; empty where it is absent or is none."""
        try:
            read = json.loads(self.read(name))
        except (OSError, ValueError):
            return {}
        return read if isinstance(read, dict) else {}

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


def _opened(place: str) -> tuple[Any, str]:
    from pyarrow.fs import FileSystem, LocalFileSystem

    if "://" not in place:
        return LocalFileSystem(), place
    try:
        system, root = FileSystem.from_uri(place)
    except (OSError, ValueError) as error:
        raise EmbedlensError(
            f"{place} cannot be opened ({error}); give a folder or a URL such as s3://bucket/prefix."
        ) from error
    return system, root.rstrip("/")
