"""Decoding pictures ahead of the engine that wants them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from embedlens.arrays import processors
from embedlens.backbones import Transform
from embedlens.errors import ImageSetError
from embedlens.features.decoding_process import Decoded, DecodingProcesses

if TYPE_CHECKING:
    from embedlens.features.engines import Runner
    from embedlens.images import ImageSet

Read = TypeVar("Read")

_THREADS = 2  # beside a network that has the processors for itself
_MANY = 1000  # pictures from which processes are worth the seconds that they take to start
_AHEAD = 8  # pictures a thread: enough to hide a slow one, few enough to hold memory flat
_TOGETHER = 8  # pictures that a process is asked for: the interpreter's lock passes on less often
_PARTS_AHEAD = 2  # of so many pictures, a thread


def decoded(
    images: ImageSet, rows: Iterable[int], transform: Transform, threads: int = _THREADS
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (row, pixels) in order, decoding a few pictures ahead in other threads.

    Pixels are uint8 (h, w, 3), 0 to 255 RGB, fitted to size as the transform says; its scaling is
    the network's.

    Raises
    ------
    ImageSetError
        If a picture cannot be read any more; what was embedded before it is kept.
    """
    options = fitting(transform)
    for row, pixels in ahead(lambda row: images.pixels(row, **options), rows, threads):
        yield row, _result(pixels)


class Decoding:
    """How pictures are decoded beside a network: beside a GPU, as fast as all processors can.

    As a context manager it ends its processes.

    Examples
    --------
    >>> with Decoding() as decoding:  # doctest: +SKIP
    ...     runner.run(decoding.pictures(runner, images, rows, transform), write)
    """

    def __init__(self) -> None:
        self._processes: DecodingProcesses | None = None

    def start(self, count: int) -> None:
        """Start processes for so many pictures, if they are worth it, where they do not run yet.

        A network is loaded meanwhile, if they are started before it.
        """
        if self._processes is None and count >= _MANY:
            self._processes = DecodingProcesses(processors())

    def pictures(
        self, runner: Runner, images: ImageSet, rows: Sequence[int], transform: Transform
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Yield as `decoded` does."""
        if _on_gpu(runner):
            self.start(len(rows))
        if _on_gpu(runner) and self._processes is not None:
            return _decoded_in(self._processes, images, rows, transform)
        return decoded(images, rows, transform, decoding_threads(runner))

    def __enter__(self) -> Decoding:
        return self

    def __exit__(self, *error: object) -> None:
        if self._processes is not None:
            self._processes.close()


def _decoded_in(
    processes: DecodingProcesses, images: ImageSet, rows: Sequence[int], transform: Transform
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield as `decoded` does, what processes decode."""
    options = fitting(transform)
    parts = [rows[first : first + _TOGETHER] for first in range(0, len(rows), _TOGETHER)]

    def read(part: int) -> list[np.ndarray]:
        files = [(images.read_bytes(row), images.levels(row)) for row in parts[part]]
        found = processes.decode(files, **options)
        return [_named(images, *each) for each in zip(parts[part], found, strict=True)]

    # More threads than processes, so that none of these waits for a thread.
    for part, pixels in ahead(read, range(len(parts)), processors() + 2, _PARTS_AHEAD):
        found: list[np.ndarray] = _result(pixels)
        yield from zip(parts[part], found, strict=True)


def _named(images: ImageSet, row: int, found: Decoded) -> np.ndarray:
    if isinstance(found, Exception):
        raise ImageSetError(f"{images.paths[row]}: {found}") from found
    return found


def decoding_threads(engine: Runner) -> int:
    """Return how many threads decode beside an engine: beside a GPU the processors are free.

    More than eight threads of one interpreter decode no more than eight.
    """
    return min(8 if _on_gpu(engine) else _THREADS, processors())


def _on_gpu(engine: Runner) -> bool:
    return getattr(engine, "gpu", None) is not None


def fitting(transform: Transform) -> dict[str, Any]:
    """Return what ``decode`` must be told to fit pictures as a transform says."""
    names = ("size", "resize", "crop", "shorter_side", "interpolation", "fill", "centre")
    return {name: getattr(transform, name) for name in names}


def ahead(
    read: Callable[[int], Read],
    rows: Iterable[int],
    threads: int = _THREADS,
    each: int = _AHEAD,
) -> Iterator[tuple[int, Future[Read]]]:
    """Yield (row, what ``read`` makes of it) in order, begun a few rows ahead in other threads.

    ``each`` is how many rows ahead, a thread.
    """
    rows = iter(rows)
    with ThreadPoolExecutor(threads, "decode") as pool:
        waiting = deque((row, pool.submit(read, row)) for row in islice(rows, each * threads))
        try:
            while waiting:
                yield waiting.popleft()
                waiting.extend((row, pool.submit(read, row)) for row in islice(rows, 1))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _result(pixels: Future[Read]) -> Read:
    try:
        return pixels.result()
    except (OSError, ImageSetError) as error:
        raise ImageSetError(
            f"A picture can no longer be read: {error}. Run again: the pictures are listed anew, "
            "and nothing already computed is lost."
        ) from error
