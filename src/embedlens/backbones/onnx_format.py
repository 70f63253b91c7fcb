"""What an ONNX file says of itself, read without a library: whether it is one, and its other files.

An ONNX file is a protocol buffer, ``ModelProto`` of onnx.proto3. Its large numbers may lie in files
beside it, which belong to its content.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from embedlens.errors import BackboneError

# Numbers of fields in onnx.proto3.
_MODEL_VERSION, _MODEL_GRAPH = 1, 7
_GRAPH_NODE, _GRAPH_INITIALIZER = 1, 5
_NODE_ATTRIBUTE, _ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH = 5, 5, 6
_TENSOR_EXTERNAL, _ENTRY_KEY, _ENTRY_VALUE = 13, 1, 2

_LFS = b"version https://git-lfs.github.com/spec/"
_LOCATION = b"location"


@dataclass(frozen=True)
class _Field:
    """A field of a message: its number, and where its content lies if it has a length."""

    number: int
    start: int
    end: int


class _Broken(Exception):
    """The bytes are no message, or end before it does."""


def external_files(path: Path) -> tuple[Path, ...]:
    """Return the files beside an ONNX file that hold its large numbers.

    Parameters
    ----------
    path : Path
        A file that exists.

    Returns
    -------
    tuple of Path
        Each once, in the order of their names; empty where the file holds everything.

    Raises
    ------
    BackboneError
        If it is no ONNX file, is cut short, or its other files are absent or lie elsewhere.
    """
    if path.stat().st_size == 0:
        raise BackboneError(f"{path} is empty; export or download it again.")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[: len(_LFS)] == _LFS:
            raise BackboneError(
                f"{path} is not the model but a Git LFS pointer to it; get it with `git lfs pull`, "
                "or download the file itself."
            )
        try:
            names = sorted(set(_locations(data)))
        except _Broken as error:
            raise BackboneError(
                f"{path} is no ONNX file, or not all of one: {error}. Export or download it again."
            ) from error
    return tuple(_beside(path, name) for name in names)


def _beside(path: Path, name: str) -> Path:
    found = path.parent / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise BackboneError(
            f"{path} has data in {name}, which is not beside it; only files in its folder are read."
        )
    if not found.is_file():
        raise BackboneError(
            f"{path} has its numbers in {name}, which is not beside it; put that file into "
            f"{path.parent}."
        )
    return found


def _locations(data: mmap.mmap) -> Iterator[str]:
    fields = list(_fields(data, 0, len(data)))
    graphs = [each for each in fields if each.number == _MODEL_GRAPH and each.end > each.start]
    if not graphs or fields[0].number > _MODEL_GRAPH + 20:
        raise _Broken("it holds no graph")
    for graph in graphs:
        yield from _in_graph(data, graph)


def _in_graph(data: mmap.mmap, graph: _Field) -> Iterator[str]:
    for each in _fields(data, graph.start, graph.end):
        if each.number == _GRAPH_INITIALIZER:
            yield from _in_tensor(data, each)
        elif each.number == _GRAPH_NODE:
            for attribute in _fields(data, each.start, each.end):
                if attribute.number == _NODE_ATTRIBUTE:
                    yield from _in_attribute(data, attribute)


def _in_attribute(data: mmap.mmap, attribute: _Field) -> Iterator[str]:
    for each in _fields(data, attribute.start, attribute.end):
        if each.number == _ATTRIBUTE_TENSOR and each.end > each.start:
            yield from _in_tensor(data, each)
        elif each.number == _ATTRIBUTE_GRAPH and each.end > each.start:
            yield from _in_graph(data, each)


def _in_tensor(data: mmap.mmap, tensor: _Field) -> Iterator[str]:
    for entry in _fields(data, tensor.start, tensor.end):
        if entry.number == _TENSOR_EXTERNAL:
            parts = {
                each.number: data[each.start : each.end]
                for each in _fields(data, entry.start, entry.end)
            }
            if parts.get(_ENTRY_KEY) == _LOCATION:
                yield parts.get(_ENTRY_VALUE, b"").decode("utf-8", "replace")


def _fields(data: mmap.mmap, start: int, end: int) -> Iterator[_Field]:
    """Yield the fields of a message; content of a length is passed over, not read."""
    place = start
    while place < end:
        tag, place = _number(data, place, end)
        kind, number = tag & 7, tag >> 3
        begin = place
        if number == 0:
            raise _Broken("its bytes are of another format")
        if kind == 0:
            _, place = _number(data, place, end)
            begin = place
        elif kind == 1:
            begin = place = place + 8
        elif kind == 2:
            length, begin = _number(data, place, end)
            place = begin + length
        elif kind == 5:
            begin = place = place + 4
        else:
            raise _Broken("its bytes are of another format")
        if place > end:
            raise _Broken("it ends before its content does")
        yield _Field(number, begin, place)


def _number(data: mmap.mmap, place: int, end: int) -> tuple[int, int]:
    """Return a number of variable length, and where it ends."""
    value = shift = 0
    while place < end and shift < 64:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
    raise _Broken("it ends before its content does")
