"""Pictures on which there is nothing to see."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

# Grey levels of 255. 12 bits in a 16-bit file, read as if they were 16, end at 16.
_BLACK, _WHITE = 16.0, 245.0
_FLAT = 2.0  # standard deviation: what compression leaves of one shade


def blankness(grey: npt.NDArray[Any]) -> str:
    """Say what a picture is all but: "black", "white", "of one shade", or "" for most pictures.

    One pixel of a hundred may be otherwise: a speck, a time stamp.

    Parameters
    ----------
    grey : ndarray
        Its grey levels, 0 to 255, possibly reduced to a few.

    Examples
    --------
    >>> blankness(np.zeros((32, 32))), blankness(np.arange(256.0))
    ('black', '')
    """
    low, high = np.percentile(grey, [1, 99])
    if high <= _BLACK:
        return "black"
    if low >= _WHITE:
        return "white"
    return "of one shade" if np.std(grey) < _FLAT else ""
