"""Decoding pictures ahead of the engine that wants them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from embedlens.arrays import processors
from embedlens.backbones import Transform
from embedlens.errors import ImageSetError

if TYPE_CHECKING:
    from embedlens.features.engines import Runner
    from embedlens.images import ImageSet

Read = TypeVar("Read")

_THREADS = 2  # beside a network that has the processors for itself
_AHEAD = 8  # pictures a thread: enough to hide a slow one, few enough to hold memory flat


def decoded(
    images: ImageSet, rows: Iterable[int], transform: Transform, threads: int = _THREADS
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (row, pixels) in order, decoding a few pictures ahead in other threads.

    Pixels are uint8 (h, w, 3), 0 to 255 RGB, fitted to size as the transform says; its scaling is
    the network's. More than two threads pay where the network is on a GPU.

    Raises
    ------
    ImageSetError
        If a picture cannot be read any more; what was embedded before it is kept.
    """
    options = fitting(transform)
    for row, pixels in ahead(lambda row: images.pixels(row, **options), rows, threads):
        yield row, _result(pixels)


def decoding_threads(engine: Runner) -> int:
    """Return how many threads decode beside an engine: beside a GPU all processors are free."""
    return processors() if getattr(engine, "gpu", None) else _THREADS


def fitting(transform: Transform) -> dict[str, Any]:
    """Return what ``decode`` must be told to fit pictures as a transform says."""
    names = ("size", "resize", "crop", "shorter_side", "interpolation", "fill", "centre")
    return {name: getattr(transform, name) for name in names}


def ahead(
    read: Callable[[int], Read], rows: Iterable[int], threads: int = _THREADS
) -> Iterator[tuple[int, Future[Read]]]:
    """Yield (row, what ``read`` makes of it) in order, begun a few rows ahead in other threads."""
    rows = iter(rows)
    with ThreadPoolExecutor(min(threads, processors()), "decode") as pool:
        waiting = deque((row, pool.submit(read, row)) for row in islice(rows, _AHEAD * threads))
        try:
            while waiting:
                yield waiting.popleft()
                waiting.extend((row, pool.submit(read, row)) for row in islice(rows, 1))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _result(pixels: Future[np.ndarray]) -> np.ndarray:
    try:
        return pixels.result()
    except (OSError, ImageSetError) as error:
        raise ImageSetError(
            f"A picture can no longer be read: {error}. Run again: the pictures are listed anew, "
            "and nothing already computed is lost."
        ) from error
