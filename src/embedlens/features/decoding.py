"""Decoding pictures ahead of the engine that wants them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from embedlens.arrays import processors
from embedlens.backbones import Transform
from embedlens.errors import ImageSetError

if TYPE_CHECKING:
    from embedlens.images import ImageSet

_THREADS = 2
_AHEAD = 16  # pictures: enough to hide a slow one, few enough to hold memory flat


def decoded(
    images: ImageSet, rows: Iterable[int], transform: Transform
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (row, pixels) in order, decoding a few pictures ahead in other threads.

    Pixels are uint8 (h, w, 3), 0 to 255 RGB, fitted to size as the transform says; its scaling is
    the network's.

    Raises
    ------
    ImageSetError
        If a picture cannot be read any more; what was embedded before it is kept.
    """
    rows = iter(rows)
    with ThreadPoolExecutor(min(_THREADS, processors()), "decode") as pool:

        def start(row: int) -> tuple[int, Future[np.ndarray]]:
            return row, pool.submit(
                images.pixels, row, transform.size, transform.resize,
                crop=transform.crop, shorter_side=transform.shorter_side,
                interpolation=transform.interpolation, fill=transform.fill,
                centre=transform.centre,
            )  # fmt: skip

        waiting = deque(start(row) for row in islice(rows, _AHEAD))
        try:
            while waiting:
                row, pixels = waiting.popleft()
                yield row, _result(pixels)
                waiting.extend(start(row) for row in islice(rows, 1))
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
