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
from embedlens.features.decoding_process import DecodingProcesses
from embedlens.images import decode

if TYPE_CHECKING:
    from embedlens.features.engines import Runner
    from embedlens.images import ImageSet

Read = TypeVar("Read")

_THREADS = 2  # beside a network that has the processors for itself
_MANY = 1000  # pictures from which processes are worth the seconds that they take to start
_AHEAD = 8  # pictures a thread: enough to hide a slow one, few enough to hold memory flat


def decoded(
    images: ImageSet,
    rows: Iterable[int],
    transform: Transform,
    threads: int = _THREADS,
    by: Callable[..., np.ndarray] = decode,
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (row, pixels) in order, decoding a few pictures ahead in other threads.

    Pixels are uint8 (h, w, 3), 0 to 255 RGB, fitted to size as the transform says; its scaling is
    the network's. ``by`` decodes them.

    Raises
    ------
    ImageSetError
        If a picture cannot be read any more; what was embedded before it is kept.
    """
    options = fitting(transform)
    for row, pixels in ahead(lambda row: images.pixels(row, by=by, **options), rows, threads):
        yield row, _result(pixels)


def decoded_for(
    engine: Runner, images: ImageSet, rows: Sequence[int], transform: Transform
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield as `decoded` does, beside a GPU as fast as all processors decode."""
    if not _on_gpu(engine) or len(rows) < _MANY:
        yield from decoded(images, rows, transform, decoding_threads(engine))
        return
    # More threads than processes, so that none of these waits for a thread.
    with DecodingProcesses(processors()) as processes:
        yield from decoded(images, rows, transform, processors() + 2, processes.decode)


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
    read: Callable[[int], Read], rows: Iterable[int], threads: int = _THREADS
) -> Iterator[tuple[int, Future[Read]]]:
    """Yield (row, what ``read`` makes of it) in order, begun a few rows ahead in other threads."""
    rows = iter(rows)
    with ThreadPoolExecutor(threads, "decode") as pool:
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
