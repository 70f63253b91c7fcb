"""Pictures at a URL that fsspec can read: object stores, Hugging Face, web servers, archives."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from embedlens.errors import ImageSetError
from embedlens.images.decode import ImageError
from embedlens.images.passed_over import pass_over
from embedlens.images.problem import Problem
from embedlens.images.source import UNKNOWN, check_size, leads_out, may_be_picture, stamp_of

_INSTALL = "pip install 'embedlens[cloud]'"


def is_url(place: str) -> bool:
    """Whether a place is a URL: ``s3://...``, ``memory://...``, ``zip::s3://...``.

    Examples
    --------
    >>> is_url("s3://bucket/photos"), is_url("C:/photos"), is_url("photos/")
    (True, False, False)
    """
    return "://" in place or "::" in place


def read_url(url: str) -> bytes:
    """Return the bytes of the file at a URL.

    Raises
    ------
    ImageError
        It is not there, or cannot be had.
    ImageSetError
        As `UrlSource`.
    """
    system, path = _connect(url)
    try:
        data: bytes = system.cat_file(path)
    except Exception as error:  # each store has its own errors
        raise ImageError(f"cannot be read: {_told(error)}") from error
    return data


class UrlSource:
    """All that may be pictures below a URL.

    Parameters
    ----------
    url : str
        ``s3://bucket/folder``, ``gs://...``, ``hf://datasets/owner/name``, or a chain that looks
        into an archive: ``zip::s3://bucket/photos.zip``. Credentials are found where each store's
        own tools find them.

    Raises
    ------
    ImageSetError
        fsspec or what it needs for the store is not installed, nothing is there, or access is
        denied.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        files: dict[str, dict[str, Any]] = {}
        problems = set()
        self._system, self._top = _connect(url)
        try:
            found = self._system.find(self._top, detail=True)
        except Exception as error:  # each store has its own errors
            raise ImageSetError(f"{url}: cannot be listed ({_told(error)}); check it") from error
        top = PurePosixPath("/" + self._top.strip("/"))
        for path, detail in found.items():
            absolute = PurePosixPath("/" + path.strip("/"))
            if not absolute.is_relative_to(top) or leads_out(path.strip("/")):
                problems.add(Problem(path, "outside", "its name leads out", kept=False))
                continue
            name = absolute.relative_to(top).as_posix()
            if name != ".":
                files[name] = detail
        left, passed = pass_over(files)
        self._files = {name: files[name] for name in left if may_be_picture(name)}
        self.problems = tuple(sorted([*problems, *passed]))

    def __reduce__(self) -> tuple[type[UrlSource], tuple[str]]:
        return UrlSource, (self.url,)

    def names(self) -> list[str]:
        """Names below the URL, sorted."""
        return sorted(self._files)

    def read(self, name: str) -> bytes:
        """Bytes of the file.

        Raises
        ------
        ImageError
            It is gone, cannot be had, or is larger than `MAX_FILE_BYTES`.
        """
        detail = self._files.get(name)
        if detail is None:
            raise ImageError("not at the URL")
        check_size(int(detail.get("size") or 0))
        try:
            data: bytes = self._system.cat_file(detail["name"])
        except Exception as error:
            raise ImageError(f"cannot be read: {_told(error)}") from error
        return data

    def stamp(self, name: str) -> tuple[int, int]:
        """Size in bytes, and a number that changes with the file: of its time or its tag."""
        detail = self._files.get(name, {})
        known = ("ETag", "etag", "md5Hash", "LastModified", "last_modified", "created", "mtime")
        told = [str(detail[each]) for each in known if each in detail]
        return int(detail.get("size") or 0), stamp_of(*told) if told else UNKNOWN

    def file(self, name: str) -> Path | None:
        """None: it is no file of this machine."""
        return None


def _connect(url: str) -> tuple[Any, str]:
    try:
        import fsspec
    except ImportError as error:
        raise ImageSetError(f"{url}: reading URLs needs fsspec: {_INSTALL}") from error
    try:
        system, top = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise ImageSetError(f"{url}: {error}. {_INSTALL}, or install what it names") from error
    except Exception as error:
        raise ImageSetError(f"{url}: cannot be opened ({_told(error)}); check it") from error
    return system, str(top)


def _told(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
